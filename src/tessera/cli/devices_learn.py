"""Find out how an unknown scanner speaks: scan two cards, get its profile and udev rule.

Shows the bytes of each scan, the profile that explains them best, and what the shop's card formats
make of them. --write puts the profile into a folder of your own, from where the agent and the other
commands read it (--profiles-from). Card numbers are masked unless --in-clear is given.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.cli.reader_options import add_cards_option
from tessera.cli.whole_number import whole

if TYPE_CHECKING:
    from tessera.devices.learning import Guess

EXAMPLES = """\
examples:
  tessera devices learn /dev/ttyACM0
  tessera devices learn /dev/ttyUSB0 --baud 19200 --write profiles/ --name counter-scanner
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("port", help="a serial port as 'tessera devices list' shows it")
    parser.add_argument(
        "--baud",
        type=whole(50, 4_000_000),
        metavar="N",
        default=9600,
        help="speed on RS-232 (default: 9600)",
    )
    parser.add_argument(
        "--scans", type=whole(1, 100), metavar="N", default=2, help="cards to scan (default: 2)"
    )
    parser.add_argument("--name", default="my-scanner", help="name of the new profile")
    parser.add_argument("--write", metavar="FOLDER", type=Path, help="write the profile there")
    add_cards_option(parser)
    parser.add_argument("--in-clear", action="store_true", help="show card numbers and raw bytes")
    parser.add_argument(
        "--wait",
        type=whole(0, 3_600),
        metavar="N",
        default=60,
        help="seconds to wait for a scan (default: 60)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Learn from a few scans; 1 where no profile explains them."""
    from tessera.devices.capture_loop import record_scans
    from tessera.devices.learning import CONVINCING, guess_profiles
    from tessera.devices.matching import matching_profiles
    from tessera.devices.profile_schema import SerialLine
    from tessera.devices.profiles import read_card_formats, read_profiles
    from tessera.devices.serial_port import SerialPortOpener, list_serial_ports

    port = SerialPortOpener(arguments.port, SerialLine(baud=arguments.baud)).open()
    recorded: list[bytes] = []
    try:
        for number in range(arguments.scans):
            print(f"scan a card now ({number + 1} of {arguments.scans}) …", file=sys.stderr)
            recorded.append(record_scans(port, wait_s=arguments.wait, clock_ns=time.monotonic_ns))
            _show_bytes(recorded[-1], in_clear=arguments.in_clear)
    finally:
        port.close()
    profiles = read_profiles().profiles
    guesses = guess_profiles(recorded, profiles.values(), read_card_formats(arguments.cards).format)
    best = guesses[0]
    if best.score < CONVINCING or not best.scans:
        print("no profile explains these bytes")
        print("  hint: try another --baud, or see 'adding a reader' in docs/readers.md")
        return 1
    print(f"profile: {best.profile.name} ({best.profile.title})")
    for scan in best.scans:
        _show_scan(scan.kind.value, scan.symbology, scan.card_format)
    others = [guess.profile.name for guess in guesses[1:4] if guess.score >= best.score - 2]
    if others:
        print(f"fits nearly as well: {', '.join(others)}")
    found = next((each for each in list_serial_ports() if each.device == port.device), None)
    usb = found.vendor_product if found else ""
    if usb:
        named = matching_profiles(usb, profiles.values())
        print(f"USB device {usb}" + (f", known to: {', '.join(named)}" if named else ""))
    if arguments.write:
        _write(arguments, best, usb)
    if found and usb:
        from tessera.devices.udev_rules import rules_for_port

        print("udev rule:")
        print(rules_for_port(found, name=arguments.name), end="")
    return 0


def _show_bytes(content: bytes, *, in_clear: bool) -> None:
    from tessera.devices.captures import mask_bytes
    from tessera.devices.decoding.payment_cards import holds_payment_card

    if holds_payment_card(bytes(byte & 0x7F for byte in content).decode("ascii")):
        print(f"  {len(content)} bytes, not shown: they hold a payment card number")
        return
    shown = content if in_clear else mask_bytes(content)
    print(f"  {len(content)} bytes: {shown!r}")


def _show_scan(kind: str, symbology: str, card_format: str | None) -> None:
    known = f", card format {card_format}" if card_format else ""
    print(f"  {symbology}: {kind.replace('_', ' ')}{known}")


def _write(arguments: argparse.Namespace, best: "Guess", usb: str) -> None:
    from tessera.core.errors import TesseraError
    from tessera.devices.learning import learnt_profile_text
    from tessera.devices.profiles import parse_profile, shipped_profiles_folder

    source = (shipped_profiles_folder() / f"{best.profile.name}.toml").read_text(encoding="utf-8")
    title = f"learnt from {arguments.port}, like {best.profile.name}"
    text = learnt_profile_text(
        source, name=arguments.name, title=title, usb=usb, baud=arguments.baud
    )
    path = arguments.write / f"{arguments.name}.toml"
    _, problems = parse_profile(text, file=str(path))
    assert not problems, problems
    try:
        arguments.write.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise TesseraError(
            f"{path} cannot be written: {error.strerror}",
            hint="profiles are not overwritten; choose another --name",
        ) from error
    print(f"written: {path}")
