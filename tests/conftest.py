"""For every test: the run's header says which build of the module is under test."""

from importlib import metadata, util


def pytest_report_header() -> list[str]:
    found = util.find_spec("fasterapi_asgi")
    if found is None:
        return ["fasterapi_asgi: not installed"]  # the C++ tests need no Python package
    where = (found.submodule_search_locations or ["?"])[0]
    return [f"fasterapi_asgi: {metadata.version('fasterapi-asgi')} in {where}"]
