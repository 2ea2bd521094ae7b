"""What the fault tests share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.in_memory import in_memory


@pytest.fixture(scope="session")
def strace() -> str:
    found = shutil.which("strace")
    assert found is not None
    return found


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, since images are many and short-lived."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as name:
        yield Path(name)
