"""fasterapi_asgi.main and the package: uvicorn's names and signatures, and what run() does."""

import inspect
import subprocess
import sys
from typing import Any

import click
import pytest
import uvicorn
from own_options import OWN

import fasterapi_asgi
from fasterapi_asgi.errors import OptionError, UnsupportedOption


def parameters_of(function: Any) -> list[tuple[str, Any, Any]]:
    signature = inspect.signature(function)
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


def without_log_config(parameters: list[tuple[str, Any, Any]]) -> list[tuple[str, Any, Any]]:
    return [p if p[0] != "log_config" else (p[0], p[1], ...) for p in parameters]


@pytest.mark.parametrize("name", ["run", "Config"])
def test_the_signature_is_uvicorns_with_our_options_behind(name: str) -> None:
    ours = parameters_of(getattr(fasterapi_asgi, name))
    theirs = parameters_of(getattr(uvicorn, name))
    assert without_log_config(ours[: len(theirs)]) == without_log_config(theirs)
    assert {name for name, _, _ in ours[len(theirs) :]} == OWN
    assert {kind for _, kind, _ in ours[len(theirs) :]} == {inspect.Parameter.KEYWORD_ONLY}


def test_run_and_config_agree_on_annotations_and_defaults() -> None:
    run = inspect.signature(fasterapi_asgi.run).parameters
    config = inspect.signature(fasterapi_asgi.Config).parameters
    common = set(run) & set(config)
    assert {run[name].annotation for name in common} and not [
        name
        for name in common
        if (run[name].annotation, run[name].default)
        != (config[name].annotation, config[name].default)
    ]


@pytest.mark.parametrize(
    "name", ["run", "serve", "startup", "main_loop", "shutdown", "on_tick", "handle_exit"]
)
def test_the_steps_of_a_server_have_uvicorns_parameters(name: str) -> None:
    ours = parameters_of(getattr(fasterapi_asgi.Server, name))
    assert ours == parameters_of(getattr(uvicorn.Server, name))


def test_a_config_has_every_attribute_of_uvicorns() -> None:
    ours = vars(fasterapi_asgi.Config("app:app", log_config=None))
    theirs = vars(uvicorn.Config("app:app", log_config=None))
    missing = {name: value for name, value in theirs.items() if ours.get(name, ...) != value}
    assert missing == {"reload_dirs_excludes": []}  # comes with reloading


def test_the_stock_logging_set_up_differs_from_uvicorns_only_in_the_classes() -> None:
    ours = repr(fasterapi_asgi.config.LOGGING_CONFIG)
    theirs = repr(uvicorn.config.LOGGING_CONFIG)
    assert ours.replace("fasterapi_asgi.logging", "uvicorn.logging") == theirs


def test_main_is_the_command_and_the_module() -> None:
    import fasterapi_asgi.main as by_import
    from fasterapi_asgi.main import Server, main, run

    assert isinstance(main, click.Command)
    assert main is by_import is fasterapi_asgi.main
    assert (Server, run) == (fasterapi_asgi.Server, fasterapi_asgi.run)


def test_every_public_name_exists() -> None:
    assert [name for name in fasterapi_asgi.__all__ if not hasattr(fasterapi_asgi, name)] == []


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'fasterapi_asgi' has no attribute 'nonsense'"):
        fasterapi_asgi.nonsense  # noqa: B018


def test_importing_the_package_loads_nothing_that_a_start_does_not_need() -> None:
    heavy = {"yaml", "dotenv", "email", "fasterapi_asgi._core", "fasterapi_asgi.loops", "uvicorn"}
    program = f"import sys, fasterapi_asgi; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


class Recorder:
    """Takes the place of Server and remembers what run() did with it."""

    def __init__(self, config: fasterapi_asgi.Config) -> None:
        made.append(self)
        self.config = config
        self.started = True
        self.should_exit = False
        self.outcome: BaseException | None = None

    def run(self) -> None:
        if self.outcome is not None:
            raise self.outcome


made: list[Recorder] = []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    made.clear()
    monkeypatch.setattr(sys.modules["fasterapi_asgi.main"], "Server", Recorder)
    return Recorder


async def app(_scope: object, _receive: object, _send: object) -> None: ...


def test_run_makes_a_config_of_its_arguments_and_serves(server: type[Recorder]) -> None:
    fasterapi_asgi.run(app, port=1234, log_level="warning", headers=[("a", "b")])
    [instance] = made
    assert isinstance(instance, server)
    config = instance.config
    assert (config.app, config.port, config.log_level) == (app, 1234, "warning")
    assert config.headers == [("a", "b")]


def test_run_puts_the_applications_folder_first_on_the_path(
    server: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    fasterapi_asgi.run(app, app_dir="the_folder")
    assert sys.path == ["the_folder", "elsewhere"] and made
    assert server is Recorder


@pytest.mark.usefixtures("server")
def test_run_imports_the_application_before_it_serves() -> None:
    with pytest.raises(SystemExit) as ended:
        fasterapi_asgi.run("no_such_module:app")
    assert (ended.value.code, made) == (3, [])


@pytest.mark.parametrize(
    ("outcome", "started", "should_exit", "code"),
    [
        (None, True, False, None),
        (KeyboardInterrupt(), True, True, None),
        (KeyboardInterrupt(), False, True, None),
        (None, False, False, 3),
    ],
    ids=["stopped", "Ctrl-C", "Ctrl-C during the start", "never started"],
)
def test_the_exit_code_tells_how_it_ended(
    outcome: BaseException | None,
    started: bool,
    should_exit: bool,
    code: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ends(Recorder):
        def run(self) -> None:
            self.started, self.should_exit, self.outcome = started, should_exit, outcome
            super().run()

    monkeypatch.setattr(sys.modules["fasterapi_asgi.main"], "Server", Ends)
    if code is None:
        fasterapi_asgi.run(app)
    else:
        with pytest.raises(SystemExit) as ended:
            fasterapi_asgi.run(app)
        assert ended.value.code == code


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"reload": True}, "--reload is not supported yet: "),
        ({"workers": 2}, "--workers is not supported yet: "),
        ({"ssl_certfile": "cert.pem"}, "--ssl-certfile is not supported yet: "),
        ({"http": "h11"}, "--http is not supported yet: "),
        ({"interface": "wsgi"}, "--interface wsgi is not supported yet: "),
        ({"reset_contextvars": True}, "--reset-contextvars is not supported yet: "),
    ],
)
def test_what_is_not_built_is_refused_before_the_application_is_imported(
    options: dict[str, Any], text: str
) -> None:
    with pytest.raises(UnsupportedOption, match=text):
        fasterapi_asgi.run("no_such_module:app", **options)
    assert made == []


def test_an_unusable_option_is_a_value_error() -> None:
    assert issubclass(OptionError, ValueError)
