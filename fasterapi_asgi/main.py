"""fasterapi_asgi.main: ``run()`` and the command line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fasterapi_asgi._cli import options, project_defaults, split_headers, version_text
from fasterapi_asgi._log_config import LOGGING_CONFIG
from fasterapi_asgi._options import NOT_BUILT, refuse_what_is_not_built
from fasterapi_asgi._types import ASGIApplication, LogConfig, SSLContextFactory, Strings, StrPath
from fasterapi_asgi.config import (
    SSL_PROTOCOL_VERSION,
    Config,
    HTTPProtocolType,
    InterfaceType,
    LifespanType,
    LoopFactoryType,
    WSProtocolType,
)
from fasterapi_asgi.errors import STARTUP_FAILURE, OptionError
from fasterapi_asgi.server import Server

if TYPE_CHECKING:
    import asyncio

    from fasterapi_asgi.native import Route


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(version_text())
        ctx.exit()


class _Command(click.Command):
    """Takes what pyproject.toml says in place of the options' defaults."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        extra.setdefault("default_map", project_defaults(Path("pyproject.toml"), self))
        return super().make_context(*args, **extra)


@click.command(cls=_Command, context_settings={"max_content_width": 100})
@options
@click.option(
    "--version",
    is_flag=True,
    callback=_print_version,
    expose_value=False,
    is_eager=True,
    help="Show the versions of the server and its parts.",
)
def main(app: str, headers: tuple[str, ...], log_config: str | None, **given: Any) -> None:
    """Serve the ASGI application APP, given as MODULE:ATTRIBUTE.

    Every option can also be set as FASTERAPI_ASGI_<NAME> or UVICORN_<NAME> in the environment.
    uvicorn's options that are not listed here are not built yet and refused by name. Defaults may
    stand in the table [tool.fasterapi-asgi] of ./pyproject.toml.
    """
    try:
        for option in NOT_BUILT:
            if option.name in given:
                option.refuse(given[option.name])
        run(app, headers=split_headers(headers), log_config=log_config or LOGGING_CONFIG, **given)
    except OptionError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


# fmt: off
def run(  # noqa: PLR0913 (uvicorn's signature)
    app: ASGIApplication | Callable[..., Any] | str,
    *,
    host: str = "127.0.0.1", port: int = 8000, uds: str | None = None, fd: int | None = None,
    loop: LoopFactoryType | str = "auto",
    http: type[asyncio.Protocol] | HTTPProtocolType | str = "auto", http2: bool = False,
    ws: type[asyncio.Protocol] | WSProtocolType | str = "auto",
    ws_max_size: int = 16777216, ws_max_queue: int = 32,
    ws_ping_interval: float | None = 20.0, ws_ping_timeout: float | None = 20.0,
    ws_per_message_deflate: bool = True,
    lifespan: LifespanType = "auto", interface: InterfaceType = "auto",
    reload: bool = False, reload_dirs: Strings = None,
    reload_includes: Strings = None, reload_excludes: Strings = None,
    reload_delay: float = 0.25, workers: int | None = None,
    env_file: StrPath | None = None,
    log_config: LogConfig = LOGGING_CONFIG,
    log_level: str | int | None = None, access_log: bool = True,
    proxy_headers: bool = True, server_header: bool = True, date_header: bool = True,
    forwarded_allow_ips: Strings = None, root_path: str = "",
    limit_concurrency: int | None = None, backlog: int = 2048,
    limit_max_requests: int | None = None, limit_max_requests_jitter: int = 0,
    timeout_keep_alive: int = 5, timeout_graceful_shutdown: int | None = None,
    timeout_worker_healthcheck: int = 5,
    ssl_keyfile: StrPath | None = None, ssl_certfile: StrPath | None = None,
    ssl_keyfile_password: str | None = None, ssl_version: int = SSL_PROTOCOL_VERSION,
    ssl_cert_reqs: int = 0, ssl_ca_certs: StrPath | None = None,
    ssl_ciphers: str | None = None,
    ssl_context_factory: SSLContextFactory | None = None,
    headers: list[tuple[str, str]] | None = None, use_colors: bool | None = None,
    app_dir: str | None = None, factory: bool = False,
    h11_max_incomplete_event_size: int | None = None, reset_contextvars: bool = False,
    timeout_first_byte: float = 10.0, timeout_request_head: float = 10.0,
    timeout_request_body: float = 30.0, timeout_write: float = 30.0,
    min_data_rate: int = 240,
    limit_request_target: int = 8192, limit_request_field: int = 16384,
    limit_request_fields: int = 100, limit_request_head: int = 65536,
    limit_request_body: int | None = None, limit_requests_per_connection: int | None = None,
    limit_connections: int | None = None, limit_connections_per_address: int | None = None,
    asgi_spec: str = "2.3", asgi_extensions: Sequence[str] | str | None = None,
    health_path: str | None = None, ready_path: str | None = None,
    metrics_path: str | None = None, admin_bind: str | None = None,
    cache: Sequence[str] | str = (), cache_bytes: int = 16777216,
    native: Sequence[Route | str] | None = None,
) -> None:
    """Serve an application in this process until a signal ends it.

    Args:
        app_dir: A folder to put first on ``sys.path``; "" is the current one.

    All other arguments are those of :class:`fasterapi_asgi.Config`.

    Raises:
        SystemExit: the server could not start (exit code 3 or 1; the reason is logged).
        OptionError: an option cannot be used, or is not built yet.
    """
    _run(dict(locals()))
# fmt: on


def _run(given: dict[str, Any]) -> None:
    folder = given.pop("app_dir")
    if folder is not None:
        sys.path.insert(0, folder)
    config = Config(**given)
    refuse_what_is_not_built(config)
    config.load_app()  # an application that cannot be imported is reported before anything starts
    server = Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started and not server.should_exit:
        sys.exit(STARTUP_FAILURE)
