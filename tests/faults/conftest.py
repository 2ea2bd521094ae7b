"""What the fault tests share."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def strace() -> str:
    found = shutil.which("strace")
    assert found is not None
    return found


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, since images are many and short-lived."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as name:
        yield Path(name)
