"""Runs the demo from its set-up to its verdict, or keeps its shop open for your own scans.

Owns: the order of starting and ending, the closing line, the exit status.
Must never: leave a process behind.
"""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tessera.devices.simulated import SimulatedScanner
from tessera.fleet import demo_totals as by_hand
from tessera.fleet.demo_shop import CARD, DemoShop
from tessera.fleet.demo_story import Story
from tessera.fleet.shop import port_or_free

SCAN_LENGTH_MAX = 200
USUAL_PORT = 8440
"""The agent's own default."""


def run_demo(
    folder: Path, *, live: bool, reader: str, profile: str, show: Callable[[str], None]
) -> int:
    """Run in an empty folder; 0 when till, central and the totals by hand agree, else 1.

    `show` gets each line as it happens.
    """

    def chapter(title: str) -> None:
        show(f"\n— {title}")

    def say(text: str) -> None:
        show(f"  {text}")

    started = time.monotonic()
    # A shop that stays open answers where the documentation's examples look for it, if it can.
    shop = DemoShop(folder, say=say, agent_port=port_or_free(USUAL_PORT) if live else 0)
    with SimulatedScanner() as scanner:
        try:
            chapter("A shop is set up: central, a register, a scanner")
            pos = shop.open(
                reader=reader or scanner.port,
                reader_profile=profile,
                leased=by_hand.LEASED_POINTS,
                opening=by_hand.OPENING_POINTS,
            )
            if live:
                chapter("The shop stays open; Ctrl-C ends it")
                _stay_open(shop, None if reader else scanner, say)
                return 0
            story = Story(
                shop=shop,
                pos=pos,
                type_card=scanner.type_scan,
                chapter=chapter,
                say=say,
                day=pos.business_day,
            )
            story.tell()
        finally:
            shop.close()
    took_s = time.monotonic() - started
    if story.differences:
        show(f"\ndemo: {len(story.differences)} differences after {took_s:.0f} s:")
        for difference in story.differences:
            say(difference)
        return 1
    show(f"\ndemo: till, central and the totals by hand agree; {took_s:.0f} s")
    return 0


def _stay_open(
    shop: DemoShop, scanner: SimulatedScanner | None, say: Callable[[str], None]
) -> None:
    """Pass on what is typed, line by line, as scans, until the end of input or Ctrl-C."""
    say(f"cashier's page: http://127.0.0.1:{shop.agent_port}/")
    say(f"a POS calls it with the token in {shop.folder / 'till' / 'pairing.token'}")
    say("a programme of your own goes to the till with")
    say(f"  tessera central programme release FILE --config {shop.folder / 'central.toml'}")
    try:
        if scanner is None:
            say("scan with the reader; what it reads appears on the page")
            threading.Event().wait()
            return
        say(f"type a code and press Enter to scan it; a member's card is {CARD}")
        for line in sys.stdin:
            if code := line.strip()[:SCAN_LENGTH_MAX]:
                scanner.type_scan(code)
        say("closing, since there is no more input; start it on a terminal to keep the shop open")
    except KeyboardInterrupt:
        say("closing")
