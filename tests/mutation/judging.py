"""Whether the tests notice a mutant.

Owns: the forked process in which they are asked, its limits, and what it answers. Must never:
choose mutants.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.planting import SOURCE, plant
from tests.mutation.reach import LOADING, Reach

TIMES_SLOWER_MAX = 10
SECONDS_SLOWER_MAX = 15
"""A test may take so much more than it does without the fault (of processor time)."""
MEMORY_MAX = 4 << 30


@dataclass(frozen=True, slots=True)
class Verdict:
    """`killed`, `timeout`, `survived` or `untested`; by which test; how many were not asked."""

    verdict: str
    by: str = ""
    unasked: int = 0
    seconds: float = 0

    @property
    def noticed(self) -> bool:
        """Whether a test failed or did not come to its end."""
        return self.verdict in {"killed", "timeout"}


class Judge:
    """Asks the collected tests, the quick ones first, at most so many seconds of them a mutant."""

    def __init__(self, reach: Reach, session: pytest.Session, seconds_max: float) -> None:
        self.reach, self.seconds_max = reach, seconds_max
        self.items = {item.nodeid: item for item in session.items}
        self.plugins = session.config.pluginmanager
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that something failed."""
        self.failed = self.failed or report.failed

    def judged(self, mutant: Mutant) -> Verdict:
        """Ask in a forked process, and where that may be blind in a fresh one."""
        started = time.monotonic()
        found = self._judged(mutant)
        return replace(found, seconds=round(time.monotonic() - started, 1))

    def _judged(self, mutant: Mutant) -> Verdict:
        reached = self.reach.of(str(mutant.path.relative_to(SOURCE / "tessera")), *mutant.lines)
        loading = LOADING in reached
        tests = [self.reach.tests[place] for place in reached if place != LOADING]
        tests = [one for one in tests if one[0] not in self.reach.unsound]
        asked = self._affordable(tests)
        unasked = len(tests) - len(asked)
        blind = True
        if asked:
            verdict, blind = self._forked(mutant, asked)
            if verdict.noticed:
                return verdict
        if loading or (asked and blind):
            return afresh(mutant, [] if loading else [name for name, _ in asked])
        return Verdict("survived" if tests else "untested", unasked=unasked)

    def _affordable(self, tests: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        left = self.seconds_max or float("inf")
        chosen = []
        for name, spent in tests:
            left -= spent
            if left < 0:
                break
            chosen.append((name, spent))
        return chosen

    def _forked(self, mutant: Mutant, tests: Sequence[tuple[str, float]]) -> tuple[Verdict, bool]:
        """Also tell whether the fault could not be planted into the loaded function."""
        there, here = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(there)
            try:
                self._ask(mutant, tests, here)
            finally:
                os._exit(0)
        os.close(here)
        with os.fdopen(there, encoding="ascii") as answers:
            words = answers.read().split()
        os.waitpid(child, 0)
        blind = bool(words) and words[0] == "blind"
        match words[-1:]:
            case ["done"]:
                return Verdict("survived"), blind
            case ["broken"]:
                return Verdict("killed", by="the module cannot be loaded"), False
            case ["failed"]:
                return Verdict("killed", by=tests[int(words[-2])][0]), False
            case [number] if number.isdecimal():
                return Verdict("timeout", by=tests[int(number)][0]), False
            case _:
                raise pytest.UsageError(f"{mutant}: the judging process ended with {words[-1:]}")

    def _ask(self, mutant: Mutant, tests: Sequence[tuple[str, float]], here: int) -> None:
        # Its dots would stand between ours.
        self.plugins.unregister(name="terminalreporter")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        try:
            os.write(here, b"seen " if plant(mutant) else b"blind ")
        except Exception:  # noqa: BLE001 - whatever a fault raises while it is loaded
            os.write(here, b"broken ")
            return
        for number, (name, spent) in enumerate(tests):
            os.write(here, f"{number} ".encode())
            # Of its own time, so that a busy machine makes no mutant look noticed.
            limit = time.process_time() + TIMES_SLOWER_MAX * spent + SECONDS_SLOWER_MAX
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit), resource.RLIM_INFINITY))
            item = self.items[name]
            self.failed = False
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed:
                os.write(here, b"failed ")
                return
        os.write(here, b"done ")


def afresh(mutant: Mutant, tests: Sequence[str]) -> Verdict:
    """Ask in a process of its own, where the module has its fault from the start."""
    fields = asdict(mutant) | {"path": str(mutant.path)}
    command = [sys.executable, "-m", "tests.mutation", "--one", json.dumps(fields), "--tests"]
    root = Path(__file__).parents[2]
    done = subprocess.run([*command, *tests], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == pytest.ExitCode.OK:
        return Verdict("survived")
    failed = [row for row in done.stdout.splitlines() if row.startswith(("FAILED", "ERROR"))]
    return Verdict("killed", by=failed[0].split(" - ")[0] if failed else f"exit {done.returncode}")
