"""Plant faults into `core` and `rules`, one at a time, and count those that the unit tests notice.

`make mutation` runs it by hand. The tests are collected and run once, to see which functions each
of them calls. Then each mutant is judged in a forked process: its functions take the place of the
sound ones, and the tests that call them run, the quick ones first, until one fails. A mutant that
takes far too long counts as noticed. Nothing is written into the source. Faults outside functions
(tables, defaults) are left out: tests have read those before.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType

import pytest

from tests.mutation.mutants import Mutant, sampled, source_of

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
JUDGES = (ROOT / "tests" / "unit" / "rules", ROOT / "tests" / "unit" / "core")
SLOW = (
    *("best", "best_price", "best_price_solver", "combinations", "pricing_workload"),
    *("programme_problems", "properties", "random_programmes", "replay", "replay_changes"),
    *("returns", "wrong_files"),
)
"""Files of `rules` that `--quick` leaves out: what survives the rest has still to face them."""
CPU_SECONDS_MAX = 180


class Judge:
    """A pytest plugin that judges mutants by the collected tests instead of just running these."""

    def __init__(self, mutants: Sequence[Mutant], minutes: float, out: Path | None) -> None:
        self.mutants = mutants
        self.ends = time.monotonic() + minutes * 60 if minutes else None
        self.out = out
        self.verdicts: list[tuple[str, Mutant]] = []
        self.called: dict[tuple[str, str], list[tuple[float, int]]] = {}
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that something failed."""
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test once, then judge."""
        for number, item in enumerate(session.items):
            self._observe(number, item)
        if self.failed:
            raise pytest.UsageError("the tests fail without any mutant")
        for tests in self.called.values():
            tests.sort()
        for mutant in self.mutants:
            if self.ends and time.monotonic() > self.ends:
                break
            self._note(self._judged(mutant, session.items), mutant)
        return True

    def _observe(self, number: int, item: pytest.Item) -> None:
        seen: set[CodeType] = set()

        def notice(frame: FrameType, event: str, _argument: object) -> None:
            if event == "call":
                seen.add(frame.f_code)

        started = time.process_time()
        sys.setprofile(notice)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        sys.setprofile(None)
        spent = time.process_time() - started
        for code in seen:
            if "/src/tessera/" in code.co_filename:
                name = code.co_qualname.split(".<locals>")[0]
                self.called.setdefault((code.co_filename, name), []).append((spent, number))

    def _judged(self, mutant: Mutant, items: Sequence[pytest.Item]) -> str:
        tests = self.called.get((str(mutant.path), mutant.function), [])
        if not tests:
            return "untested"
        child = os.fork()
        if child == 0:
            # Of its own time, so that a busy machine makes no mutant look noticed.
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
            os._exit(self._noticed(mutant, [items[number] for _, number in tests]))
        _, status = os.waitpid(child, 0)
        if status == 0:
            return "survived"
        return "timeout" if os.WIFSIGNALED(status) else "killed"

    def _noticed(self, mutant: Mutant, items: Sequence[pytest.Item]) -> int:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        plant(mutant)
        self.failed = False
        for item in items:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed:
                return 1
        return 0

    def _note(self, verdict: str, mutant: Mutant) -> None:
        self.verdicts.append((verdict, mutant))
        where = f"{mutant.path.relative_to(SOURCE)}:{mutant.line}"
        if self.out:
            row = [verdict, where, mutant.function, mutant.before, mutant.after]
            with self.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
        if verdict in {"survived", "untested"}:
            print(f"{where}: {mutant.before}  →  {mutant.after} ({verdict})", flush=True)


def plant(mutant: Mutant) -> None:
    """Give the functions of the mutant's module the code that they have with its fault."""
    name = ".".join(mutant.path.relative_to(SOURCE).with_suffix("").parts)
    sound, spoiled = sys.modules[name], ModuleType(name)
    spoiled.__file__ = str(mutant.path)
    sys.modules[name] = spoiled  # dataclasses look their module up while they are made
    exec(compile(source_of(mutant), str(mutant.path), "exec"), spoiled.__dict__)
    sys.modules[name] = sound
    for key, value in vars(spoiled).items():
        _take_over(vars(sound).get(key), value, name)


def _take_over(sound: object, spoiled: object, module: str) -> None:
    if clear := getattr(sound, "cache_clear", None):
        clear()
    sound, spoiled = _bare(sound), _bare(spoiled)
    if isinstance(sound, FunctionType) and isinstance(spoiled, FunctionType):
        if sound.__module__ == module and not sound.__code__.co_freevars:
            sound.__code__ = spoiled.__code__
    elif isinstance(sound, type) and isinstance(spoiled, type) and sound.__module__ == module:
        for key, value in vars(spoiled).items():
            _take_over(vars(sound).get(key), value, module)


def _bare(value: object) -> object:
    if isinstance(value, property):
        return value.fget
    if isinstance(value, (staticmethod, classmethod)):
        return value.__func__
    return getattr(value, "__wrapped__", value)


def wilson(killed: int, total: int) -> tuple[float, float]:
    """Give the interval that holds the true share in 95 of 100 samples (Wilson's score)."""
    z, share = 1.96, killed / total
    middle = share + z * z / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (middle - spread) / scale, (middle + spread) / scale


def main(arguments: Sequence[str]) -> int:
    """Judge a sample and print what survived."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many mutants (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    parser.add_argument("--only", default="", help="modules whose path holds this word")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long (0: never)")
    parser.add_argument("--out", type=Path, default=None, help="also write every verdict here")
    parser.add_argument("--quick", action="store_true", help="judge by the quick files alone")
    asked = parser.parse_args(arguments)
    modules = [SOURCE / "tessera/core/money.py", SOURCE / "tessera/core/quote.py"]
    modules += sorted((SOURCE / "tessera/rules").glob("*.py"))
    chosen = [one for one in modules if asked.only in str(one)]
    judge = Judge(sampled(chosen, asked.count, asked.seed), asked.minutes, asked.out)
    with tempfile.TemporaryDirectory() as examples:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = examples
        options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
        # A test that takes its time under observation is none that hangs.
        options += ["--timeout", "0", "--no-header", "-r", "N"]
        if asked.quick:
            options += [f"--ignore={JUDGES[0]}/test_{name}.py" for name in SLOW]
        pytest.main([*options, *map(str, JUDGES)], plugins=[judge])
    return _report(judge.verdicts)


def _report(verdicts: Sequence[tuple[str, Mutant]]) -> int:
    total = len(verdicts)
    if not total:
        print("no mutant was judged")
        return 3
    killed = sum(verdict in {"killed", "timeout"} for verdict, _ in verdicts)
    low, high = wilson(killed, total)
    print(f"{killed} of {total} noticed: {killed / total:.1%} ({low:.1%} … {high:.1%})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
