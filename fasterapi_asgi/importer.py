"""fasterapi_asgi.importer: from ``"module:attribute"`` to the object."""

import importlib
from typing import Any


class ImportFromStringError(Exception):
    """The string cannot be resolved. The text is uvicorn's."""


def import_from_string(import_str: Any) -> Any:
    """Resolve ``"module:attribute"``, also dotted; what is not a string is returned as it is.

    Raises:
        ImportFromStringError: the string has another form, or the module or the attribute does not
            exist.
        Exception: whatever the module itself raises while it is imported.
    """
    if not isinstance(import_str, str):
        return import_str
    module_name, _, path = import_str.partition(":")
    if not module_name or not path:
        raise ImportFromStringError(
            f'Import string "{import_str}" must be in format "<module>:<attribute>".'
        )
    found = _import_module(module_name)
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise ImportFromStringError(
                f'Attribute "{path}" not found in module "{module_name}".'
            ) from None
    return found


def _import_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # the module is there; something that it imports is not
            raise
        raise ImportFromStringError(f'Could not import module "{name}".') from None
