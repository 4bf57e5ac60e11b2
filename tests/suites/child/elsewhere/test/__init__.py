"""CPython's package `test` where a distribution ships its tests for asyncio apart.

FASTERAPI_CPYTHON_TESTS names their folder. Child processes of the tests find it here as well.
"""

import os
import sysconfig

__path__ = [f"{sysconfig.get_path('stdlib')}/test", os.environ["FASTERAPI_CPYTHON_TESTS"]]
