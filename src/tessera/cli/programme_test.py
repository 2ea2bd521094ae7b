"""Run a programme's own cases: baskets with what must come out.

The case files stand under `cases` in the programme, relative to its folder, and may hold patterns
(cases/my-shop/*.yaml). A programme in several files is named by its folder. Every difference is
shown with the file and line of its case. A warning tells of a name in a case that is probably
misspelt: nothing else knows it.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = """\
examples:
  tessera programme test config/programmes/corner-shop.yaml

a case:
  - case: three pens for the price of two
    # 3 × 2.00, the cheapest free: 4.00
    lines: [3 pen 6.00 stationery]
    expect: {due: 4.00}

exit codes: 0 all cases hold · 1 some do not, or a file has a problem · 3 a file is not there or
can't be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", type=Path, help="programme (YAML file or folder)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Run the cases of all files."""
    import json

    from tessera.cli.programme_files import counted, read_text, sound_programme
    from tessera.rules.case_names import unknown_names
    from tessera.rules.cases import read_cases, run_case

    passed, failures, warnings = 0, [], []
    for path in arguments.files:
        programme = sound_programme(path)
        texts = [(str(file), read_text(file)) for file in _case_files(path, programme.cases)]
        warnings += [warning.render() for warning in unknown_names(programme, texts)]
        for file, text in texts:
            cases, problems = read_cases(text, file=file, code=programme.currency)
            failures += [problem.render() for problem in problems]
            for case in cases:
                result = run_case(programme, case)
                place = f"{file}:{case.line}: {case.name}"
                failures += [f"{place}: {difference}" for difference in result.differences]
                passed += not result.differences
    if arguments.json:
        report = {"passed": passed, "failures": failures, "warnings": warnings}
        print(json.dumps(report, ensure_ascii=False))
    else:
        for message in (*warnings, *failures):
            print(message)
        verb = "holds" if passed == 1 else "hold"
        differences = counted(len(failures), "difference")
        print(f"{counted(passed, 'case')} {verb}, {differences}")
    return 1 if failures else 0


def _case_files(programme: Path, names: "Sequence[str]") -> list[Path]:
    """Give the case files that a programme names; each name has to be of one at least."""
    if not names:
        raise TesseraError(f"{programme} names no case files", hint="cases: [cases/my-shop.yaml]")
    beside = programme if programme.is_dir() else programme.parent
    found: set[Path] = set()
    for name in names:
        if Path(name).is_absolute():
            raise TesseraError(
                f"{programme}: case file {name!r} is named from the root on",
                hint="name it from the programme's folder on: cases/my-shop.yaml",
            )
        files = {one for one in beside.glob(name) if one.is_file()}
        if not files:
            raise TesseraError(
                f"{programme}: no case file {name!r} exists",
                hint=f"correct its name under `cases`, or write it in {beside}",
            )
        found |= files
    return sorted(found)
