"""A POS that sends no dates: when its number is a sale that was recorded, and when another one."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tessera.agent.api_shapes import CompleteGiven, Line, TenderGiven
from tessera.agent.checkout import Checkout
from tessera.agent.pairing import PairedPos
from tests.support.checkout import at_a_till

POS = PairedPos(name="pos-1")
COFFEE = CompleteGiven(
    lines=(Line(id="1", sku="coffee", amount_minor=2_50),),
    tenders=(TenderGiven(kind="cash", amount_minor=2_50),),
    total_taken_minor=2_50,
)
MINUTE_MS = 60_000
NEARLY_MIDNIGHT_MS = int(datetime(2026, 11, 21, 22, 50, tzinfo=UTC).timestamp() * 1000)
"""23:50 in Berlin, where the till is."""


@dataclass
class SetClock:
    """A clock that stands where a test sets it."""

    now_ms: int = NEARLY_MIDNIGHT_MS

    def wall_ms(self) -> int:
        return self.now_ms

    def mono_ms(self) -> int:
        return self.now_ms

    def boot_id(self) -> str:
        return "boot-1"


async def completed(checkout: Checkout, *, minutes: int, late: bool = False) -> str:
    """What becomes of a coffee with the number 1, so many minutes after ten to midnight."""
    checkout.state.clock = SetClock(NEARLY_MIDNIGHT_MS + minutes * MINUTE_MS)
    answer = await checkout.complete(POS, "1", COFFEE, late=late)
    return str(json.loads(answer)["result"])


def test_a_repeat_after_midnight_is_a_repeat(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        assert await completed(checkout, minutes=0) == "completed"
        assert await completed(checkout, minutes=20) == "exists"

    at_a_till(tmp_path, live)


def test_the_same_number_for_the_same_goods_on_the_next_day_is_another_sale(tmp_path: Path) -> None:
    """It counts from 1 each day, and the first customer always has a coffee."""

    async def live(checkout: Checkout) -> None:
        assert await completed(checkout, minutes=0) == "completed"
        assert await completed(checkout, minutes=20 * 60) == "completed"

    at_a_till(tmp_path, live)


def test_a_late_report_on_the_next_day_is_a_repeat(tmp_path: Path) -> None:
    """The agent was gone when its answer was due, and is back in the morning."""

    async def live(checkout: Checkout) -> None:
        assert await completed(checkout, minutes=0) == "completed"
        assert await completed(checkout, minutes=9 * 60, late=True) == "exists"

    at_a_till(tmp_path, live)
