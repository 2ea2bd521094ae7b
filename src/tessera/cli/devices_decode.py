"""Decode recorded bytes: JSON lines in, JSON lines out.

Each line of standard input is an object with `hex` (the bytes on the wire) or `chunks` (a list of
objects with `hex` and `delay_ms`), and optionally `id`, `idle_after_ms` (silence at the end),
`bits` (Wiegand), `apdu` and `initial`. Each line of the answer has `id`, `scans` and `errors`, and
where there are any `suppressed`, `reply` and `control`. Nothing is opened and nothing is masked.

Exit code 1 says that a line was malformed; its answer has `problem`.
"""

import argparse
import io
import json
import sys
from typing import Any

from tessera.cli.reader_options import add_cards_option, add_profile_folders

EXAMPLES = """\
examples:
  echo '{"id": "a", "hex": "5d4530343030363338313333333933310d"}' |
    tessera devices decode --profile aim-cr
"""

LINE_CHARS_MAX = 2_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--profile", required=True, help="the reader profile to decode with")
    add_profile_folders(parser)
    add_cards_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Decode standard input line by line."""
    from tessera.devices.decode_lines import decode_case
    from tessera.devices.profiles import (
        read_card_formats,
        read_profile,
    )

    profile = read_profile(arguments.profile, *arguments.profiles_from)
    formats = read_card_formats(arguments.cards).format
    code = 0
    if isinstance(sys.stdin, io.TextIOWrapper):
        # A byte that is no text makes its own line malformed and ends nothing.
        sys.stdin.reconfigure(errors="backslashreplace")
    while line := sys.stdin.readline(LINE_CHARS_MAX):
        if not line.strip():
            continue
        case: dict[str, Any] = {}
        try:
            case = _case(line)
            answer = decode_case(case, profile, formats)
        except ValueError as error:
            code = 1
            answer = {"id": case.get("id"), "scans": [], "errors": [], "problem": str(error)}
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    return code


def _case(line: str) -> dict[str, Any]:
    if len(line) >= LINE_CHARS_MAX:
        raise ValueError(f"a line has more than {LINE_CHARS_MAX} characters")
    try:
        case = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(case, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a malformed line, like any other
    return case
