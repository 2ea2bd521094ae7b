"""Rank the pairs of offers that can meet by what they take off together.

For every two offers that take something off, the basket is shown that pays the smallest share of
its shelf price with these two alone, dearest pairs first. `proven`: no number of pieces of the same
goods pays a smaller share; or larger baskets come ever nearer to a share that is told, and never go
beyond. Otherwise the price is the lowest found, with the reason, and the most that could come off.
With --baseline only pairs that the earlier programme did not have, or that take off more than
there.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tessera.rules.pair_search import Pair

EXAMPLES = """\
examples:
  tessera programme lint-combinations my-shop.yaml
  tessera programme lint-combinations draft.yaml --baseline my-shop.yaml --json

exit codes: 0 the pairs are listed, however many · 3 a file can't be used
"""
TOP = 50
PROGRESS_S = 1.0
"""Seconds between two words about progress."""
SAID = {
    "": "proven",
    "approached": "proven: with ever more pieces nearer to {limit} off, never beyond",
    "more-pieces": "lowest found: other numbers of pieces could take off {limit} at most",
    "other-goods": "lowest found: other goods may serve both",
    "no-ceiling": "lowest found: no bound is known for such offers",
    "not-judged": "lowest found: of so many pairs only the first are looked at more closely",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "file", metavar="PROGRAMME", type=Path, help="programme (YAML file or folder)"
    )
    parser.add_argument(
        "--baseline", metavar="OLD", type=Path, help="earlier programme: only what is new"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print the pairs that take off most."""
    import json

    from tessera.cli.programme_files import sound_programme
    from tessera.rules.combinations import combinations_of, new_against
    from tessera.rules.wording import money

    programme = sound_programme(arguments.file)
    found = combinations_of(programme, tell=_Progress().tell)
    pairs = found.pairs
    if arguments.baseline:
        baseline = sound_programme(arguments.baseline)
        pairs = new_against(found, combinations_of(baseline, tell=_Progress().tell))
    if arguments.json:
        report = {
            "currency": programme.currency,
            "tried": found.tried,
            "left_out": found.left_out,
            "proven": all(one.proven for one in pairs),
            "found": len(pairs),
            "pairs": [_plain(one) for one in pairs[:TOP]],
        }
        print(json.dumps(report, ensure_ascii=False))
        return 0
    for pair in pairs[:TOP]:
        shelf, due = (
            money(minor, "en", programme.currency) for minor in (pair.shelf_minor, pair.due_minor)
        )
        meets = "the same goods" if pair.same_line else "the same basket"
        share = _percent(pair.off_permille)
        print(f"{share:>7} off  {' + '.join(pair.offers)}: {due} instead of {shelf}, on {meets}")
        print(f"             {SAID[pair.reason].format(limit=_percent(pair.limit_permille))}")
    print(f"{found.tried} pairs tried, {len(pairs)} {'new' if arguments.baseline else 'can meet'}")
    if pairs:
        proven = sum(pair.proven for pair in pairs)
        print(f"{proven} of {len(pairs)} proven, for goods at the usual price of a piece")
    if len(pairs) > TOP:
        print(f"only the first {TOP} are shown")
    if found.left_out:
        print(f"{found.left_out} pairs were not tried: the programme has too many offers")
    return 0


def _percent(permille: int | None) -> str:
    return "" if permille is None else f"{permille // 10}.{permille % 10} %"


def _plain(pair: "Pair") -> dict[str, object]:
    """Give a pair as plain values for JSON."""
    return {
        "offers": pair.offers,
        "shelf_minor": pair.shelf_minor,
        "due_minor": pair.due_minor,
        "off_permille": pair.off_permille,
        "same_line": pair.same_line,
        "basket": pair.basket,
        "proven": pair.proven,
        "limit_permille": pair.limit_permille,
        "reason": pair.reason,
    }


class _Progress:
    """Says on standard error how many pairs are done, once a second."""

    def __init__(self) -> None:
        self.shown_s = time.monotonic()

    def tell(self, done: int) -> None:
        """Hear how many pairs are done."""
        now_s = time.monotonic()
        if now_s - self.shown_s >= PROGRESS_S:
            self.shown_s = now_s
            print(f"{done:,} pairs", file=sys.stderr, flush=True)
