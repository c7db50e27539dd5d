"""Real input and published test vectors, which are not part of this repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("HANDRAIL_TEST_DATA", str(ROOT.parent / "shared" / "data")))


def shared_data(name: str) -> Path:
    """A file or directory of the shared input; the test skips where there is none."""
    if not (DATA / name).exists():
        pytest.skip(f"needs {name} of the shared test data (HANDRAIL_TEST_DATA)")
    return DATA / name
