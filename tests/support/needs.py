"""Tests that need something this machine lacks do not run, and the last line says which and why.

A skip that nobody reads hides a hole; so such tests are left out and counted in one closing line.
A test states its need by asking for the fixture (`postgres_dsn`, `chromium` …) or by its marker.
"""

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Need:
    what: str
    marker: str
    fixtures: frozenset[str]
    is_met: Callable[[], bool]
    how_to_get: str


def postgres_binaries() -> Path | None:
    """The folder with initdb and postgres of the newest version, wherever Debian put it."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def chromium_path() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    return None


def may_trace() -> bool:
    strace = shutil.which("strace")
    if strace is None:
        return False
    command = [strace, "-qq", "-e", "trace=none", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


NEEDS = (
    Need(
        what="PostgreSQL",
        marker="needs_postgres",
        fixtures=frozenset({"postgres_cluster", "postgres_dsn"}),
        is_met=lambda: postgres_binaries() is not None,
        how_to_get="initdb not found; install the package postgresql",
    ),
    Need(
        what="Chromium",
        marker="needs_chromium",
        fixtures=frozenset({"chromium", "page"}),
        is_met=lambda: chromium_path() is not None,
        how_to_get="no browser found; install the package chromium",
    ),
    Need(
        what="a C compiler",
        marker="needs_compiler",
        fixtures=frozenset({"shifted_clock"}),
        is_met=lambda: shutil.which("cc") is not None,
        how_to_get="cc not found; install the packages gcc and libc6-dev",
    ),
    Need(
        what="strace",
        marker="needs_strace",
        fixtures=frozenset({"strace"}),
        is_met=may_trace,
        how_to_get="strace cannot trace here; install the package strace and allow ptrace",
    ),
)

_left_out = pytest.StashKey[Counter[Need]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    counts: Counter[Need] = Counter()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    unmet = [need for need in NEEDS if not need.is_met()]
    for item in items:
        missing = next((need for need in unmet if _wants(item, need)), None)
        if missing is None:
            kept.append(item)
        else:
            counts[missing] += 1
            left_out.append(item)
    config.stash[_left_out] = counts
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _wants(item: pytest.Item, need: Need) -> bool:
    if item.get_closest_marker(need.marker) is not None:
        return True
    return bool(need.fixtures.intersection(getattr(item, "fixturenames", ())))


def closing_line(counts: Counter[Need]) -> str:
    """One line for all that did not run, empty when everything did."""
    parts = [
        f"{count} {'test' if count == 1 else 'tests'} needing {need.what} ({need.how_to_get})"
        for need, count in counts.items()
    ]
    return f"not run: {'; '.join(parts)}" if parts else ""


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    line = closing_line(config.stash.get(_left_out, Counter()))
    if line:
        terminalreporter.write_line(line, yellow=True)
