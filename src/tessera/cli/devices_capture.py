"""Record what a reader sends, for a closer look or for a question to somebody else.

The recording is JSON lines, one for each stretch of bytes between two silences. Digits and letters
of longer runs are masked unless --in-clear is given; payment cards are never recorded. Ctrl-C, or
--count stretches, ends it.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TextIO

from tessera.cli.reader_options import add_port_options

EXAMPLES = """\
examples:
  tessera devices capture /dev/ttyACM0 --profile aim-cr --out scanner.jsonl
  tessera devices capture usb:serial=S23F1234 --profile rdm6300 --count 3 --in-clear
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_port_options(parser, counted="stretches")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write here, not to the screen")
    parser.add_argument("--in-clear", action="store_true", help="record card numbers as they are")


def run(arguments: argparse.Namespace) -> int:
    """Record until told to stop."""
    from tessera.core.errors import TesseraError
    from tessera.devices.capture_loop import record
    from tessera.devices.captures import CaptureWriter
    from tessera.devices.profiles import (
        read_card_formats,
        read_profile,
    )
    from tessera.devices.readers import ReaderSettings, opener_of

    profile = read_profile(arguments.profile, *arguments.profiles_from)
    settings = ReaderSettings(id="capture", profile=profile.name, port=arguments.port)
    writer = CaptureWriter(profile=profile.name, masked=not arguments.in_clear)
    port = opener_of(settings, profile).open()
    try:
        # Card numbers may be in it, so only its owner reads it.
        out = _begun(arguments.out) if arguments.out else sys.stdout
    except OSError as error:
        port.close()
        raise TesseraError(
            f"{arguments.out} cannot be written: {error.strerror}",
            hint="recordings are not overwritten; name another file",
        ) from error
    try:
        for line in record(
            port,
            profile,
            read_card_formats().format,
            writer,
            clock_ns=time.monotonic_ns,
            count=arguments.count or 0,
        ):
            print(line, file=out, flush=True)
    finally:
        port.close()
        if arguments.out:
            out.close()
    return 0


def _begun(path: Path) -> TextIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8")
