"""Plant faults into `core` and `rules`, one at a time, and count those that the unit tests notice.

`make mutation` runs it by hand. Which tests run which line is observed once and kept in
`.mutation/` until source or tests change. Each mutant is judged in a forked process: its functions
take the place of the sound ones, and the tests that run its line follow, the quick ones first,
until one fails. A test that takes far more time than it does without the fault has noticed it, too.
Where that would be blind (the line runs while modules are loaded, the function stands in a table),
a fresh process has the fault from the start. Nothing is written into the source. Faults outside
functions (tables, defaults) are left out: tests have read those before.

With `--out` every verdict is written down at once, and a run that was stopped goes on from there;
`--again` asks once more about what survived, by all tests. `--together` plants all of them at once
and runs every test once, which is how all tests can be asked about many faults within minutes.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.judging import Judge, Verdict
from tests.mutation.mutants import Mutant, mutants_of, sampled
from tests.mutation.planting import SOURCE, Spoiler
from tests.mutation.reach import Observer, fingerprint, kept
from tests.mutation.together import Together

ROOT = SOURCE.parent
PACKAGE = SOURCE / "tessera"
JUDGED = (PACKAGE / "core", PACKAGE / "rules")
UNIT = ROOT / "tests" / "unit"
JUDGES = (UNIT / "core", UNIT / "rules", *sorted(UNIT.glob("cli/test_programme_*.py")))
MAP = ROOT / ".mutation" / "reach.json"
READS_A_CLOCK = "not ten_thousand_offers_are_checked_quickly_enough"
"""A busy machine alone may fail that one, so its word proves nothing."""


class Session:
    """A pytest plugin that judges mutants by the collected tests instead of just running these."""

    def __init__(self, mutants: Sequence[Mutant], asked: argparse.Namespace) -> None:
        self.mutants, self.asked = mutants, asked
        self.made_for = fingerprint([*JUDGED, *(asked.by or JUDGES)])
        self.map = MAP.with_stem("reach-by") if asked.by else MAP
        self.observer: Observer | None = None
        if kept(self.map, self.made_for) is None:
            self.observer = Observer(PACKAGE, self.map, self.made_for)
            self.observer.start()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Observe the tests where that is still to be done, then judge."""
        if self.observer:
            session.config.pluginmanager.register(self.observer)
            self.observer.observe(session.items)
            session.config.pluginmanager.unregister(self.observer)
        reach = kept(self.map, self.made_for)
        assert reach is not None
        if reach.unsound:
            print("fail without any fault, not asked:", *reach.unsound)
        judge = Judge(reach, session, self.asked.seconds)
        session.config.pluginmanager.register(judge)
        ends = time.monotonic() + (self.asked.minutes or float("inf")) * 60
        for number, mutant in enumerate(self.mutants, 1):
            if time.monotonic() > ends:
                print("stopped: the time is over")
                break
            self._note(judge.judged(mutant), mutant, f"{number}/{len(self.mutants)}")
        return True

    def _note(self, verdict: Verdict, mutant: Mutant, progress: str) -> None:
        text = _noted(verdict, mutant, self.asked.out)
        left = f"({verdict.unasked} tests not asked)" if verdict.unasked else ""
        print(f"[{progress}]", text, left, flush=True)


def _noted(verdict: Verdict, mutant: Mutant, out: Path) -> str:
    """Write a verdict down, and give it in words."""
    where = f"{mutant.path.relative_to(PACKAGE)}:{mutant.line}"
    row: dict[str, Any] = {"verdict": verdict.verdict, "where": where, "key": key_of(mutant)}
    row |= {"by": verdict.by, "unasked": verdict.unasked, "seconds": verdict.seconds}
    with out.open("a", encoding="utf-8") as rows:
        rows.write(json.dumps(row, ensure_ascii=False) + "\n")
    return f"{verdict.verdict} {where}: {mutant.before}  →  {mutant.after}"


def _saying(out: Path) -> Callable[[Mutant, str, str], None]:
    def say(mutant: Mutant, verdict: str, by: str) -> None:
        print(_noted(Verdict(verdict, by=by), mutant, out), flush=True)

    return say


def key_of(mutant: Mutant) -> list[Any]:
    """Give what names a mutant even after lines were added above it."""
    twins = [
        one.line
        for one in mutants_of(mutant.path)
        if (one.function, one.before, one.after) == (mutant.function, mutant.before, mutant.after)
        and (one.number, one.choice) < (mutant.number, mutant.choice)
    ]
    path = str(mutant.path.relative_to(PACKAGE))
    return [path, mutant.function, mutant.before, mutant.after, len(twins)]


def named(key: Sequence[Any]) -> Mutant | None:
    """Give the mutant of that name, or nothing if the source has no such place any more."""
    path = PACKAGE / key[0]
    alike = [
        one
        for one in (mutants_of(path) if path.exists() else ())
        if [one.function, one.before, one.after] == list(key[1:4])
    ]
    alike.sort(key=lambda one: (one.number, one.choice))
    return alike[key[4]] if key[4] < len(alike) else None


def written(out: Path) -> Iterator[dict[str, Any]]:
    """Give the last verdict on each mutant that was written down."""
    rows = out.read_text("utf-8").splitlines() if out.exists() else []
    last = {json.dumps(row["key"]): row for row in map(json.loads, rows)}
    yield from (row for row in last.values() if row["verdict"] != "gone")


def _forget(keys: Sequence[Sequence[Any]], out: Path) -> None:
    """Take mutants back whose place is no more in the source."""
    with out.open("a", encoding="utf-8") as rows:
        for key in keys:
            rows.write(json.dumps({"verdict": "gone", "where": key[0], "key": key}) + "\n")


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
    parser.add_argument("--count", type=int, default=400, help="how many mutants (default: 400)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    parser.add_argument("--only", default="", help="modules whose path holds this word")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long (0: never)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=0,
        help="of tests that a mutant faces (0: all that reach it)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=MAP.parent / "verdicts.jsonl",
        help="every verdict, to go on from",
    )
    parser.add_argument("--again", action="store_true", help="judge what survived there once more")
    parser.add_argument(
        "--by", nargs="*", type=Path, default=(), help="only the tests of these files are asked"
    )
    parser.add_argument(
        "--together", action="store_true", help="plant all of them at once and run the tests once"
    )
    parser.add_argument("--few", action="store_true", help="few examples of each property")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--tests", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        return _judged_alone(asked)
    MAP.parent.mkdir(exist_ok=True)
    before = list(written(asked.out))
    if asked.again:
        lived = [row["key"] for row in before if row["verdict"] in {"survived", "untested"}]
        lived = [key for key in lived if asked.only in key[0]]
        mutants = [found for key in lived if (found := named(key))]
        _forget([key for key in lived if not named(key)], asked.out)
    else:
        modules = [path for folder in JUDGED for path in sorted(folder.glob("*.py"))]
        known = [row["key"] for row in before]
        drawn = sampled([one for one in modules if asked.only in str(one)], asked.count, asked.seed)
        mutants = [one for one in drawn if key_of(one) not in known]
    if mutants and asked.together:
        _run([*map(str, asked.by or JUDGES)], Together(mutants, _saying(asked.out), few=asked.few))
    elif mutants:
        _run([*map(str, asked.by or JUDGES)], Session(mutants, asked))
    return _report(list(written(asked.out)))


class InOrder:
    """A pytest plugin that has only the named tests run, in the order of their names."""

    def __init__(self, names: Sequence[str]) -> None:
        self.places = {name: place for place, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the others out."""
        known = [item for item in items if item.nodeid in self.places]
        items[:] = sorted(known, key=lambda item: self.places[item.nodeid])


class Profile:
    """A pytest plugin that has hypothesis try the same examples each time, and shrink none."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Make the profile known; pytest wants to load hypothesis before anybody else does."""
        from hypothesis import Phase, settings

        settings.register_profile(
            "mutation",
            deadline=None,
            database=None,
            derandomize=True,
            report_multiple_bugs=False,
            # The first failure tells; nobody reads the smallest example.
            phases=(Phase.explicit, Phase.generate),
        )


def _run(tests: Sequence[str], *plugins: object) -> int:
    options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    # A test that takes its time under observation is none that hangs.
    options += ["--timeout", "0", "--no-header", "-k", READS_A_CLOCK]
    options += ["--hypothesis-profile", "mutation"]
    return int(pytest.main([*options, *tests], plugins=[Profile(), *plugins]))


def _judged_alone(asked: argparse.Namespace) -> int:
    fields = asked.one | {"path": Path(asked.one["path"]), "lines": tuple(asked.one["lines"])}
    sys.meta_path.insert(0, Spoiler(Mutant(**fields)))
    names = json.loads(asked.tests.read_text("utf-8"))
    files = sorted({name.split("::")[0] for name in names})
    return _run(["-x", *files], InOrder(names))


def _report(rows: Sequence[dict[str, Any]]) -> int:
    if not rows:
        print("no mutant was judged")
        return 3
    for row in sorted(rows, key=lambda row: str(row["where"])):
        if row["verdict"] in {"survived", "untested"}:
            print(f"{row['where']} in {row['key'][1]}: {row['key'][2]}  →  {row['key'][3]}")
    folders = {str(row["where"]).split("/")[0] for row in rows}
    for folder in (*sorted(folders), ""):
        verdicts = Counter(row["verdict"] for row in rows if row["where"].startswith(folder))
        total, killed = verdicts.total(), verdicts["killed"] + verdicts["timeout"]
        low, high = wilson(killed, total)
        share = f"{killed / total:.1%} ({low:.1%} … {high:.1%})"
        print(f"{folder or 'all'}: {killed} of {total} noticed, {share}, {dict(verdicts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
