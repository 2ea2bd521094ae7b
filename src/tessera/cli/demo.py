"""A shop's bad day on one machine, told as it happens: everything in it is real.

Starts central, one register's agent and a simulated scanner, sells, pulls the cable, spends points
and takes goods back without a network, kills the agent in the middle of a sale, plugs the cable in
again, and holds till, central and totals worked out by hand against each other. It ends by itself:
status 0 when all three agree, 1 when they differ.

With --live the same shop stays up: the cashier's page is at the address that is printed, scans are
typed on this terminal, or come from a real reader with --reader.
"""

import argparse
import tempfile
from pathlib import Path

EXAMPLES = """\
examples:
  tessera demo
  tessera demo --live
  tessera demo --live --reader /dev/ttyACM0 --profile zebra-codeid-cr
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--live", action="store_true", help="stay up and take scans until Ctrl-C is pressed"
    )
    parser.add_argument(
        "--reader", default="", metavar="DEVICE", help="with --live: a real reader, /dev/ttyACM0"
    )
    parser.add_argument(
        "--profile",
        default="generic-cr",
        metavar="NAME",
        help="the reader's profile, as `tessera devices list` shows it (generic-cr)",
    )
    parser.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="work in this new folder and leave it behind"
    )


def run(arguments: argparse.Namespace) -> int:
    """Tell the story, or keep the shop open."""
    from tessera.fleet.demo_run import run_demo

    def run_in(folder: Path) -> int:
        return run_demo(
            folder,
            live=arguments.live,
            reader=arguments.reader,
            profile=arguments.profile,
            show=lambda line: print(line, flush=True),
        )

    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True)
        return run_in(arguments.keep.resolve())
    with tempfile.TemporaryDirectory(prefix="tessera-demo-") as folder:
        return run_in(Path(folder))
