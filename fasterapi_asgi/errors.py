"""fasterapi_asgi.errors: what can be wrong with the options, and what an application may see.

The command line prints an OptionError as one line; a program that uses the API sees the exception.
"""

STARTUP_FAILURE = 3
"""Exit code of a server that could not start; uvicorn's."""


class OptionError(ValueError):
    """An option has a value that cannot be used. The text names the cause and the remedy."""

    exit_code = 1


class UnsupportedOption(OptionError):
    """An option that uvicorn has and that is not built here yet. It is refused, never ignored."""

    exit_code = 2


class ClientDisconnected(OSError):
    """The peer is gone and will not get what is sent. Raised by ``send()`` with ``asgi_spec`` 2.4.

    An application may let it pass: the server logs it for debugging only (ASGI www.rst,
    "Disconnected Client").
    """
