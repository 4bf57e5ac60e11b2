"""fasterapi_asgi.config: what becomes of each option, as uvicorn's Config has it."""

import asyncio
import configparser
import contextlib
import io
import json
import logging
import os
import pickle
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from fasterapi_asgi import Config
from fasterapi_asgi.errors import OptionError, UnsupportedOption
from fasterapi_asgi.lifespan.off import LifespanOff
from fasterapi_asgi.lifespan.on import LifespanOn
from fasterapi_asgi.middleware.asgi2 import ASGI2Middleware
from fasterapi_asgi.middleware.message_logger import MessageLoggerMiddleware
from fasterapi_asgi.middleware.proxy_headers import ProxyHeadersMiddleware


async def app(_scope: Any, _receive: Any, _send: Any) -> None: ...


class Callable:
    async def __call__(self, _scope: Any, _receive: Any, _send: Any) -> None: ...


class Awaitable:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def __await__(self) -> Any: ...


class DoubleCallable:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


def returns_coroutine(scope: Any, receive: Any, send: Any) -> Any:
    return app(scope, receive, send)


def make(application: Any = app, **options: Any) -> Config:
    return Config(application, log_config=options.pop("log_config", None), **options)


# construction


@pytest.mark.parametrize("name", ["loop", "http", "ws"])
def test_any_object_is_accepted_until_it_is_used(name: str) -> None:
    thing = object()
    assert getattr(make(**{name: thing}), name) is thing


def test_attributes_may_be_changed_and_added_later() -> None:
    config: Any = make()
    config.reload_delay = 3.0
    config.something_of_my_own = 1
    assert (config.reload_delay, config.something_of_my_own) == (3.0, 1)


def test_a_config_survives_pickling() -> None:
    config = make("module:app", port=1, headers=[("a", "b")])
    assert vars(pickle.loads(pickle.dumps(config))) == vars(config)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"workers": 0},
        {"workers": 3},
        {"reload": True, "reload_dirs": ["."]},
        {"reload_dirs": "."},
        {"ssl_keyfile": "x"},
        {"ssl_certfile": "x"},
        {"forwarded_allow_ips": ["a"]},
        {"headers": [("a", "b")]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("application", ["module:app", app], ids=["string", "object"])
def test_derived_attributes_are_uvicorns(application: Any, options: dict[str, Any]) -> None:
    ours = make(application, **options)
    theirs = uvicorn.Config(application, log_config=None, **options)
    for name in ("workers", "should_reload", "use_subprocess", "is_ssl", "headers"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.forwarded_allow_ips == theirs.forwarded_allow_ips
    assert bool(ours.reload_dirs) == bool(theirs.reload_dirs)


def test_reload_options_without_reload_are_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    make(reload_dirs=["x"])
    ours = [record.getMessage() for record in caplog.records]
    caplog.clear()
    uvicorn.Config(app, log_config=None, reload_dirs=["x"])
    assert ours == [record.getMessage() for record in caplog.records] != []


# environment


def test_web_concurrency_sets_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert (make().workers, make(workers=2).workers) == (4, 2)


def test_a_bad_web_concurrency_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    with pytest.raises(OptionError, match="WEB_CONCURRENCY='many' is not a number"):
        make()


def test_forwarded_allow_ips_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1")
    assert make().forwarded_allow_ips == "10.0.0.1"
    assert make(forwarded_allow_ips="*").forwarded_allow_ips == "*"


def test_an_env_file_fills_the_environment_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    caplog.set_level(logging.INFO)
    (tmp_path / "env").write_text("FORWARDED_ALLOW_IPS=10.0.0.2\nKEY=value\n")
    assert make(env_file=tmp_path / "env").forwarded_allow_ips == "10.0.0.2"
    assert os.environ["KEY"] == "value"
    assert f"Loading environment from '{tmp_path / 'env'}'" in caplog.messages


def test_an_env_file_without_python_dotenv_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    with pytest.raises(OptionError, match="pip install python-dotenv"):
        make(env_file=".env")


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OptionError, match=r"--env-file .* cannot be read"):
        make(env_file=tmp_path / "env")


# logging

MINIMAL = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"uvicorn.error": {"level": "CRITICAL"}},
}
MINIMAL_INI = """
[loggers]
keys = root, error
[handlers]
keys =
[formatters]
keys =
[logger_root]
handlers =
[logger_error]
qualname = uvicorn.error
level = CRITICAL
handlers =
"""


def level_of(name: str) -> int:
    return logging.getLogger(name).level


@pytest.fixture
def root_logger_is_put_back() -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("root_logger_is_put_back")
@pytest.mark.parametrize("kind", ["dict", "json", "yaml", "yml", "ini", "parser", "file", "path"])
def test_logging_is_configured_from_anything_uvicorn_takes(kind: str, tmp_path: Path) -> None:
    text = {"ini": MINIMAL_INI, "path": MINIMAL_INI}.get(kind, json.dumps(MINIMAL))
    path = tmp_path / f"logging.{kind}"
    path.write_text(text)
    parser = configparser.RawConfigParser()
    parser.read_string(MINIMAL_INI)
    others = {"dict": MINIMAL, "parser": parser, "file": io.StringIO(MINIMAL_INI), "path": path}
    make(log_config=others.get(kind, str(path)))
    assert level_of("uvicorn.error") == logging.CRITICAL


def test_without_a_log_config_logging_is_left_alone() -> None:
    before = logging.getLogger("uvicorn.error").level
    make(log_config=None)
    assert (level_of("uvicorn.error"), logging.getLogger("uvicorn").handlers) == (before, [])


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.ini", "nonsense", "contains no section headers"),
        ("a.json", "{", "JSONDecodeError"),
        ("a.json", '{"version": 2}', "Unsupported version"),
        ("a.yaml", "a: [", "ParserError"),
    ],
)
def test_an_unusable_log_config_is_named(name: str, text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(OptionError, match=f"--log-config .*{name}' cannot be used: .*{reason}"):
        make(log_config=tmp_path / name)


def test_a_yaml_log_config_without_pyyaml_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("version: 1")
    with pytest.raises(OptionError, match=r"needs a module: .*yaml.*pip"):
        make(log_config=tmp_path / "a.yaml")


@pytest.mark.parametrize(("given", "level"), [("INFO", 20), ("Trace", 5), ("debug", 10), (7, 7)])
def test_the_log_level_is_a_name_in_any_case_or_a_number(given: str | int, level: int) -> None:
    config = make(log_level=given)
    names = ("uvicorn.error", "uvicorn.access", "uvicorn.asgi")
    assert [level_of(name) for name in names] == [level] * 3
    assert config.log_level == given


def test_an_unknown_log_level_is_named() -> None:
    with pytest.raises(OptionError, match="log_level 'loud' does not exist"):
        make(log_level="loud")


def test_without_access_log_the_access_logger_is_mute() -> None:
    Config(app, access_log=False)
    logger = logging.getLogger("uvicorn.access")
    assert (logger.handlers, logger.propagate, logger.hasHandlers()) == ([], False, False)


@pytest.mark.parametrize("use_colors", [True, False, None])
def test_use_colors_is_written_into_a_dict(use_colors: bool | None) -> None:
    formatters: dict[str, Any] = {"default": {"use_colors": "before"}, "access": {}}
    log_config = {"version": 1, "disable_existing_loggers": False, "formatters": formatters}
    before = json.loads(json.dumps(formatters))
    with contextlib.suppress(ValueError):  # logging's opinion of such formatters is not asked for
        Config(app, log_config=log_config, use_colors=use_colors)
    if use_colors is None:
        assert formatters == before
    else:
        assert [entry["use_colors"] for entry in formatters.values()] == [use_colors] * 2


def test_use_colors_leaves_a_dict_without_stock_formatters_alone() -> None:
    log_config = {"version": 1, "disable_existing_loggers": False}
    Config(app, log_config=log_config, use_colors=True)
    assert log_config == {"version": 1, "disable_existing_loggers": False}


def test_trace_is_a_level_with_a_name() -> None:
    make()
    assert logging.getLevelName(5) == "TRACE"


# load()


def load(application: Any = app, **options: Any) -> Config:
    config = make(application, **options)
    config.load()
    return config


@pytest.mark.parametrize(
    ("application", "interface"),
    [
        (app, "asgi3"),
        (Callable(), "asgi3"),
        (Awaitable, "asgi3"),
        (DoubleCallable, "asgi2"),
        (returns_coroutine, "asgi2"),
    ],
    ids=["function", "object", "awaitable class", "double callable", "returns a coroutine"],
)
def test_the_interface_is_found_out_as_uvicorn_does(application: Any, interface: str) -> None:
    theirs = uvicorn.Config(application, log_config=None)
    theirs.load()
    config = load(application, proxy_headers=False)
    assert config.interface == theirs.interface == interface
    assert config.asgi_version == theirs.asgi_version
    assert isinstance(config.loaded_app, ASGI2Middleware) is (interface == "asgi2")


def test_a_given_interface_is_believed() -> None:
    assert load(returns_coroutine, interface="asgi3", proxy_headers=False).loaded_app is (
        returns_coroutine
    )


def test_an_asgi2_application_is_served() -> None:
    seen: list[Any] = []

    class Application:
        def __init__(self, scope: Any) -> None:
            seen.append(scope)

        async def __call__(self, receive: Any, send: Any) -> None:
            seen.extend([receive, send])

    config = load(Application, proxy_headers=False)
    scope = {"type": "http", "asgi": {"version": "3.0"}}
    asyncio.run(config.loaded_app(scope, 1, 2))
    assert seen == [{"type": "http", "asgi": {"version": "2.0"}}, 1, 2]


@pytest.mark.parametrize("trace", [True, False])
@pytest.mark.parametrize("proxy_headers", [True, False])
def test_the_application_is_wrapped_in_uvicorns_order(trace: bool, proxy_headers: bool) -> None:
    loaded = load(log_level="trace" if trace else "info", proxy_headers=proxy_headers).loaded_app
    if proxy_headers:
        assert type(loaded) is ProxyHeadersMiddleware
        loaded = loaded.app
    if trace:
        assert type(loaded) is MessageLoggerMiddleware
        loaded = loaded.app
    assert loaded is app


def test_the_proxies_to_trust_reach_the_middleware() -> None:
    middleware = load(forwarded_allow_ips="10.0.0.1").loaded_app
    assert ["10.0.0.1" in middleware.trusted_hosts, "127.0.0.1" in middleware.trusted_hosts] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("headers", "server_header", "expected"),
    [
        ([], True, [(b"server", b"uvicorn")]),
        ([], False, []),
        ([("X-A", " b")], True, [(b"server", b"uvicorn"), (b"x-a", b" b")]),
        ([("Server", "mine"), ("X", "é")], True, [(b"server", b"mine"), (b"x", b"\xe9")]),
    ],
)
def test_headers_are_encoded_and_the_default_one_is_first(
    headers: Any, server_header: bool, expected: Any
) -> None:
    assert load(headers=headers, server_header=server_header).encoded_headers == expected


@pytest.mark.parametrize(
    "headers", [[("a",)], ["ab:c"], [("a", 1)], [("a", "☃")], [None]], ids=repr
)
def test_headers_that_cannot_be_encoded_are_named(headers: Any) -> None:
    with pytest.raises(OptionError, match="must be pairs of latin-1 text"):
        load(headers=headers)


@pytest.mark.parametrize(
    ("lifespan", "expected"), [("auto", LifespanOn), ("on", LifespanOn), ("off", LifespanOff)]
)
def test_the_lifespan_class_follows_the_option(lifespan: Any, expected: type) -> None:
    assert load(lifespan=lifespan).lifespan_class is expected


def test_an_unknown_lifespan_is_named() -> None:
    with pytest.raises(OptionError, match="lifespan 'maybe' does not exist"):
        load(lifespan="maybe")


def test_a_factory_is_called_once() -> None:
    calls: list[int] = []

    def factory() -> Any:
        calls.append(1)
        return app

    assert load(factory, factory=True, proxy_headers=False).loaded_app is app
    assert calls == [1]


def test_a_factory_without_the_flag_is_used_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert load(lambda: app, proxy_headers=False).loaded_app is app
    [ours] = [record.getMessage() for record in caplog.records]
    caplog.clear()
    uvicorn.Config(lambda: app, log_config=None).load()
    assert [ours] == [record.getMessage() for record in caplog.records]


def test_a_factory_that_wants_arguments_ends_with_code_3(caplog: pytest.LogCaptureFixture) -> None:
    def factory(argument: object) -> Any: ...

    with pytest.raises(SystemExit) as ended:
        load(factory, factory=True)
    assert ended.value.code == 3
    assert caplog.messages[-1].startswith("Error loading ASGI app factory: ")


def test_an_application_that_is_not_found_ends_with_code_3(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(SystemExit) as ended:
        load("no_such_module:app")
    assert ended.value.code == 3
    assert caplog.messages == ['Error loading ASGI app. Could not import module "no_such_module".']


def test_loaded_app_may_be_a_property_that_sees_the_unwrapped_application_first() -> None:
    seen: list[tuple[Any, str]] = []

    class Monitored(Config):
        @property
        def loaded_app(self) -> Any:
            return self.__dict__["loaded_app"]

        @loaded_app.setter
        def loaded_app(self, value: Any) -> None:
            seen.append((value, self.interface))
            self.__dict__["loaded_app"] = value

    config = Monitored(app, log_config=None)
    config.load()
    assert seen[0] == (app, "auto")
    assert type(config.loaded_app) is ProxyHeadersMiddleware


def test_a_config_is_loaded_once() -> None:
    config = load()
    assert config.loaded
    with pytest.raises(AssertionError):
        config.load()


def test_load_refuses_what_is_not_built() -> None:
    with pytest.raises(UnsupportedOption, match="--http is not supported yet"):
        load(http="httptools")


# the event loop


def test_a_loop_factory_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert make(loop="asyncio:new_event_loop").get_loop_factory() is asyncio.new_event_loop


@pytest.mark.usefixtures("core_is_fake")
@pytest.mark.parametrize("loop", ["auto", "fasterapi_asgi:new_event_loop"])
def test_our_own_loop_is_the_default(loop: str) -> None:
    from fasterapi_asgi.loops import new_event_loop

    assert make(loop=loop).get_loop_factory() is new_event_loop


@pytest.mark.parametrize("loop", ["none", "asyncio", "uvloop"])
def test_other_loops_are_made_as_in_uvicorn(loop: str) -> None:
    pytest.importorskip("uvloop", reason="uvloop is not installed: no wheel for this Python")
    theirs = uvicorn.Config(app, loop=loop, log_config=None).get_loop_factory()
    assert make(loop=loop).get_loop_factory() is theirs


@pytest.mark.parametrize("loop", ["uvloop", "zuvloop"])
def test_a_loop_that_is_not_installed_is_named_with_the_remedy(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, loop, None)
    with pytest.raises(OptionError, match=f"--loop {loop} needs {loop}: pip install {loop}"):
        make(loop=loop).get_loop_factory()


@pytest.mark.parametrize("loop", ["nonsense", "no_such_module:x", "os:no_such_name"])
def test_a_loop_that_is_not_found_ends_as_in_uvicorn(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []
    for config in (make(loop=loop), uvicorn.Config(app, loop=loop, log_config=None)):
        caplog.clear()
        with pytest.raises(SystemExit) as ended:
            config.get_loop_factory()
        seen.append((ended.value.code, caplog.messages[:]))
    assert seen[0] == seen[1]


def test_a_loop_that_is_no_factory_is_named() -> None:
    with pytest.raises(OptionError, match="loop 'os:sep' is not callable"):
        make(loop="os:sep").get_loop_factory()


# bind_socket()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_bound_socket_is_inheritable_and_announced(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with make(host=host, port=0).bind_socket() as sock:
        port = sock.getsockname()[1]
        assert sock.get_inheritable()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
    assert caplog.messages == [f"Uvicorn running on http://{host}:{port} (Press CTRL+C to quit)"]


def test_a_bound_unix_socket_is_open_to_everybody(tmp_path: Path) -> None:
    with make(uds=str(tmp_path / "s")).bind_socket() as sock:
        assert sock.getsockname() == str(tmp_path / "s")
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o666


def test_a_given_descriptor_is_bound_socket_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        with make(fd=given.fileno()).bind_socket() as sock:
            assert (sock.family, sock.getsockname()) == (socket.AF_INET, given.getsockname())


@pytest.mark.parametrize("what", ["port", "uds"])
def test_what_cannot_be_bound_ends_with_code_3(
    what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options: dict[str, Any] = {"port": taken.getsockname()[1]}
        if what == "uds":
            options = {"uds": str(tmp_path / "no" / "s")}
        seen = []
        for config in (make(**options), uvicorn.Config(app, log_config=None, **options)):
            caplog.clear()
            with pytest.raises(SystemExit) as ended:
                config.bind_socket()
            seen.append((ended.value.code, caplog.messages[:]))
    assert seen[0] == seen[1]
    assert seen[0][0] == 3
