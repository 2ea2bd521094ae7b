"""Which tests run which line of `core` and `rules`, and how long each of them takes.

Owns: the map, how it is made and kept. Must never: judge a mutant.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

LOADING = -1
"""In place of a test: the line runs while modules are loaded."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Tests by name with their seconds, quickest first, and for each line of a file their places.

    `unsound` are the tests that fail without any fault.
    """

    tests: list[tuple[str, float]]
    lines: dict[str, dict[int, list[int]]]
    unsound: list[str]

    def of(self, path: str, first: int, last: int) -> list[int]:
        """Give the places of the tests that run one of the lines; `LOADING` may be among them."""
        lines = self.lines.get(path, {})
        found = {place for line in range(first, last + 1) for place in lines.get(line, ())}
        return sorted(found)


def fingerprint(places: Sequence[Path]) -> str:
    """Tell whether any of the files, or anything in the folders, has changed since."""
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in {".py", ".yaml", ".json"}:
                digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def kept(file: Path, made_for: str) -> Reach | None:
    """Read the map if it was made for just these sources and tests."""
    if not file.exists():
        return None
    found = json.loads(file.read_text("utf-8"))
    if found["made_for"] != made_for:
        return None
    lines = {
        path: {int(line): places for line, places in at.items()}
        for path, at in found["lines"].items()
    }
    return Reach([(name, spent) for name, spent in found["tests"]], lines, found["unsound"])


def keep(file: Path, made_for: str, reach: Reach) -> None:
    """Write the map down for the next run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {"made_for": made_for, "tests": reach.tests, "lines": reach.lines}
    file.write_text(json.dumps(whole | {"unsound": reach.unsound}), "utf-8")


class Observer:
    """Runs each test once and notes the lines that it runs.

    Loading is observed from the start; the tests run in a forked process, so that the one that
    judges keeps its caches as cold as they were.
    """

    def __init__(self, source: Path, file: Path, made_for: str) -> None:
        self.source, self.file, self.made_for = source, file, made_for
        folders = [str(source / "core"), str(source / "rules")]
        self.lines = coverage.Coverage(
            data_file=None, config_file=False, branch=False, include=[f"{at}/*" for at in folders]
        )
        self.failed = False

    def start(self) -> None:
        """Begin to observe; nothing of the product may be loaded yet."""
        self.lines.start()
        self.lines.switch_context(str(LOADING))

    def observe(self, items: Sequence[pytest.Item]) -> None:
        """Run the tests and keep what they reach."""
        child = os.fork()
        if child == 0:
            done = 1
            try:
                keep(self.file, self.made_for, self._observed(items))
                done = 0
            finally:
                os._exit(done)
        self.lines.stop()
        _, status = os.waitpid(child, 0)
        if status:
            raise pytest.UsageError("the tests could not be observed")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that something failed."""
        self.failed = self.failed or report.failed

    def _observed(self, items: Sequence[pytest.Item]) -> Reach:
        spent, unsound = [], []
        for number, item in enumerate(items):
            self.failed = False
            self.lines.switch_context(str(number))
            started = time.process_time()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            spent.append(time.process_time() - started)
            if self.failed:
                unsound.append(item.nodeid)
        self.lines.stop()
        order = sorted(range(len(items)), key=spent.__getitem__)
        place = {str(number): at for at, number in enumerate(order)} | {str(LOADING): LOADING}
        found = self.lines.get_data()
        lines: dict[str, dict[int, list[int]]] = {}
        for path in sorted(found.measured_files()):
            at = found.contexts_by_lineno(path)
            lines[str(Path(path).relative_to(self.source))] = {
                line: sorted(place[name] for name in names if name) for line, names in at.items()
            }
        tests = [(items[number].nodeid, round(spent[number], 4)) for number in order]
        return Reach(tests, lines, unsound)
