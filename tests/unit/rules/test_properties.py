"""What must hold for every programme and basket."""

from decimal import Decimal
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.core.basket import Line, LineTax, TaxRounding
from tessera.core.quote import Quote
from tests.unit.rules.shop import line, member, place, price, programme

GIVES = (
    "10 % off",
    "33 % off",
    "0.37 off",
    "price 1.11",
    "'7 % off, at most 0.50'",
    "any 3 for 4.00",
    "buy 2 get 1 free",
    "{any: 2, cheapest: 50 %}",
    "3.33 off the basket",
    "15 % off the basket",
    "{steps: {5.00: 3 %, 20.00: 2.00}}",
    "1 point for every whole 1.00",
    "3 points for every 0.70",
    "points x 1.7",
)
CATEGORIES = ("a", "b", "c")
TAXES = (
    (),
    (LineTax(code="A", rate=Decimal("0.19")),),
    (LineTax(code="S", rate=Decimal("0.08875"), included=False),),
    (
        LineTax(code="G", rate=Decimal("0.05"), included=False),
        LineTax(code="P", rate=Decimal("0.09975"), included=False, compound_on=("G",)),
    ),
)

offers = st.lists(
    st.tuples(
        st.sampled_from(GIVES),
        st.sampled_from(("everything", *(f"category {name}" for name in CATEGORIES))),
        st.booleans(),
        st.sampled_from(("", "basket from 6.00", "basket from 9.00 after unit offers")),
    ),
    min_size=1,
    max_size=5,
)
lines = st.lists(
    st.tuples(
        st.integers(0, 900),
        st.integers(1, 4),
        st.sampled_from(CATEGORIES),
        st.integers(0, len(TAXES) - 1),
    ),
    min_size=1,
    max_size=4,
)


def rules_of(found: list[tuple[str, str, bool, str]], order: list[int] | None = None) -> str:
    entries = []
    for number, (give, what, stacks, needs) in enumerate(found):
        more = f", needs: {needs}" if needs else ""
        more += ", stacks: yes" if stacks else ""
        entries.append(f"  o{number}: {{what: {what}, give: {give}{more}}}")
    if order:
        entries = [entries[place] for place in order]
    return "units: {points: {value: 0.01, redeem: tender}}\noffers:\n" + "\n".join(entries) + "\n"


def lines_of(found: list[tuple[int, int, str, int]]) -> list[Line]:
    return [
        line(
            f"{number:02}",
            unit * pieces,
            sku=f"{unit}-{category}-{tax}",
            quantity=pieces,
            category=category,
            taxes=TAXES[tax],
        )
        for number, (unit, pieces, category, tax) in enumerate(found)
    ]


def totals(quote: Quote) -> tuple[object, ...]:
    return (
        quote.due_minor,
        quote.discount_minor,
        quote.taxes,
        quote.units,
        {(one.offer, one.discount_minor, one.units, one.reason) for one in quote.offers},
    )


@settings(max_examples=250, deadline=None)
@given(
    found=offers, basket=lines, level=st.sampled_from(list(TaxRounding)), points=st.integers(0, 900)
)
def test_sums_hold_for_every_programme_and_basket(
    found: list[tuple[str, str, bool, str]],
    basket: list[tuple[int, int, str, int]],
    level: TaxRounding,
    points: int,
) -> None:
    """`price` checks every sum of the quote."""
    quote = price(
        rules_of(found),
        *lines_of(basket),
        who=member(points=points),
        spend={"points": points},
        where=place(tax_rounding=level),
    )
    assert quote.due_minor >= 0
    for movement in quote.units:
        parts = [part for one in quote.lines for part in one.units if part.unit == movement.unit]
        assert sum(part.spent for part in parts) == movement.spent
        assert sum(part.earned for part in parts) == movement.earned


@settings(max_examples=150, deadline=None)
@given(found=offers, basket=lines, mixer=st.randoms(use_true_random=False))
def test_the_order_of_scanning_and_listing_changes_nothing(
    found: list[tuple[str, str, bool, str]],
    basket: list[tuple[int, int, str, int]],
    mixer: object,
) -> None:
    one = price(rules_of(found), *lines_of(basket), who=member())
    scanned, listed = lines_of(basket), list(range(len(found)))
    mixer.shuffle(scanned)  # type: ignore[attr-defined]
    mixer.shuffle(listed)  # type: ignore[attr-defined]
    other = price(rules_of(found, listed), *scanned, who=member())
    assert totals(one) == totals(other)
    assert {each.line_id: each.due_minor for each in one.lines} == {
        each.line_id: each.due_minor for each in other.lines
    }


@settings(max_examples=150, deadline=None)
@given(found=offers, basket=lines)
def test_splitting_lines_changes_nothing(
    found: list[tuple[str, str, bool, str]], basket: list[tuple[int, int, str, int]]
) -> None:
    whole = lines_of(basket)
    number = count()
    split = [
        line(
            f"{next(number):02}",
            one.amount_minor // int(one.quantity),
            sku=one.sku,
            category=one.categories[0],
            taxes=one.taxes,
        )
        for one in whole
        for _ in range(int(one.quantity))
    ]
    rules = programme(rules_of(found))
    assert totals(price(rules, *whole, who=member())) == totals(price(rules, *split, who=member()))


@settings(max_examples=100, deadline=None)
@given(found=offers, basket=lines)
def test_the_same_input_gives_the_same_quote(
    found: list[tuple[str, str, bool, str]], basket: list[tuple[int, int, str, int]]
) -> None:
    first = price(rules_of(found), *lines_of(basket), who=member())
    assert first == price(rules_of(found), *lines_of(basket), who=member())


@settings(max_examples=100, deadline=None)
@given(
    basket=st.lists(st.integers(1, 3000), min_size=1, max_size=6),
    percent=st.integers(1, 100),
    more=st.integers(0, 50),
)
def test_a_larger_percentage_never_costs_more(basket: list[int], percent: int, more: int) -> None:
    units = [line(str(n), minor) for n, minor in enumerate(basket)]
    low = price(f"offers: {{a: {{give: {percent} % off}}}}", *units).due_minor
    high = price(f"offers: {{a: {{give: {min(100, percent + more)} % off}}}}", *units).due_minor
    assert high <= low
