"""Price a period's sales by a draft and say what would change.

Reads sales as JSON lines and prices each by the draft and, with --against, by the programme in
force: what discounts cost, units issued and spent, members better and worse off, by offer and by
partner. Each sale is priced with the member's state that stands in it: what the draft would have
left on an account is not carried on to the next sale. A line that can't be used is reported with
its number and does not stop it.
"""

import argparse
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tessera.rules.replay_lines import Part

EXAMPLES = """\
examples:
  tessera programme replay --programme draft.yaml sales.jsonl
  tessera programme replay --programme draft.yaml --against my-shop.yaml sales.jsonl --json

a line of sales.jsonl (store, region, register and member may be missing):
  {"at": "2026-11-21T10:15:00+01:00", "store": "7", "member": {"member_id": "m-17"},
   "basket": {"lines": [{"id": "1", "sku": "milk", "amount_minor": 99}]}}

exit codes: 0 all sales were priced · 1 some lines can't be used · 3 a file can't be read
"""
WORKERS_MAX = 64
PROGRESS_S = 1.0
"""Seconds between two words about progress."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--programme", required=True, metavar="DRAFT", type=Path, help="the draft (YAML)"
    )
    parser.add_argument(
        "--against", metavar="CURRENT", type=Path, help="the programme in force, to compare with"
    )
    parser.add_argument(
        "sales", metavar="SALES", type=Path, help="sales as JSON lines, - for stdin"
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=min(WORKERS_MAX, len(os.sched_getaffinity(0))),
        metavar="N",
        help="processes that price (default: one for each core); the answer is the same",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {WORKERS_MAX}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Price all sales and print the sums; 1 when a line can't be used."""
    import json

    from tessera.cli.programme_replay_show import print_report
    from tessera.cli.programme_sales import read_programmes
    from tessera.rules.replay import report_of

    programmes = read_programmes(arguments.programme, arguments.against)
    part = _priced(arguments)
    report = report_of(part.replay, programmes.draft, programmes.current)
    report["lines"] = part.lines
    report["wrong"] = part.wrong_count
    if arguments.json:
        report["wrong_lines"] = [{"line": one.line, "message": one.message} for one in part.wrong]
        print(json.dumps(report, ensure_ascii=False))
    else:
        print_report(report)
        for one in part.wrong:
            print(f"{arguments.sales}:{one.line}: {one.message}")
        if part.wrong_count > len(part.wrong):
            print(f"… and {part.wrong_count - len(part.wrong)} more lines that can't be used")
    return 1 if part.wrong_count else 0


def _priced(arguments: argparse.Namespace) -> "Part":
    from tessera.cli.programme_sales import priced
    from tessera.rules.replay_lines import Part

    whole = Part()
    began_s = shown_s = time.monotonic()
    with _opened(arguments.sales) as file:
        for part in priced(file, arguments.programme, arguments.against, arguments.workers):
            whole.add(part)
            now_s = time.monotonic()
            if now_s - shown_s >= PROGRESS_S:
                shown_s = now_s
                sales = whole.replay.draft.sales
                rate = int(sales / (now_s - began_s))
                print(f"{sales:,} sales, {rate:,} a second", file=sys.stderr, flush=True)
    return whole


@contextmanager
def _opened(path: Path) -> "Iterator[BinaryIO]":
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        reason = (error.strerror or "can't be read").lower()
        raise TesseraError(f"{path}: {reason}", hint="look at the path and its rights") from None
    with file:
        yield file
