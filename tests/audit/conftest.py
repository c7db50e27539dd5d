"""What the tests of the trail share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Keys and checkpoints of this test alone."""
    with override_settings(DATA_DIR=tmp_path, SIGNING_KEY=""):
        yield tmp_path
