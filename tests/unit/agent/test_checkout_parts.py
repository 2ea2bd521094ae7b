"""Small parts of the checkout: birthdays, times, repeats, doors, ids."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tessera.agent.api_answers import SaleStateAnswer, as_json, repeated
from tessera.agent.api_shapes import BasketGiven, Line
from tessera.agent.checkout_basket import basket_of, business_day_of, local_time
from tessera.agent.checkout_member import days_to_birthday
from tessera.agent.checkout_return import void_id
from tessera.agent.open_sales import OPEN_SALES_MAX, OpenSales
from tessera.agent.pairing import PairedPos, Pairings, pair, read_pairings
from tessera.agent.pos_api_gate import doors_of
from tessera.agent.problems_http import ApiProblem
from tessera.core.errors import TesseraError
from tessera.core.identity import is_name

POS = PairedPos(name="pos-1")
ZONE = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "birthday, on, days",
    [
        ("11-21", date(2026, 11, 21), 0),
        ("11-23", date(2026, 11, 21), 2),
        ("11-19", date(2026, 11, 21), -2),
        ("01-02", date(2026, 12, 30), 3),
        ("12-30", date(2027, 1, 2), -3),
        ("02-29", date(2027, 2, 27), 1),
        ("02-29", date(2028, 2, 28), 1),
        ("06-01", date(2026, 11, 21), None),
        ("", date(2026, 11, 21), None),
        ("13-40", date(2026, 11, 21), None),
    ],
)
def test_days_to_the_birthday(birthday: str, on: date, days: int | None) -> None:
    assert days_to_birthday(birthday, on) == days


def test_a_time_is_read_in_the_store_s_own_zone() -> None:
    """23:30 in UTC is the next day's 00:30 in Berlin's winter."""
    at = local_time(datetime(2026, 11, 21, 23, 30, tzinfo=UTC), wall_ms=0, zone=ZONE)
    assert at.isoformat() == "2026-11-22T00:30:00+01:00"
    assert business_day_of(None, at) == date(2026, 11, 22)
    assert business_day_of(date(2026, 11, 21), at) == date(2026, 11, 21)


def test_a_repeat_differs_in_its_result_alone() -> None:
    first = as_json(SaleStateAnswer(result="cancelled", sale_id="result"))
    assert repeated(first) == b'{"result":"exists","sale_id":"result","resume_data":""}'


def test_the_id_of_a_void_stays_a_name() -> None:
    assert void_id("12") == "void:12"
    assert is_name(void_id("x" * 64))
    assert void_id("x" * 64) != void_id("y" * 64)


def test_a_revision_may_repeat_but_not_go_back() -> None:
    sales = OpenSales()
    sales.put(POS, "1", BasketGiven(revision=2))
    assert sales.put(POS, "1", BasketGiven(revision=2)).revision == 2
    assert sales.put(POS, "1", BasketGiven()).revision == 3
    with pytest.raises(ApiProblem) as caught:
        sales.put(POS, "1", BasketGiven(revision=1))
    assert caught.value.code == "revision_overtaken"


def test_open_sales_are_bounded_and_the_newest_is_the_cashier_s() -> None:
    sales = OpenSales()
    for number in range(OPEN_SALES_MAX + 1):
        sales.put(POS, str(number), BasketGiven())
    assert sales.find(POS, "0") is None
    current = sales.current()
    assert current is not None
    assert current.sale_id == str(OPEN_SALES_MAX)
    current.suspended = True
    before = sales.current()
    assert before is not None
    assert before.sale_id == str(OPEN_SALES_MAX - 1)


def test_a_card_never_joins_the_sale_of_another_pos() -> None:
    sales, kiosk = OpenSales(), PairedPos(name="kiosk", owns_scanner=True)
    mine = sales.put(POS, "1", BasketGiven())
    theirs = sales.put(kiosk, "1", BasketGiven())
    assert sales.current() is theirs
    assert sales.current(POS) is mine
    assert sales.for_reader() is mine


def test_the_doors_know_their_own_names_and_the_allowed_pages() -> None:
    doors = doors_of(
        host="127.0.0.1", port=8440, hosts=("till",), origins=("https://Pos.example/",)
    )
    assert "till:8440" in doors.hosts
    assert "127.0.0.1:8441" not in doors.hosts
    assert "http://localhost:8440" in doors.own_origins
    assert doors.origins == {"https://pos.example"}


def test_pairing_again_replaces_the_token(tmp_path: Path) -> None:
    numbers = iter(range(1, 9))
    first = pair(tmp_path, POS, random=lambda size: bytes([next(numbers)]) * size)
    pairings = Pairings(tmp_path)
    assert pairings.find(first) is not None
    second = pair(tmp_path, POS, random=lambda size: bytes([next(numbers)]) * size)
    found = pairings.find(second)
    assert found is not None
    assert found.name == "pos-1"
    assert pairings.find(first) is None
    assert len(read_pairings(tmp_path)) == 1
    assert (tmp_path / "pairings.json").stat().st_mode & 0o077 == 0


def test_a_damaged_file_of_pairings_is_told(tmp_path: Path) -> None:
    (tmp_path / "pairings.json").write_text("{")
    with pytest.raises(TesseraError) as caught:
        read_pairings(tmp_path)
    assert "agent pair" in caught.value.hint


def test_the_prices_that_bound_a_line_reach_the_rules() -> None:
    given = Line(
        id="1",
        sku="book",
        amount_minor=1000,
        price_reason="damaged",
        list_price_minor=1200,
        lowest_30d_minor=900,
        minimum_price_minor=800,
    )
    line = basket_of(BasketGiven(lines=(given,)), currency="EUR", declared="").lines[0]
    assert (line.list_price_minor, line.lowest_30d_minor) == (1200, 900)
    assert (line.minimum_price_minor, line.price_reason) == (800, "damaged")
