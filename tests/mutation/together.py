"""Many faults at once: a test that passes with all of them planted notices none of them.

Owns: the asking of every test about many mutants, and who it was that made a test fail. Must never:
choose mutants.

Asking each survivor's every test takes minutes a mutant. Here all survivors are planted together,
one in a statement at most, and the tests run once. Where one fails, halves of them are planted
until those are found that make it fail; they are taken out, and the run goes on with the others.
"""

import os
import resource
import time
from collections.abc import Callable, Sequence

import pytest

from tests.mutation.judging import EXAMPLES_FIRST, examples_of, few_examples, forked
from tests.mutation.mutants import Mutant
from tests.mutation.planting import code_of, plant

SECONDS_MAX = 120
"""A test may take so long (of processor time) with faults in."""

Said = Callable[[Mutant, str, str], None]
"""Told of each mutant with its verdict and the test that noticed it."""


class Together:
    """A pytest plugin that asks the collected tests about all mutants together."""

    def __init__(self, mutants: Sequence[Mutant], say: Said, *, few: bool) -> None:
        self.mutants, self.say, self.few = mutants, say, few
        self.steps: list[tuple[pytest.Item, int]] = []
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that something failed."""
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge group by group: properties by few examples first, in full after all the others."""
        self.plugins = session.config.pluginmanager
        self.steps = [(item, EXAMPLES_FIRST) for item in session.items]
        if not self.few:
            many = [one for one in session.items if examples_of(one) > EXAMPLES_FIRST]
            self.steps += [(item, 0) for item in many]
        for group in _apart(self.mutants):
            self._judge(group)
        return True

    def _judge(self, group: list[Mutant]) -> None:
        at = 0
        while group and (failed := self._first_failure(group, range(at, len(self.steps)))) >= 0:
            item = self.steps[failed][0].nodeid
            guilty = []
            if self._first_failure([], [failed]) < 0:
                guilty = self._guilty(group, failed)
            print(f"[{failed}/{len(self.steps)}] {item}: {len(guilty)} of {len(group)}", flush=True)
            for mutant in guilty:
                self.say(mutant, "killed", item)
            group = [one for one in group if one not in guilty]
            at = failed if guilty else failed + 1
        for mutant in group:
            self.say(mutant, "survived", "")

    def _guilty(self, group: list[Mutant], number: int) -> list[Mutant]:
        """Give those that alone, or nearly alone, make a test fail."""
        if self._first_failure(group, [number]) < 0:
            return []
        if len(group) == 1:
            return group
        half = len(group) // 2
        return self._guilty(group[:half], number) + self._guilty(group[half:], number)

    def _first_failure(self, group: Sequence[Mutant], numbers: Sequence[int]) -> int:
        """Run tests in a forked process with faults in it; -1: all of them pass."""
        for mutant in group:
            code_of(mutant.path, tuple(one for one in group if one.path == mutant.path))
        words = forked(lambda here: self._ask(group, numbers, here))
        return -1 if words[-1:] == ["done"] else int(words[-1]) if words else numbers[0]

    def _ask(self, group: Sequence[Mutant], numbers: Sequence[int], here: int) -> None:
        self.plugins.unregister(name="terminalreporter")
        for path in dict.fromkeys(mutant.path for mutant in group):
            plant(*[one for one in group if one.path == path])
        for number in numbers:
            os.write(here, f"{number} ".encode())
            limit = int(time.process_time()) + SECONDS_MAX
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
            (item, examples), self.failed = self.steps[number], False
            with few_examples(item, min(examples, examples_of(item))):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed:
                return
        os.write(here, b"done ")


def _apart(mutants: Sequence[Mutant]) -> list[list[Mutant]]:
    """Put mutants of one statement into groups of their own."""
    groups: list[list[Mutant]] = []
    for mutant in mutants:
        for group in groups:
            if not any(_meet(one, mutant) for one in group):
                group.append(mutant)
                break
        else:
            groups.append([mutant])
    return groups


def _meet(one: Mutant, two: Mutant) -> bool:
    return one.path == two.path and one.lines[0] <= two.lines[1] and two.lines[0] <= one.lines[1]
