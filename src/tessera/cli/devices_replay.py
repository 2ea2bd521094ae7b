"""Read a recording of a reader again and show what comes of it.

Uses the profile with which it was recorded, or another one with --profile. A masked recording shows
framing and lengths; its check digits no longer hold.
"""

import argparse
import json
import sys
from pathlib import Path

from tessera.cli.reader_options import add_cards_option, add_profile_folders

EXAMPLES = """\
examples:
  tessera devices replay scanner.jsonl
  tessera devices replay scanner.jsonl --profile zebra-codeid-cr
"""

FILE_BYTES_MAX = 64 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("file", type=Path, help="a recording of 'tessera devices capture'")
    parser.add_argument("--profile", default="", help="decode with this profile")
    add_profile_folders(parser)
    add_cards_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Decode the recording; 1 where it holds an error."""
    from tessera.core.errors import TesseraError
    from tessera.devices.captures import read_capture
    from tessera.devices.decode_lines import decode_case
    from tessera.devices.profiles import (
        read_card_formats,
        read_profile,
    )

    formats = read_card_formats(arguments.cards).format
    errors = 0
    try:
        lines = _lines(arguments.file)
        recorded_with, cases = read_capture(lines)
        profile = read_profile(arguments.profile or recorded_with, *arguments.profiles_from)
        for case in cases:
            if "withheld" in case:
                print(json.dumps({"id": case["id"], "withheld": case["withheld"]}))
                continue
            answer = decode_case(case, profile, formats)
            errors += len(answer["errors"]) if isinstance(answer["errors"], list) else 0
            print(json.dumps(answer, ensure_ascii=False))
    except ValueError as error:
        raise TesseraError(
            f"{arguments.file}: {error}", hint="record it with 'tessera devices capture'"
        ) from error
    if errors:
        print(f"{errors} errors", file=sys.stderr)
    return 1 if errors else 0


def _lines(path: Path) -> list[str]:
    from tessera.core.errors import TesseraError

    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ValueError(f"larger than {FILE_BYTES_MAX} bytes")
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TesseraError(
            f"{path} cannot be read: {error.strerror}", hint="check the file's name"
        ) from error
