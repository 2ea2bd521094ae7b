"""List the readers that are plugged in, and the reader profiles that are known.

For each serial port, and each keyboard that a profile knows as a scanner, it shows what the device
is recognised by when it is plugged in again: the USB serial number, or the USB socket where it has
none. Use that as `port` in the settings, not a name such as ttyACM0, which changes.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tessera.cli.reader_options import add_profile_folders

if TYPE_CHECKING:
    from tessera.devices.port_choice import FoundPort

EXAMPLES = """\
examples:
  tessera devices list
  tessera devices list --profiles
  tessera devices list --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--profiles", action="store_true", help="list the reader profiles instead of the ports"
    )
    add_profile_folders(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print ports or profiles."""
    if arguments.profiles:
        return _profiles(arguments)
    rows, note = _rows(arguments.profiles_from)
    if arguments.json:
        print(json.dumps({"ports": rows, "note": note}))
        return 0
    if not rows:
        print("no reader is plugged in")
    for row in rows:
        print(f"{row['device']}  {row['description']}")
        print(f'  port = "{row["port"]}"')
        if row["profiles"]:
            print(f"  profiles that fit: {', '.join(row['profiles'])}")
        if row["used_by"]:
            print(f"  in use by {row['used_by']}")
    if note:
        print(note)
    return 0


def _rows(own_folders: list[Path]) -> tuple[list[dict[str, Any]], str]:
    """Give a row for each serial port and each keyboard that a profile knows, and a note."""
    from tessera.core.errors import TesseraError
    from tessera.devices.evdev_port import list_keyboards_there
    from tessera.devices.matching import matching_profiles
    from tessera.devices.profiles import read_profiles
    from tessera.devices.serial_port import list_serial_ports

    known = read_profiles(*own_folders).profiles.values()
    keyboards = [profile for profile in known if profile.transport == "evdev"]
    others = [profile for profile in known if profile.transport != "evdev"]
    rows = [
        _row(port, matching_profiles(port.vendor_product, others)) for port in list_serial_ports()
    ]
    try:
        found = list_keyboards_there()
    except TesseraError as error:
        return rows, f"keyboard scanners are not listed: {error.message}"
    fitting = [(port, matching_profiles(port.vendor_product, keyboards)) for port in found]
    return rows + [_row(port, names) for port, names in fitting if names], ""


def _row(port: "FoundPort", profiles: list[str]) -> dict[str, Any]:
    from tessera.devices.port_choice import identity_of
    from tessera.devices.serial_port import holder_of

    return {
        "device": port.device,
        "port": str(identity_of(port) or port.device),
        "description": port.description,
        "usb": port.vendor_product,
        "profiles": profiles,
        "used_by": holder_of(port.device),
    }


def _profiles(arguments: argparse.Namespace) -> int:
    from tessera.devices.profiles import read_profiles

    shelf = read_profiles(*arguments.profiles_from)
    profiles = sorted(shelf.profiles.values(), key=lambda profile: profile.name)
    if arguments.json:
        listed = [
            {
                "name": profile.name,
                "title": profile.title,
                "transport": profile.transport,
                "verified": profile.verified,
                "models": profile.models,
            }
            for profile in profiles
        ]
        problems = [problem.render() for problem in shelf.problems]
        print(json.dumps({"profiles": listed, "problems": problems}))
    else:
        width = max((len(profile.name) for profile in profiles), default=0)
        for profile in profiles:
            print(f"{profile.name:<{width}}  {profile.title}")
        for problem in shelf.problems:
            print(problem.render())
    return 1 if shelf.problems else 0
