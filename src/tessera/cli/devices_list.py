"""List the readers that are plugged in, and the reader profiles that are known.

For each serial port it shows what the device is recognised by when it is plugged in again: the USB
serial number, or the USB socket where it has none. Use that as `port` in the settings, not a name
such as ttyACM0, which changes.
"""

import argparse
import json
from pathlib import Path

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
    parser.add_argument(
        "--profiles-from",
        metavar="FOLDER",
        type=Path,
        action="append",
        default=[],
        help="a folder with profiles of your own",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print ports or profiles."""
    if arguments.profiles:
        return _profiles(arguments)
    from tessera.devices.matching import matching_profiles
    from tessera.devices.port_choice import identity_of
    from tessera.devices.profiles import read_profiles
    from tessera.devices.serial_port import holder_of, list_serial_ports

    known = read_profiles().profiles.values()
    rows = [
        {
            "device": port.device,
            "port": str(identity_of(port) or port.device),
            "description": port.description,
            "usb": port.vendor_product,
            "profiles": matching_profiles(port.vendor_product, known),
            "used_by": holder_of(port.device),
        }
        for port in list_serial_ports()
    ]
    if arguments.json:
        print(json.dumps({"ports": rows}))
        return 0
    if not rows:
        print("no serial reader is plugged in")
    for row in rows:
        print(f"{row['device']}  {row['description']}")
        print(f'  port = "{row["port"]}"')
        if row["profiles"]:
            print(f"  profiles that fit: {', '.join(row['profiles'])}")
        if row["used_by"]:
            print(f"  in use by {row['used_by']}")
    return 0


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
