"""Listen to one reader and show every scan as it comes.

Opens the port for itself, so stop the agent first. Card numbers are masked unless --in-clear is
given; payment card numbers are never shown. Ctrl-C ends it.
"""

import argparse
import json
import time

from tessera.cli.reader_options import add_cards_option, add_port_options

EXAMPLES = """\
examples:
  tessera devices listen /dev/ttyACM0 --profile aim-cr
  tessera devices listen usb:serial=S23F1234 --profile zebra-ssi --in-clear
  tessera devices listen socket://127.0.0.1:7000 --count 5 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_port_options(parser, counted="scans")
    add_cards_option(parser)
    parser.add_argument("--in-clear", action="store_true", help="show card numbers and raw bytes")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Print events until told to stop."""
    from tessera.devices.event_fields import event_fields, event_line
    from tessera.devices.event_queue import EventQueue
    from tessera.devices.events import ReaderCondition, ReaderState, Scan
    from tessera.devices.profiles import read_card_formats
    from tessera.devices.readers import ReaderSettings, open_reader

    events = EventQueue()
    reader = open_reader(
        ReaderSettings(id="listen", profile=arguments.profile, port=arguments.port),
        on_event=events.put,
        clock_ns=time.monotonic_ns,
        card_formats=read_card_formats(arguments.cards).format,
        profile_folders=arguments.profiles_from,
    )
    reader.start()
    scans = 0
    try:
        while True:
            event = events.get(0.5)
            if event is None:
                continue
            if arguments.json:
                line = json.dumps(event_fields(event, in_clear=arguments.in_clear))
            else:
                line = event_line(event, in_clear=arguments.in_clear)
            print(line, flush=True)
            scans += isinstance(event, Scan) and not event.suppressed
            ended = isinstance(event, ReaderState) and event.condition == ReaderCondition.STOPPED
            if ended or (arguments.count and scans >= arguments.count):
                return 0
    finally:
        reader.stop()
