"""Whether the tests notice a mutant.

Owns: the forked process in which they are asked, its limits, and what it answers. Must never:
choose mutants.
"""

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.planting import SOURCE, plant
from tests.mutation.reach import LOADING, Reach

if TYPE_CHECKING:
    from hypothesis import settings

TIMES_SLOWER_MAX = 10
SECONDS_SLOWER_MAX = 15
"""A test may take so much more than it does without the fault (of processor time)."""
MEMORY_MAX = 4 << 30
EXAMPLES_FIRST = 8
"""So many examples of each property are tried before any property is tried in full."""
PROFILED = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the number of examples with a test."""
SECONDS_AFRESH_MAX = 600
"""A fresh process may take so long in all."""


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


@dataclass(frozen=True, slots=True)
class Step:
    """A test to be asked, the seconds it takes without a fault, by how many examples (0: all)."""

    name: str
    seconds: float
    examples: int = 0


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
        tests = self._sound(self.reach.tests[place] for place in reached if place != LOADING)
        steps, unasked = self._affordable(tests)
        blind = True
        if steps:
            verdict, blind = self._forked(mutant, steps)
            if verdict.noticed:
                return verdict
        # Asking everything afresh costs minutes, which a run that is pressed for time leaves out.
        if (loading and not self.seconds_max) or (blind and (steps or loading)):
            if loading:
                steps, unasked = self._affordable(self._sound(self.reach.tests))
            return replace(afresh(mutant, steps), unasked=unasked)
        return Verdict("survived" if tests else "untested", unasked=unasked)

    def _sound(self, tests: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
        return [one for one in tests if one[0] not in self.reach.unsound]

    def _affordable(self, tests: Sequence[tuple[str, float]]) -> tuple[list[Step], int]:
        """Also give how many steps are left out."""
        steps = steps_of([(self.items[name], spent) for name, spent in tests])
        left = self.seconds_max or float("inf")
        for number, step in enumerate(steps):
            left -= step.seconds
            if left < 0:
                return steps[:number], len(steps) - number
        return steps, 0

    def _forked(self, mutant: Mutant, steps: Sequence[Step]) -> tuple[Verdict, bool]:
        """Also tell whether the fault could not be planted into the loaded function."""
        words = forked(lambda here: self._ask(mutant, steps, here))
        match words[-1:]:
            case ["done"]:
                return Verdict("survived"), False
            case ["blind"]:
                return Verdict("survived"), True
            case ["broken"]:
                return Verdict("killed", by="the module cannot be loaded"), False
            case ["failed"]:
                return Verdict("killed", by=steps[int(words[-2])].name), False
            case [number] if number.isdecimal():
                return Verdict("timeout", by=steps[int(number)].name), False
            case _:
                raise pytest.UsageError(f"{mutant}: the judging process ended with {words[-1:]}")

    def _ask(self, mutant: Mutant, steps: Sequence[Step], here: int) -> None:
        # Its dots would stand between ours.
        self.plugins.unregister(name="terminalreporter")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        try:
            if not plant(mutant):
                os.write(here, b"blind ")
                return
        except Exception:  # noqa: BLE001 - whatever a fault raises while it is loaded
            os.write(here, b"broken ")
            return
        for number, step in enumerate(steps):
            os.write(here, f"{number} ".encode())
            # Of its own time, so that a busy machine makes no mutant look noticed.
            limit = time.process_time() + TIMES_SLOWER_MAX * step.seconds + SECONDS_SLOWER_MAX
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit), resource.RLIM_INFINITY))
            item = self.items[step.name]
            self.failed = False
            with few_examples(item, step.examples):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed:
                os.write(here, b"failed ")
                return
        os.write(here, b"done ")


def forked(ask: Callable[[int], None]) -> list[str]:
    """Have a forked process do something; the words that it wrote before it ended, however."""
    there, here = os.pipe()
    gc.freeze()  # so that the child's collector leaves the shared pages alone
    child = os.fork()
    if child == 0:
        os.close(there)
        try:
            ask(here)
        finally:
            os._exit(0)
    os.close(here)
    with os.fdopen(there, encoding="ascii") as answers:
        words = answers.read().split()
    os.waitpid(child, 0)
    return words


@contextmanager
def few_examples(item: pytest.Item, count: int) -> Iterator[None]:
    """Have a property tried by so many examples (0: by all of its own)."""
    from hypothesis import settings  # pytest wants to load it before anybody else does

    whole = _settings_of(item)
    if whole is None or not count:
        yield
        return
    function = item.obj  # type: ignore[attr-defined]
    setattr(function, PROFILED, settings(whole, max_examples=count))
    try:
        yield
    finally:
        setattr(function, PROFILED, whole)


def _settings_of(item: pytest.Item) -> "settings | None":
    return getattr(getattr(item, "obj", None), PROFILED, None)


def examples_of(item: pytest.Item) -> int:
    """Give by how many examples a test tries what it holds; 0: it is no property."""
    whole = _settings_of(item)
    return 0 if whole is None else whole.max_examples


def steps_of(tests: Sequence[tuple[pytest.Item, float]]) -> list[Step]:
    """Put tests in their order: quick ones and properties by few examples, then these in full."""
    first, then = [], []
    for item, spent in tests:
        examples = examples_of(item)
        if examples <= EXAMPLES_FIRST:
            first.append(Step(item.nodeid, spent))
        else:
            share = EXAMPLES_FIRST / examples
            first.append(Step(item.nodeid, spent * share, EXAMPLES_FIRST))
            then.append(Step(item.nodeid, spent))
    return sorted(first, key=lambda step: step.seconds) + then


def afresh(mutant: Mutant, steps: Sequence[Step]) -> Verdict:
    """Ask in a process of its own, where the module has its fault from the start."""
    fields = asdict(mutant) | {"path": str(mutant.path)}
    root = Path(__file__).parents[2]
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as names:
        json.dump(list(dict.fromkeys(step.name for step in steps)), names)
        names.flush()
        command = [sys.executable, "-m", "tests.mutation", "--one", json.dumps(fields)]
        limit = min(SECONDS_AFRESH_MAX, 60 + TIMES_SLOWER_MAX * sum(step.seconds for step in steps))
        try:
            done = subprocess.run(
                [*command, "--tests", names.name],
                cwd=root,
                capture_output=True,
                text=True,
                check=False,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return Verdict("timeout", by="a fresh process")
    if done.returncode == pytest.ExitCode.OK:
        return Verdict("survived")
    failed = [row for row in done.stdout.splitlines() if row.startswith(("FAILED", "ERROR"))]
    return Verdict("killed", by=failed[0].split(" - ")[0] if failed else f"exit {done.returncode}")
