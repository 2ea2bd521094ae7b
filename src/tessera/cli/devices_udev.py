"""Print the udev rules for readers: who may open them, and that ModemManager leaves them alone.

Without arguments the rules cover all readers that the profiles know. With --for they cover one
plugged-in device and give it a lasting name under /dev/tessera.
"""

import argparse

from tessera.cli.reader_options import add_profile_folders

EXAMPLES = """\
examples:
  tessera devices udev > 60-tessera-readers.rules
  tessera devices udev --for /dev/ttyACM0 --name left
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--for", dest="device", metavar="DEVICE", help="one plugged-in USB device")
    parser.add_argument("--name", default="reader", help="its name under /dev/tessera")
    add_profile_folders(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the rules."""
    from tessera.core.errors import TesseraError
    from tessera.devices.profiles import read_profiles
    from tessera.devices.udev_rules import rules_for_port, rules_for_profiles

    if arguments.device:
        from tessera.devices.serial_port import list_serial_ports

        found = [port for port in list_serial_ports() if port.device == arguments.device]
        if not found or not found[0].vendor_product:
            raise TesseraError(
                f"{arguments.device} is no USB serial device that is plugged in",
                hint="see 'tessera devices list'",
            )
        print(rules_for_port(found[0], name=arguments.name), end="")
        return 0
    print(rules_for_profiles(read_profiles(*arguments.profiles_from).profiles.values()), end="")
    return 0
