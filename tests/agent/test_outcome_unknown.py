"""A disk that takes a commit and then answers nothing: the POS hears that it is unknown."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from tessera.agent.api_shapes import BasketGiven, CompleteGiven, Line, TenderGiven
from tessera.agent.checkout import Checkout
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.store.till import committed_sales, durable
from tests.support.agent import CARD, TODAY
from tests.support.checkout import at_a_till

POS = PairedPos(name="pos-1")
LINES = (Line(id="a", sku="article", amount_minor=5_00),)
PAID = CompleteGiven(
    business_day=TODAY,
    lines=LINES,
    tenders=(TenderGiven(kind="cash", amount_minor=5_00),),
    total_taken_minor=5_00,
)
_WRITE = committed_sales.commit_record


def io_error() -> sa.exc.OperationalError:
    return sa.exc.OperationalError("COMMIT", {}, OSError("disk I/O error"))


def silent(*_given: object) -> None:
    raise io_error()


def lost_answer(connection: sa.Connection, **given: object) -> object:
    """The commit gets through to the disk, and its answer does not come back."""
    _WRITE(connection, **given)  # type: ignore[arg-type]
    connection.commit()
    raise io_error()


def never_arrives(_connection: sa.Connection, **_given: object) -> object:
    raise io_error()


def numbers(checkout: Checkout) -> list[str]:
    with checkout.state.engines.reader.connect() as connection:
        records = committed_sales.read_page(connection, 1, after_seq=0, limit=100)
    return [record.uid for record in records]


@pytest.mark.parametrize("write", [lost_answer, never_arrives], ids=["it stands", "it does not"])
def test_a_sale_that_may_or_may_not_stand_says_so_and_its_repeat_is_recorded_once(
    tmp_path: Path, write: object
) -> None:
    async def live(checkout: Checkout) -> None:
        with (
            patch.object(committed_sales, "commit_record", write),
            patch.object(durable, "find_record", silent),
            pytest.raises(ApiProblem, match="not known yet whether the sale is recorded") as told,
        ):
            await checkout.complete(POS, "1", PAID)
        assert (told.value.code, told.value.status) == ("outcome_unknown", 503)
        assert "send the same request again, with the same id" in told.value.hint
        again = json.loads(await checkout.complete(POS, "1", PAID))
        assert again["result"] == ("exists" if write is lost_answer else "completed")
        assert len(numbers(checkout)) == 1

    at_a_till(tmp_path, live)


def test_a_card_that_is_read_meanwhile_is_not_lost_with_a_sale_that_stands(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await checkout.put_sale(POS, "1", BasketGiven(business_day=TODAY, lines=LINES))

        async def read_and_fail(*_given: object, **_named: object) -> None:
            sale = checkout.sales.for_reader()
            await checkout.take_card(CARD, kind="member_card", reader="counter", sale=sale)
            raise ApiProblem("outcome_unknown", "unknown")

        with (
            patch("tessera.agent.checkout_complete.commit_sale", read_and_fail),
            pytest.raises(ApiProblem, match="unknown"),
        ):
            await checkout.complete(POS, "1", PAID)
        await checkout.complete(POS, "1", PAID)
        answer = await checkout.put_sale(POS, "2", BasketGiven(business_day=TODAY, lines=LINES))
        assert answer.member.member_id == "m-1"

    at_a_till(tmp_path, live)
