"""fasterapi_asgi.errors: what can be wrong with the options, and the exit codes that say so.

The command line prints these errors as one line; a program that uses the API sees the exception.
"""

STARTUP_FAILURE = 3
"""Exit code of a server that could not start; uvicorn's."""


class OptionError(ValueError):
    """An option has a value that cannot be used. The text names the cause and the remedy."""

    exit_code = 1


class UnsupportedOption(OptionError):
    """An option that uvicorn has and that is not built here yet. It is refused, never ignored."""

    exit_code = 2
