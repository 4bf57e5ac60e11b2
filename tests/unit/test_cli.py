"""The command line: uvicorn's options, where their values come from, and what is refused."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest
import uvicorn
from click.testing import CliRunner, Result
from own_options import OWN

import fasterapi_asgi
from fasterapi_asgi._options import NOT_BUILT

main: click.Command = fasterapi_asgi.main
Invoke = Callable[..., Result]

BUILT = [
    *("host", "port", "uds", "fd", "backlog", "loop", "lifespan", "env_file", "log_config"),
    *("log_level", "access_log", "use_colors", "proxy_headers", "forwarded_allow_ips"),
    *("server_header", "date_header", "headers", "root_path", "limit_concurrency"),
    *("limit_max_requests", "limit_max_requests_jitter", "timeout_keep_alive"),
    *("timeout_graceful_shutdown", "app_dir", "factory"),
]
REFUSED = {
    "reload": ["--reload"],
    "reload_dirs": ["--reload-dir", "."],
    "reload_includes": ["--reload-include", "*.txt"],
    "reload_excludes": ["--reload-exclude", "*.txt"],
    "reload_delay": ["--reload-delay", "1"],
    "workers": ["--workers", "2"],
    "timeout_worker_healthcheck": ["--timeout-worker-healthcheck", "6"],
    "http": ["--http", "h11"],
    "http2": ["--http2"],
    "h11_max_incomplete_event_size": ["--h11-max-incomplete-event-size", "1"],
    "ws": ["--ws", "wsproto"],
    "ws_max_size": ["--ws-max-size", "1"],
    "ws_max_queue": ["--ws-max-queue", "1"],
    "ws_ping_interval": ["--ws-ping-interval", "1"],
    "ws_ping_timeout": ["--ws-ping-timeout", "1"],
    "ws_per_message_deflate": ["--ws-per-message-deflate", "false"],
    "ssl_keyfile": ["--ssl-keyfile", "x"],
    "ssl_certfile": ["--ssl-certfile", "x"],
    "ssl_keyfile_password": ["--ssl-keyfile-password", "x"],
    "ssl_version": ["--ssl-version", "2"],
    "ssl_cert_reqs": ["--ssl-cert-reqs", "1"],
    "ssl_ca_certs": ["--ssl-ca-certs", "x"],
    "ssl_ciphers": ["--ssl-ciphers", "x"],
    "interface": ["--interface", "wsgi"],
    "reset_contextvars": ["--reset-contextvars"],
}
DEFAULTS = {
    "--reload-delay": "0.25",
    "--workers": "1",
    "--timeout-worker-healthcheck": "5",
    "--http": "auto",
    "--ws": "auto",
    "--ws-max-size": "16777216",
    "--ws-max-queue": "32",
    "--ws-ping-interval": "20.0",
    "--ws-ping-timeout": "20",
    "--ws-per-message-deflate": "true",
    "--ssl-version": "17",
    "--ssl-cert-reqs": "0",
    "--interface": "asgi3",
}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What run() was called with."""
    arguments: dict[str, Any] = {}

    def run(app: str, **options: Any) -> None:
        arguments.update(options, app=app)

    monkeypatch.setattr(sys.modules["fasterapi_asgi.main"], "run", run)
    for prefix in ("UVICORN_", "FASTERAPI_ASGI_"):
        for name in [*BUILT, *REFUSED, "app"]:
            monkeypatch.delenv(prefix + name.upper(), raising=False)
    return arguments


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def described(command: click.Command) -> dict[str, Any]:
    """What a command accepts, without its help texts."""
    return {
        p.name or "": (
            sorted(p.opts + p.secondary_opts),
            p.type.name,
            getattr(p.type, "choices", None),
            p.multiple if isinstance(p, click.Option) else None,
            p.is_flag if isinstance(p, click.Option) else None,
        )
        for p in command.params
        if p.name != "help"
    }


def test_every_option_has_uvicorns_flags_and_type() -> None:
    ours, theirs = described(main), described(uvicorn.main)
    reload_dir = theirs.pop("reload_dirs")  # a folder that must exist there; refused here
    assert ours.pop("reload_dirs")[0] == reload_dir[0]
    assert {name: option for name, option in ours.items() if name not in OWN} == theirs


def test_our_own_options_are_those_of_config() -> None:
    ours = {p.name: p.get_default(main.make_context("x", ["app"])) for p in main.params}
    config = inspect.signature(fasterapi_asgi.Config).parameters
    assert {name: config[name].default for name in OWN} == {name: ours[name] for name in OWN}


def test_every_option_is_either_built_or_refused() -> None:
    names = {parameter.name for parameter in uvicorn.main.params} - {"app", "version"}
    assert names == {*BUILT, *REFUSED}


def test_the_defaults_are_uvicorns(given: dict[str, Any]) -> None:
    assert invoke("module:app").exit_code == 0
    ours, theirs = dict(given), {}
    context = uvicorn.main.make_context("uvicorn", ["module:app"])
    theirs.update(context.params)
    assert ours.pop("log_config") is fasterapi_asgi.config.LOGGING_CONFIG
    theirs.pop("log_config")
    theirs.update(headers=[], reload_dirs=())
    ours = {name: value for name, value in ours.items() if name not in OWN}
    assert {k: list(v) if isinstance(v, tuple) else v for k, v in ours.items()} == {
        k: list(v) if isinstance(v, tuple) else v for k, v in theirs.items()
    }


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--host", "::1"], "host", "::1"),
        (["--port", "80"], "port", 80),
        (["--uds", "x.sock"], "uds", "x.sock"),
        (["--fd", "3"], "fd", 3),
        (["--log-level", "trace"], "log_level", "trace"),
        (["--no-access-log"], "access_log", False),
        (["--use-colors"], "use_colors", True),
        (["--no-use-colors"], "use_colors", False),
        (["--no-proxy-headers"], "proxy_headers", False),
        (["--no-server-header"], "server_header", False),
        (["--no-date-header"], "date_header", False),
        (["--header", "A: b:c", "--header", "d:"], "headers", [("A", " b:c"), ("d", "")]),
        (["--limit-concurrency", "5"], "limit_concurrency", 5),
        (["--timeout-graceful-shutdown", "5"], "timeout_graceful_shutdown", 5),
        (["--app-dir", "x"], "app_dir", "x"),
        (["--factory"], "factory", True),
        (["--interface", "asgi2"], "interface", "asgi2"),
        (["--ws", "none"], "ws", "none"),
    ],
)
def test_an_option_reaches_run(
    arguments: list[str], name: str, value: Any, given: dict[str, Any]
) -> None:
    result = invoke("module:app", *arguments)
    assert (result.output, result.exit_code) == ("", 0)
    assert given[name] == value


@pytest.mark.parametrize("prefix", ["UVICORN_", "FASTERAPI_ASGI_"])
@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "80", 80),
        ("ACCESS_LOG", "false", False),
        ("FACTORY", "1", True),
        ("HEADERS", "a:b c:d", [("a", "b"), ("c", "d")]),
        ("LIMIT_MAX_REQUESTS", "9", 9),
    ],
)
def test_an_option_may_come_from_the_environment(
    prefix: str,
    name: str,
    text: str,
    value: Any,
    given: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(prefix + name, text)
    assert invoke("module:app").exit_code == 0
    assert given[name.lower()] == value


@pytest.mark.usefixtures("given")
def test_the_application_may_come_from_the_environment(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UVICORN_APP", "theirs:app")
    assert invoke().exit_code == 0 and given["app"] == "theirs:app"
    monkeypatch.setenv("FASTERAPI_ASGI_APP", "ours:app")
    assert invoke().exit_code == 0 and given["app"] == "ours:app"


def test_our_variable_counts_before_uvicorns_and_a_flag_before_both(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UVICORN_PORT", "1")
    monkeypatch.setenv("FASTERAPI_ASGI_PORT", "2")
    invoke("module:app")
    assert given["port"] == 2
    invoke("module:app", "--port", "3")
    assert given["port"] == 3


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_that_is_not_built_is_refused_in_one_line(
    name: str, given: dict[str, Any]
) -> None:
    result = invoke("module:app", *REFUSED[name])
    [remedy] = [option.remedy for option in NOT_BUILT if option.name == name]
    [flag] = [option.flag for option in NOT_BUILT if option.name == name]
    assert result.output == f"Error: {flag} is not supported yet: {remedy}\n"
    assert (result.exit_code, given) == (2, {})
    assert flag.startswith(REFUSED[name][0])


def test_a_refused_option_is_refused_from_the_environment_too(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UVICORN_WORKERS", "4")
    result = invoke("module:app")
    assert (result.exit_code, given) == (2, {})
    assert "--workers" in result.output


@pytest.mark.parametrize("flag", DEFAULTS)
def test_a_refused_option_may_have_its_default_value(flag: str, given: dict[str, Any]) -> None:
    result = invoke("module:app", flag, DEFAULTS[flag])
    assert (result.output, result.exit_code) == ("", 0)
    assert given["app"] == "module:app"


@pytest.mark.parametrize("header", ["foo", ":x", "a☃:b"])
def test_a_header_that_is_none_is_named(header: str, given: dict[str, Any]) -> None:
    result = invoke("module:app", "--header", header)
    assert (result.exit_code, given) == (1, {})
    assert result.output == (
        f"Error: Invalid value for '--header': {header!r} must be NAME:VALUE in latin-1.\n"
    )


def test_an_unusable_option_is_one_line_and_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    result = invoke("module:app")
    assert result.exit_code == 1
    assert result.output == "Error: WEB_CONCURRENCY='many' is not a number of worker processes.\n"


@pytest.mark.usefixtures("core_is_fake")
def test_the_version_names_the_parts() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert result.output.startswith(f"Running fasterapi-asgi {fasterapi_asgi.__version__} with ")
    assert result.output.endswith(", libuv 1.2.3, llhttp 4.5.6\n")


def test_the_help_shows_what_is_built_and_hides_what_is_not() -> None:
    text = invoke("--help").output
    flags = {name: "--" + name.replace("_", "-") for name in [*BUILT, *REFUSED]}
    flags.update(headers="--header", reload_dirs="--reload-dir")
    assert [name for name in BUILT if flags[name] not in text] == []
    assert [name for name in REFUSED if name != "interface" and flags[name] in text] == []


def test_the_command_can_be_called_from_a_program(given: dict[str, Any]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["module:app", "--port", "1"])
    assert (ended.value.code, given["port"]) == (0, 1)
