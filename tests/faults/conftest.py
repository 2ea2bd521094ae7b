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


def in_memory() -> str | None:
    """Where folders are in memory; None where there is no such place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, since images are many and short-lived."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as name:
        yield Path(name)
