"""The tests' certificate, which is the only one in the repository."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "unit"))

from loop_certificate import contexts

__all__ = ["contexts"]
