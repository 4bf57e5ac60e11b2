"""setup.py: builds both libraries beside their sources: python setup.py build_ext --inplace

They are no modules of Python: the server loads them by their path, or by that of an installed
package's file.
"""

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

from fasterapi_asgi import native


class BuildLibraries(build_ext):
    """Shared libraries of plain names, which export what their sources say and no PyInit."""

    def get_ext_filename(self, fullname: str) -> str:
        return f"{fullname}.so"

    def get_export_symbols(self, ext: Extension) -> list[str]:  # noqa: ARG002
        return []


OPTIONS = {
    "include_dirs": [native.get_include()],
    "extra_compile_args": ["-fvisibility=hidden", "-pthread"],
    "extra_link_args": ["-pthread"],
}

setup(
    name="fasterapi-handlers",
    version="1.0",
    packages=[],
    py_modules=[],
    ext_modules=[
        Extension("hello", ["hello.c"], **OPTIONS),
        Extension("upper", ["upper.cpp"], **OPTIONS),
    ],
    cmdclass={"build_ext": BuildLibraries},
)
