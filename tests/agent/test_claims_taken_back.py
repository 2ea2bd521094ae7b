"""Claimed points that go back with their goods: both records stand, or neither does."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from tessera.agent.api_shapes import (
    ClaimGiven,
    CompleteGiven,
    Line,
    MemberGiven,
    OriginalGiven,
    ReturnGiven,
    ReturnLineGiven,
    TenderGiven,
)
from tessera.agent.checkout import Checkout
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.core.sale import ReturnBody
from tessera.store.till import cached_members, committed_sales
from tessera.store.till.opening import SALVAGE
from tessera.store.till.salvage import read_salvage
from tessera.sync.records import read_body, read_envelope
from tests.support.agent import CARD, TODAY
from tests.support.checkout import at_a_till

POS = PairedPos(name="pos-1")
BACK = ReturnGiven(
    business_day=TODAY,
    original=OriginalGiven(sale_id="1"),
    lines=(ReturnLineGiven(id="a", quantity="1"),),
)
TOLD_POINTS = 1_000


async def sell_and_claim(checkout: Checkout) -> None:
    """One article at 5.00 without a card; its 5 points are claimed."""
    paid = CompleteGiven(
        business_day=TODAY,
        lines=(Line(id="a", sku="article", amount_minor=5_00),),
        tenders=(TenderGiven(kind="cash", amount_minor=5_00),),
        total_taken_minor=5_00,
    )
    await checkout.complete(POS, "1", paid)
    claim = ClaimGiven(
        business_day=TODAY,
        original=OriginalGiven(sale_id="1"),
        member=MemberGiven(cards=(CARD,)),
    )
    await checkout.claim(POS, "c-1", claim)
    assert points(checkout) == TOLD_POINTS + 5


def points(checkout: Checkout) -> int:
    with checkout.state.engines.reader.connect() as connection:
        (account,) = cached_members.accounts(connection, "m-1")
    return account.balance


def returns(checkout: Checkout) -> list[tuple[str, int]]:
    """The records of goods that came back: id, and what was paid out."""
    with checkout.state.engines.reader.connect() as connection:
        records = committed_sales.read_page(connection, 1, after_seq=0, limit=100)
    return [told for record in records for told in told_of(record.raw)]


def told_of(raw: bytes) -> list[tuple[str, int]]:
    body = read_body(read_envelope(raw))
    if not isinstance(body, ReturnBody):
        return []
    return [(body.key.sale_id.partition(":")[0], body.quote.refund_minor)]


class Failing:
    """A disk that fails while the goods of a sale are written, as often as told."""

    def __init__(self, times: int) -> None:
        self._times = times

    def insert_return(self, *given: object, **named: object) -> None:
        if self._times:
            self._times -= 1
            raise sa.exc.OperationalError("INSERT", {}, OSError("disk I/O error"))
        _INSERT_RETURN(*given, **named)  # type: ignore[arg-type]


_INSERT_RETURN = committed_sales._insert_return


def failing(times: int) -> AbstractContextManager[object]:
    return patch.object(committed_sales, "_insert_return", Failing(times).insert_return)


def test_points_stay_with_the_member_when_the_return_of_their_goods_cannot_be_recorded(
    tmp_path: Path,
) -> None:
    async def live(checkout: Checkout) -> None:
        await sell_and_claim(checkout)
        with failing(times=100), pytest.raises(ApiProblem, match="could not be recorded"):
            await checkout.return_lines(POS, "r-1", BACK)
        assert points(checkout) == TOLD_POINTS + 5
        assert returns(checkout) == []
        # The disk is well again, and the cashier gives the return another id.
        await checkout.return_lines(POS, "r-2", BACK)
        assert points(checkout) == TOLD_POINTS
        assert returns(checkout) == [("back", 0), ("r-2", 5_00)]

    at_a_till(tmp_path, live)


def test_the_second_attempt_at_a_commit_writes_both_records_once(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await sell_and_claim(checkout)
        with failing(times=1):
            await checkout.return_lines(POS, "r-1", BACK)
        await checkout.return_lines(POS, "r-1", BACK)
        assert points(checkout) == TOLD_POINTS
        assert returns(checkout) == [("back", 0), ("r-1", 5_00)]

    at_a_till(tmp_path, live)


def salvaged(folder: Path) -> Sequence[tuple[str, int]]:
    return [told for record in read_salvage(folder / SALVAGE) for told in told_of(record.raw)]


def test_both_records_are_kept_beside_the_database(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await sell_and_claim(checkout)
        await checkout.return_lines(POS, "r-1", BACK)

    at_a_till(tmp_path, live)
    assert salvaged(tmp_path) == [("back", 0), ("r-1", 5_00)]
