"""A record says all that its quote was made of, and pricing it again tells what was changed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tessera.central import recheck
from tessera.central.recheck import Sample, Verdict, sample_of
from tessera.core.basket import Basket, Line, LineKind
from tessera.core.identity import SaleKey
from tessera.core.sale import SaleBody
from tessera.rules.evaluate import ENGINE_VERSION, evaluate
from tessera.rules.plain import bare_quote, plain_programme
from tessera.rules.programme import Programme
from tessera.sync.records import decoded, encoded
from tessera.sync.signing import SigningKey
from tests.unit.rules.random_programmes import Drawn, sales
from tests.unit.rules.shop import member, place, programme

BUNDLE = "b" * 64
DAIRY = programme(
    """\
units: {points: {value: 0.01, redeem: tender}}
offers:
  dairy: {what: category dairy, give: 10 % off}
  points: {who: members, give: 1 point for every whole 1.00}
"""
)
MILK = Basket(
    currency="EUR",
    lines=(
        Line(
            line_id="1",
            sku="milk",
            quantity=Decimal(2),
            amount_minor=500,
            categories=("dairy",),
        ),
    ),
)


def sold(basket: Basket = MILK, rules: Programme = DAIRY) -> SaleBody:
    """Two of milk for 5.00, less 10 %: 4.50, and 4 points."""
    return SaleBody(
        key=SaleKey(store="s", pos="p", business_day=date(2026, 11, 21), sale_id="1"),
        place=place(),
        basket=basket,
        member=member(),
        quote=evaluate(rules, member(), basket, place()),
    )


def priced(sale: SaleBody, *, bundle: str = BUNDLE, engine: str = ENGINE_VERSION) -> Verdict:
    """As central does it: from the record's bytes."""
    stored = decoded(encoded(sale), SaleBody)
    known = DAIRY if bundle == BUNDLE else None
    return recheck.recheck(stored, programme=known, bundle=bundle, engine=engine)


@settings(max_examples=150)
@given(sales())
def test_every_recorded_sale_comes_out_again_as_it_was(sale: Drawn) -> None:
    """Any programme, setting and basket; through the record's bytes, by the programme's text."""
    body = replace(
        sold(),
        place=place(tax_rounding=sale.tax_rounding),
        basket=sale.basket(),
        member=sale.who(),
        quote=sale.priced(),
    )
    stored = decoded(encoded(body), SaleBody)
    again = recheck.recheck(
        stored, programme=programme(sale.text()), bundle=BUNDLE, engine=ENGINE_VERSION
    )
    assert again == Verdict(verdict=recheck.SAME)


def test_a_discount_that_was_changed_is_told_with_its_distance() -> None:
    """0.50 off became 1.50 off, due and line along with it."""
    sale = sold()
    line = replace(sale.quote.lines[0], discount_minor=150, due_minor=350)
    quote = replace(sale.quote, discount_minor=150, due_minor=350, lines=(line,))
    found = priced(replace(sale, quote=quote))
    assert found.verdict == recheck.DIFFERS
    assert [one.text() for one in found.differences] == [
        "due_minor: 350 recorded, 450 now (-100)",
        "discount_minor: 150 recorded, 50 now (+100)",
        "lines.1.discount_minor: 150 recorded, 50 now (+100)",
        "lines.1.due_minor: 350 recorded, 450 now (-100)",
    ]


def test_points_that_were_added_are_told_by_unit_and_line() -> None:
    sale = sold()
    units = (replace(sale.quote.units[0], earned=400),)
    found = priced(replace(sale, quote=replace(sale.quote, units=units)))
    assert [one.text() for one in found.differences] == [
        "units.points.earned: 400 recorded, 4 now (+396)"
    ]


def test_an_amount_that_moved_between_offers_is_told() -> None:
    sale = sold()
    share = replace(sale.quote.lines[0].offers[0], partner="maker", partner_minor=50)
    line = replace(sale.quote.lines[0], offers=(share,))
    found = priced(replace(sale, quote=replace(sale.quote, lines=(line,))))
    assert {one.field for one in found.differences} == {
        "lines.1.offers.dairy.partner",
        "lines.1.offers.dairy.partner_minor",
    }


def test_other_words_about_the_same_money_are_no_alarm() -> None:
    sale = sold()
    found = priced(replace(sale, quote=replace(sale.quote, receipt=(), nodes=7)))
    assert found.verdict == recheck.REWORDED
    assert {one.field.partition(".")[0] for one in found.differences} == {"receipt", "nodes"}


def test_an_offer_that_was_stopped_is_not_given_again_either() -> None:
    where = replace(place(), stopped=("dairy",))
    quote = evaluate(DAIRY, member(), MILK, where)
    assert (quote.discount_minor, priced(replace(sold(), place=where, quote=quote)).verdict) == (
        0,
        recheck.SAME,
    )


def test_goods_brought_back_in_exchange_come_out_again() -> None:
    back = Line(line_id="2", kind=LineKind.RETURN, sku="milk", amount_minor=-250)
    assert priced(sold(replace(MILK, lines=(*MILK.lines, back)))).verdict == recheck.SAME


def test_an_older_record_that_lacks_a_later_field_is_the_same() -> None:
    raw = encoded(sold()).replace(b'"counters":[],', b"")
    stored = decoded(raw, SaleBody)
    found = recheck.recheck(stored, programme=DAIRY, bundle=BUNDLE, engine=ENGINE_VERSION)
    assert found.verdict == recheck.SAME


@pytest.mark.parametrize(
    "bundle, engine, verdict",
    [
        ("c" * 64, ENGINE_VERSION, recheck.BUNDLE_UNKNOWN),
        (BUNDLE, "0", recheck.ENGINE_OTHER),
        (BUNDLE, "", recheck.ENGINE_OTHER),
    ],
)
def test_what_cannot_be_compared_is_not_called_different(
    bundle: str, engine: str, verdict: str
) -> None:
    assert priced(sold(), bundle=bundle, engine=engine) == Verdict(verdict=verdict)


def test_a_basket_that_would_keep_central_busy_is_not_priced() -> None:
    huge = replace(MILK, lines=(replace(MILK.lines[0], quantity=Decimal(999_999_999)),))
    assert priced(replace(sold(), basket=huge)).verdict == recheck.TOO_LARGE


def test_a_sale_without_a_programme_may_give_nothing() -> None:
    """A till that names no bundle cannot hide a discount behind that."""
    plain = evaluate(plain_programme("EUR"), None, MILK, place())
    assert priced(replace(sold(), quote=plain), bundle="").verdict == recheck.SAME
    assert priced(replace(sold(), quote=bare_quote(MILK)), bundle="").verdict == recheck.SAME
    found = priced(sold(), bundle="")
    assert found.verdict == recheck.DIFFERS
    assert "discount_minor: 50 recorded, 0 now (+50)" in [one.text() for one in found.differences]


def test_a_basket_that_the_rules_cannot_price_is_found() -> None:
    other = replace(MILK, currency="SEK")
    found = priced(replace(sold(), basket=other))
    assert (found.verdict, found.differences[0].again) == (
        recheck.DIFFERS,
        "the rules fail on it: ValueError",
    )


def test_the_sample_is_always_the_same_about_its_share_and_central_s_secret() -> None:
    """Of 10,000 sales one in 10 is about 1,000; another central takes others."""
    uids = [f"0193a1b2-0000-7000-8000-{number:012}" for number in range(10_000)]
    ours, theirs = (sample_of(SigningKey(bytes([n]) * 32), 10) for n in (1, 2))
    mine = {uid for uid in uids if ours.holds(uid)}
    assert 850 < len(mine) < 1150
    assert mine == {uid for uid in uids if sample_of(SigningKey(bytes([1]) * 32), 10).holds(uid)}
    assert len(mine & {uid for uid in uids if theirs.holds(uid)}) < 200
    assert not any(Sample(secret=b"s", one_in=0).holds(uid) for uid in uids)
    assert all(Sample(secret=b"s", one_in=1).holds(uid) for uid in uids)
