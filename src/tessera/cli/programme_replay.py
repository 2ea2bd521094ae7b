"""Price a period's sales by a draft and say what would change.

Reads sales as JSON lines or Parquet and prices each by the draft and, with --against, by the
programme in force: what discounts cost, units issued and spent, members better and worse off, by
offer and by partner. A sale that no changed offer can touch is priced once for both. Each sale is
priced with the member's state that stands in it: what the draft would have left on an account is
not carried on to the next sale. A line or row that can't be used is reported with its number and
does not stop it.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.cli.whole_number import whole

if TYPE_CHECKING:
    from tessera.rules.replay_lines import Part

EXAMPLES = """\
examples:
  tessera programme replay --programme draft.yaml sales.jsonl
  tessera programme replay --programme draft.yaml --against my-shop.yaml sales.jsonl --json

a line of sales.jsonl (store, region, register and member may be missing):
  {"at": "2026-11-21T10:15:00+01:00", "store": "7", "member": {"member_id": "m-17"},
   "basket": {"lines": [{"id": "1", "sku": "milk", "amount_minor": 99}]}}
a Parquet file has the same names as columns, nested or as texts of JSON, and needs pyarrow:
  pip install 'tessera-pos[parquet]'

exit codes: 0 all sales were priced · 1 some lines can't be used · 3 a file can't be read
"""
WORKERS_MAX = 64
PROGRESS_S = 1.0
"""Seconds between two words about progress."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--programme",
        required=True,
        metavar="DRAFT",
        type=Path,
        help="the draft (YAML file or folder)",
    )
    parser.add_argument(
        "--against", metavar="CURRENT", type=Path, help="the programme in force, to compare with"
    )
    parser.add_argument(
        "sales", metavar="SALES", type=Path, help="JSON lines or Parquet; - for lines on stdin"
    )
    parser.add_argument(
        "--workers",
        type=whole(1, WORKERS_MAX),
        default=min(WORKERS_MAX, len(os.sched_getaffinity(0))),
        metavar="N",
        help="processes that price (default: one for each core); the answer is the same",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


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
    from tessera.cli.programme_sales import opened, priced
    from tessera.rules.replay_lines import Part

    whole = Part()
    began_s = shown_s = time.monotonic()
    with opened(arguments.sales) as sales:
        for part in priced(sales, arguments.programme, arguments.against, arguments.workers):
            whole.add(part)
            now_s = time.monotonic()
            if now_s - shown_s >= PROGRESS_S:
                shown_s = now_s
                print(_progress(whole, sales.end, now_s - began_s), file=sys.stderr, flush=True)
    return whole


def _progress(whole: "Part", end: int, passed_s: float) -> str:
    """Say how far it is: of a file whose end is known also the share, and what is left."""
    sales = whole.replay.draft.sales
    said = f"{sales:,} sales, {int(sales / passed_s):,} a second"
    if 0 < whole.end < end:
        left_s = int(passed_s * (end - whole.end) / whole.end)
        said += f", {100 * whole.end // end} %, about {left_s // 60}:{left_s % 60:02} left"
    return said
