"""A shop for the tests of rules: programmes as text, lines and quotes in one call."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tessera.core.basket import Basket, Line, LineKind, LineTax, Place, Redemption
from tessera.core.errors import Problem
from tessera.core.member import MemberState, UnitBalance
from tessera.core.quote import OfferOutcome, Quote
from tessera.rules.evaluate import ENGINE_VERSION, evaluate, evaluate_in_full
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.quick_quote import quick_quote

SATURDAY = datetime.fromisoformat("2026-11-21T10:15:00+01:00")
FULL = LineTax(code="A", rate=Decimal("0.19"))
REDUCED = LineTax(code="B", rate=Decimal("0.07"))


def programme(text: str, *, currency: str = "EUR") -> Programme:
    """A programme of the given sections; it has to be sound."""
    found, problems = parse_programme(
        f"programme: test\ncurrency: {currency}\n{text}", file="test.yaml"
    )
    assert found is not None, "\n".join(problem.render() for problem in problems)
    return found


def problems_of(text: str) -> list[Problem]:
    """What is wrong with a whole programme text."""
    return parse_programme(text, file="test.yaml")[1]


def line(line_id: str, amount_minor: int, **fields: Any) -> Line:
    """A line; quantity as a text or a number, category and tax in the singular."""
    if "category" in fields:
        fields["categories"] = (fields.pop("category"),)
    if "tax" in fields:
        fields["taxes"] = (fields.pop("tax"),)
    fields["kind"] = LineKind(fields.pop("kind", "goods"))
    fields["quantity"] = Decimal(str(fields.pop("quantity", 1)))
    fields.setdefault("sku", f"sku-{line_id}")
    return Line(line_id=line_id, amount_minor=amount_minor, **fields)


def member(**fields: Any) -> MemberState:
    """A member; `points` is a balance that may be spent whole."""
    points = fields.pop("points", None)
    if points is not None:
        fields["units"] = (UnitBalance(unit="points", balance=points, spendable=points),)
    return MemberState(member_id=fields.pop("member_id", "m1"), **fields)


def place(at: str = "", **fields: Any) -> Place:
    """A place and a moment; a Saturday morning unless told."""
    moment = datetime.fromisoformat(at) if at else SATURDAY
    return Place(at=moment, business_day=fields.pop("business_day", moment.date()), **fields)


def price(
    rules: Programme | str,
    *lines: Line,
    who: MemberState | None = None,
    where: Place | None = None,
    spend: dict[str, int] | None = None,
    **basket: Any,
) -> Quote:
    """Price some lines; `spend` maps units (or reward ids after a !) to amounts."""
    found = programme(rules) if isinstance(rules, str) else rules
    redemptions = tuple(
        Redemption(reward=name[1:], amount=amount)
        if name.startswith("!")
        else Redemption(unit=name, amount=amount)
        for name, amount in (spend or {}).items()
    )
    wanted = Basket(currency=found.currency, lines=lines, redemptions=redemptions, **basket)
    moment = where or place()
    quote = evaluate(found, who, wanted, moment)
    check_sums(quote)
    if quick_quote(found, who, wanted, moment, ENGINE_VERSION) is not None:
        assert quote == evaluate_in_full(found, who, wanted, moment)
    return quote


def check_sums(quote: Quote) -> None:
    """Parts equal totals, and nothing is below zero."""
    assert quote.shelf_minor == sum(one.amount_minor for one in quote.lines)
    assert quote.discount_minor == sum(one.discount_minor for one in quote.lines)
    assert quote.tax_on_top_minor == sum(one.on_top_minor for one in quote.lines)
    assert (
        quote.due_minor
        == quote.shelf_minor
        - quote.discount_minor
        + quote.tax_on_top_minor
        - quote.tendered_units_minor
    )
    for one in quote.lines:
        assert one.due_minor == one.amount_minor - one.discount_minor
        assert one.discount_minor == sum(part.discount_minor for part in one.offers)
        assert one.discount_minor >= 0
        assert one.due_minor >= min(0, one.amount_minor)
        tendered = sum(part.tendered_minor for part in one.units)
        assert tendered <= max(0, one.due_minor + one.on_top_minor)
    gross = quote.due_minor + quote.tendered_units_minor + quote.third_party_minor
    assert sum(group.gross_minor for group in quote.taxes) == gross
    assert sum(group.tax_minor for group in quote.taxes) == sum(
        one.tax_minor for one in quote.lines
    )
    for group in quote.taxes:
        assert group.gross_minor == group.net_minor + group.tax_minor
        assert not group.parts or group.tax_minor == sum(part.tax_minor for part in group.parts)
    by_offer: dict[str, int] = {}
    for one in quote.lines:
        for part in one.offers:
            by_offer[part.offer] = by_offer.get(part.offer, 0) + part.discount_minor
    for outcome in quote.offers:
        assert by_offer.get(outcome.offer, 0) == outcome.discount_minor


def outcome(quote: Quote, offer: str) -> OfferOutcome:
    """What became of one offer."""
    return next(one for one in quote.offers if one.offer == offer)


def day(text: str) -> date:
    """A date."""
    return date.fromisoformat(text)
