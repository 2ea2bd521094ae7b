"""When the rules fail or take too long, the answer still carries what a POS prints: its taxes."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest

from tessera.agent.api_shapes import BasketGiven, Line, LineTax
from tessera.agent.checkout_quote import Quoted, Wanted, make_quote
from tessera.agent.pairing import PairedPos
from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tests.support.checkout import till_of_a_shop

TAXES = (LineTax(code="A", rate="0.19"),), (LineTax(code="B", rate="0.07", included=False),)
TEN_FOR_2_50 = BasketGiven(
    lines=tuple(
        Line(id=str(number), sku="x", amount_minor=250, taxes=TAXES[number % 2])
        for number in range(10)
    )
)


Price = Callable[[Basket, Place, MemberState | None], tuple[Quote, str]]


def quoted(
    folder: Path, given: BasketGiven, price: Price, after: Callable[[], None] = lambda: None
) -> Quoted:
    """What is answered when the programme's own pricing is `price`."""
    executor = ThreadPoolExecutor(max_workers=1)
    with till_of_a_shop(folder, quote_deadline_ms=5) as state:
        try:
            wanted = Wanted(pos=PairedPos(name="pos-1"), given=given)
            with patch.object(state.programme, "price", price):
                return asyncio.run(make_quote(state, wanted, executor))
        finally:
            after()
            executor.shutdown()


@pytest.mark.parametrize("cause", [ZeroDivisionError, AssertionError, RecursionError])
def test_rules_that_fail_leave_the_taxes(tmp_path: Path, cause: type[Exception]) -> None:
    """5 × 2.50 with 19 % inside: 12.50 with 2.00; 5 × 2.50 with 7 % on top: 0.88 (0.875)."""

    def price(_basket: Basket, _place: Place, _member: MemberState | None) -> tuple[Quote, str]:
        raise cause

    found = quoted(tmp_path, TEN_FOR_2_50, price)
    assert [said.code for said in found.notices] == ["rules_failed"]
    groups = [(tax.code, tax.net_minor, tax.tax_minor) for tax in found.quote.taxes]
    assert groups == [("A", 1050, 200), ("B", 1250, 88)]
    assert (found.quote.due_minor, found.quote.discount_minor) == (2588, 0)


def test_a_quote_that_comes_late_has_its_taxes(tmp_path: Path) -> None:
    """19 % inside 2,500.00 are 399.16, with 2,100.84 net."""
    answered = threading.Event()

    def price(basket: Basket, place: Place, member: MemberState | None) -> tuple[Quote, str]:
        answered.wait(30)
        raise AssertionError(basket, place, member)

    lines = tuple(
        Line(id=str(number), sku=str(number), amount_minor=250, taxes=TAXES[0])
        for number in range(1000)
    )
    found = quoted(tmp_path, BasketGiven(lines=lines), price, answered.set)
    assert [said.code for said in found.notices] == ["quote_late"]
    groups = [(tax.net_minor, tax.tax_minor, tax.gross_minor) for tax in found.quote.taxes]
    assert groups == [(210_084, 39_916, 250_000)]
    assert found.quote.offers == ()
