"""fasterapi_asgi._asgi_options: what of ASGI an application is offered, as the core takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fasterapi_asgi.errors import ClientDisconnected, OptionError

if TYPE_CHECKING:
    from fasterapi_asgi.config import Config

SPEC_VERSIONS = ("2.3", "2.4")
EXTENSIONS = (
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.trailers",
    "fasterapi.cache",
)


def core_asgi_options(config: Config) -> dict[str, Any]:
    """Return the ASGI options of a configuration as the core's ``HttpServer`` takes them.

    Raises:
        OptionError: a version or an extension that does not exist.
    """
    if config.asgi_spec not in SPEC_VERSIONS:
        raise OptionError(f"asgi_spec {config.asgi_spec!r} does not exist: give 2.3 or 2.4.")
    return {
        "spec_version": config.asgi_spec,
        "disconnect_error": ClientDisconnected if config.asgi_spec == "2.4" else None,
        "extensions": _extensions(config.asgi_extensions),
    }


def _extensions(given: object) -> tuple[str, ...]:
    if given == "all":
        return EXTENSIONS
    names = given.split(",") if isinstance(given, str) else given or ()
    try:
        wanted = {name.strip() for name in names}  # type: ignore[attr-defined]
    except (TypeError, AttributeError):
        wanted = {repr(given)}
    if unknown := wanted - {*EXTENSIONS, ""}:
        raise OptionError(
            f"asgi_extensions {', '.join(sorted(unknown))!r} does not exist: give 'all' or names "
            f"of {', '.join(EXTENSIONS)}."
        )
    return tuple(name for name in EXTENSIONS if name in wanted)
