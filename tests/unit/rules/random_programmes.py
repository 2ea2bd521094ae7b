"""Programmes with all mechanics and baskets to try them on, drawn by hypothesis."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tessera.core.basket import Basket, Line, LineTax, Redemption, TaxRounding
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme
from tests.unit.rules.shop import line, member, place, programme

OFF = (
    "10 % off",
    "33 % off",
    "0.37 off",
    "price 1.11",
    "'7 % off, at most 0.50'",
    "0.10 off per kg",
    "price 1.00 per l",
    "any 3 for 4.00",
    "buy 2 get 1 free",
    "{any: 2, cheapest: 50 %}",
    "{any: 2, off: 1.00}",
    "{buy: 1, get: 1 free, of: category b}",
    "{buy: 1, get: 1 free, which: dearest}",
    "{buy: 2, get: 1 at 33 % off, same_item: yes}",
    "{set: [{what: category a}, {what: category b}], for: 3.00}",
    "{set: [{what: category a, count: 2}, {what: category c}], cheapest: 50 %}",
    "{gift: [g1, g2]}",
    "3.33 off the basket",
    "15 % off the basket",
    "{off: 30 %, at_most: 2.00, over: basket}",
    "{steps: {5.00: 3 %, 20.00: 2.00}}",
    "{steps: {0.00: 1 %, 10.00: 2.00, 20.00: 5 %}, marginal: yes}",
    "{steps: {2: 10 %, 4: 1.00}, reads: quantity}",
    "0.70 off for every whole 3.00",
    "{steps: {1: 20 %, 2: 0.40, 3: 10 %}, reads: quantity, marginal: yes}",
    "50 % off, limits: {line: 1}",
    "0.60 off, limits: {line: 2, line_amount: 1.00}",
    "'1.00 off for every 4.00, at most 2 times'",
    "{off: 0.30, for_every: 2 items, at_most: 0.80}",
)
UNITS = (
    "1 point for every whole 1.00",
    "3 points for every 0.70",
    "2 points per l",
    "1 point per item",
    "50 points",
    "points x 1.7",
    "{spend: 10 points, gift: sku g1}",
    "10 points = 0.50 off",
    "10 points = 0.50 tender",
)
WHAT = (
    "everything",
    "category a",
    "category b",
    "category c",
    "price 1.00..3.00",
    "category a except brand x",
)
NEEDS = (
    "",
    "",
    "basket from 6.00",
    "3 items",
    "from 2.00 of category a",
    "basket up to 12.00",
    "2 to 4 items",
    "basket from 9.00 after unit offers",
    "basket from 4.00 after basket offers",
)
MORE = ("", "", ", limits: 1 per basket", ", limits: 2 per basket", ", limits: {budget: 1.00}")
FUNDS = (
    "",
    "",
    ", funding: {partner: maker, share: 33 %, third_party_paid: yes}",
    ", funding: {partner: maker, third_party_paid: no}",
)
MEETS = ("", "", ", stacks: yes", ", in: weekly", ", in: house", ", in: extras", ", priority: 5")
SETTINGS = {
    "rounding": ("half-away", "half-down", "half-even", "floor"),
    "rounding_level": ("fold", "unit", "offer"),
    "exclusive": ("unit", "line"),
    "basket_order": ("amount-first", "percent-first"),
    "amounts_off": ("as-priced", "with-tax"),
    "thresholds": ("as-priced", "without-tax", "with-tax"),
    "stacked_base": ("current", "shelf"),
    "cheapest_free": ("best-groups", "cheapest-overall"),
    "set_price_units": ("dearest", "cheapest"),
    "limited_units": ("dearest", "cheapest"),
    "accrual_basis": ("after-discounts", "after-line-offers", "shelf"),
    "units_paid_earn": ("no", "yes"),
    "multipliers": ("highest", "add", "multiply"),
    "units_rounding": ("after-multiplying", "before-multiplying"),
    "units_fraction": ("down", "nearest"),
    "attribution": ("all-units", "reward-only"),
    "gift_kept": ("charge", "keep"),
    "spend_reads": ("before-sale", "with-sale"),
    "minimum_price_rest": ("given-up", "other-goods"),
}


def tax(code: str, rate: str, **fields: Any) -> LineTax:
    return LineTax(code=code, rate=Decimal(rate), **fields)


TREATMENTS: tuple[tuple[LineTax, ...], ...] = (
    (),
    (tax("A", "0.19"),),
    (tax("A", "0.19"), tax("A", "0.05")),
    (tax("S", "0.08875", included=False),),
    (
        tax("G", "0.05", included=False),
        tax("P", "0.09975", included=False, compound_on=("G",)),
    ),
    (tax("E", "0", per_unit_minor=25),),
    (tax("E", "0", per_unit_minor=25, included=False),),
    (tax("V", "0.20"), tax("E", "0", per_unit_minor=7), tax("T", "0.05", included=False)),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A programme's settings and offers as text, and a sale to price by them."""

    settings: str
    offers: tuple[str, ...]
    lines: tuple[Line, ...]
    points: int
    tax_rounding: TaxRounding

    def text(self, order: list[int] | None = None, extra: str = "") -> str:
        """Write the programme, its offers in the given order."""
        listed = [f"  o{n}: {{{one}}}" for n, one in enumerate(self.offers)]
        listed = [listed[n] for n in order] if order else listed
        return (
            f"settings: {{{self.settings}}}\npartners: [maker]\n"
            "units: {points: {value: 0.01, redeem: tender}}\n"
            "groups: {weekly: best, house: all, extras: {kind: all, in: weekly}}\n"
            "offers:\n" + "\n".join(listed) + f"\n{extra}"
        )

    def basket(self, lines: tuple[Line, ...] | None = None) -> Basket:
        """Put lines together with the wish to spend all points, and each reward."""
        wishes = [Redemption(unit="points", amount=self.points)]
        wishes += [Redemption(reward=f"o{n}", amount=10) for n in range(len(self.offers))]
        goods = self.lines if lines is None else lines
        return Basket(currency="EUR", lines=goods, redemptions=tuple(wishes))

    def who(self) -> MemberState:
        """The member with their points."""
        return member(points=self.points)

    def priced(
        self, rules: Programme | None = None, lines: tuple[Line, ...] | None = None
    ) -> Quote:
        """Price it."""
        where = place(tax_rounding=self.tax_rounding)
        return evaluate(rules or programme(self.text()), self.who(), self.basket(lines), where)


@st.composite
def offers(draw: st.DrawFn, gives: tuple[str, ...] = (*OFF, *UNITS), meets: bool = True) -> str:
    what, give = draw(st.sampled_from(WHAT)), draw(st.sampled_from(gives))
    needs = draw(st.sampled_from(NEEDS))
    more = draw(st.sampled_from(MORE if "limits" not in give else ("",)))
    more += draw(st.sampled_from(FUNDS))
    if meets:
        more += draw(st.sampled_from(MEETS))
    return f"what: {what}, give: {give}{f', needs: {needs}' if needs else ''}{more}"


@st.composite
def goods(draw: st.DrawFn, place: int) -> Line:
    category = draw(st.sampled_from(("a", "b", "c")))
    taxes = draw(st.integers(0, len(TREATMENTS) - 1))
    measure = draw(st.sampled_from(("", "", "", "kg", "l")))
    fields: dict[str, Any] = {"category": category, "taxes": TREATMENTS[taxes]}
    if draw(st.booleans()):
        fields["brand"] = "x"
    if measure:
        quantity = draw(st.sampled_from(("0.333", "1.250", "12.345")))
        amount = draw(st.integers(0, 1500))
        return line(
            f"{place:02}", amount, sku=f"w{amount}", quantity=quantity, measure=measure, **fields
        )
    pieces, unit = draw(st.integers(1, 4)), draw(st.integers(0, 900))
    sku = draw(st.sampled_from((f"{unit}-{category}-{taxes}", "g1", "g2")))
    return line(f"{place:02}", unit * pieces, sku=sku, quantity=pieces, **fields)


@st.composite
def sales(draw: st.DrawFn, gives: tuple[str, ...] = (*OFF, *UNITS), meets: bool = True) -> Drawn:
    chosen = draw(st.lists(st.sampled_from(sorted(SETTINGS)), max_size=4, unique=True))
    settings = {name: draw(st.sampled_from(SETTINGS[name])) for name in chosen}
    found = draw(st.lists(offers(gives, meets), min_size=1, max_size=5))
    count = draw(st.integers(1, 4))
    return Drawn(
        settings=", ".join(f"{name}: {value}" for name, value in sorted(settings.items())),
        offers=tuple(found),
        lines=tuple(draw(goods(number)) for number in range(count)),
        points=draw(st.sampled_from((0, 7, 35, 900))),
        tax_rounding=draw(st.sampled_from(list(TaxRounding))),
    )


def split(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Scan every piece on a line of its own, in the order of the lines."""
    found: list[Line] = []
    for one in lines:
        pieces = 1 if one.measure else int(one.quantity)
        for _ in range(pieces):
            quantity = one.quantity if one.measure else Decimal(1)
            amount = one.amount_minor // pieces
            name = f"{len(found):02}"
            found.append(replace(one, line_id=name, quantity=quantity, amount_minor=amount))
    return tuple(found)
