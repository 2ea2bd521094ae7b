"""Say in words what a release changes against the last one.

Compares two programmes by what they mean: offers that are new, gone or changed field by
field, units, tiers, settings, groups, partners, what is stopped. The same rule spelled otherwise,
comments, the list of case files, and the order of offers where nothing reads it are no difference.
The answer always comes in the same order.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tessera.rules.differences import Difference, Release

EXAMPLES = """\
examples:
  tessera programme diff released.yaml draft.yaml
  tessera programme diff --json released.yaml draft.yaml

exit codes: 0 no difference · 1 there are differences · 3 a file can't be read or is not sound
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "old", metavar="OLD", type=Path, help="programme as it was (YAML file or folder)"
    )
    parser.add_argument(
        "new", metavar="NEW", type=Path, help="programme as it shall be (YAML file or folder)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Compare the two programmes; 1 when they differ."""
    import json
    from dataclasses import asdict

    from tessera.rules.differences import differences

    found = differences(_sound_release(arguments.old), _sound_release(arguments.new))
    if arguments.json:
        listed = [asdict(one) for one in found]
        report = {"old": str(arguments.old), "new": str(arguments.new), "differences": listed}
        print(json.dumps(report, ensure_ascii=False))
        return 1 if found else 0
    for one in found:
        print(sentence(one))
    print(summary(found))
    return 1 if found else 0


def sentence(one: "Difference") -> str:
    """Say one difference."""
    if one.section == "stopped":
        return f"offer {one.name} " + ("is stopped" if one.change == "added" else "goes again")
    name = " ".join(word for word in (one.section, one.name) if word)
    if one.section == "setting":
        return f"setting {one.field}: was {one.before}, becomes {one.after}"
    if one.change == "changed":
        return f"{name}, {one.field}: was {one.before}, becomes {one.after}"
    detail = one.after or one.before
    word = "is new" if one.change == "added" else "is gone"
    return f"{name} {word}" + (f": {detail}" if detail else "")


def summary(found: "list[Difference]") -> str:
    """Count what was found: entries that are new, gone, changed, by section."""
    if not found:
        return "no difference"
    entries = {(one.section, one.name or one.field): (one.section, one.change) for one in found}
    words = {"added": "new", "removed": "gone", "changed": "changed"}
    counts = Counter(entries.values())
    parts = [
        f"{section}: {count} {words[change]}"
        for (section, change), count in counts.items()
        if section != "stopped"
    ]
    stopped = counts["stopped", "added"], counts["stopped", "removed"]
    parts += [f"{stopped[0]} stopped"] if stopped[0] else []
    parts += [f"{stopped[1]} going again"] if stopped[1] else []
    return f"{len(found)} {'difference' if len(found) == 1 else 'differences'} — {', '.join(parts)}"


def _sound_release(path: Path) -> "Release":
    import sys

    from tessera.cli.programme_files import counted, read_source
    from tessera.core.errors import TesseraError
    from tessera.rules.differences import joined_release, read_release

    source, problems = read_source(path)
    release = None
    if source is not None and source.joined is not None:
        release, problems = joined_release(source.joined)
    elif source is not None:
        release, problems = read_release(source.text, file=source.file)
    if release is None:
        for problem in problems[:20]:
            print(problem.render(), file=sys.stderr)
        raise TesseraError(
            f"{path} can't be compared: {counted(len(problems), 'problem')}",
            hint=f"tessera programme check {path}",
        )
    return release
