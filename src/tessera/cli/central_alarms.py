"""List what must be looked at: forks, new lives of registers, leases that were overspent.

An alarm stays: it says what happened, not how things are. What each kind means is told in
docs/central.md.
"""

import argparse
import dataclasses
import json
from datetime import UTC, datetime

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central alarms
  tessera central alarms --register berlin-1-3 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--register", default="", help="only of this register")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print every alarm, oldest first; 1 when there is any."""
    from tessera.store.central.register_book import read_alarms

    with central_from(arguments) as central, central.engines.reader.begin() as tx:
        alarms = [
            alarm for alarm in read_alarms(tx) if arguments.register in {"", alarm.register_id}
        ]
    if arguments.json:
        print(json.dumps([dataclasses.asdict(alarm) for alarm in alarms]))
    else:
        for alarm in alarms:
            moment = datetime.fromtimestamp(alarm.raised_ms / 1000, tz=UTC)
            text = f"{moment:%Y-%m-%d %H:%M:%S}Z  {alarm.register_id or 'central'}  {alarm.kind}"
            print(f"{text}  {alarm.about}  {alarm.detail}".rstrip())
        print(f"{len(alarms)} alarms")
    return 1 if alarms else 0
