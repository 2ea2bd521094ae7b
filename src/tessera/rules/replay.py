"""Sales of the past priced by a draft, and what that changes: sums that can be added up.

Owns: the shape of one sale in a file of sales, the sums of a programme over many of them, and who
would have been better or worse off. Must never: read a file or start anything; the sums are whole
numbers, so that parts added in any order come to the same.

A sale is priced with the member's state that stands in it. What a draft would have left on a
member's account is not carried on to the member's next sale.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import floor

from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme
from tessera.rules.read_basket import BasketRefused, Fields, KnownLines, basket_of, member_of
from tessera.rules.replay_changes import Changes

MEMBERS_MAX = 1_000_000
"""Most members who are followed one by one; those who first come later are not."""

Benefit = int | Fraction
"""Minor units of money, exact: units of account may be worth parts of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSale:
    """One sale. `member_id` is empty for guests and for members whom the file does not name."""

    place: Place
    member: MemberState | None
    member_id: str
    basket: Basket


@dataclass(frozen=True, slots=True)
class Programmes:
    """The draft, and the programme in force where it is compared, with what changes between them.

    `lines` are those that were read before; every process keeps its own. `funded`: a partner pays
    for some offer, so that discounts are summed by line.
    """

    draft: Programme
    current: Programme | None = None
    changes: Changes | None = None
    lines: KnownLines = field(default_factory=dict)
    funded: bool = True

    @classmethod
    def of(cls, draft: Programme, current: Programme | None = None) -> "Programmes":
        """Compare two programmes; all sales may be touched where there is no current one."""
        both = [one for one in (draft, current) if one is not None]
        funded = any(offer.funding for one in both for offer in one.offers)
        changes = None if current is None else Changes(draft, current)
        return cls(draft, current, changes, funded=funded)


@dataclass(slots=True)
class OfferSum:
    """What one offer did. `partner_minor` is the part of the discount that a partner pays."""

    sales: int = 0
    uses: int = 0
    discount_minor: int = 0
    partner_minor: int = 0
    units: int = 0


@dataclass(slots=True)
class UnitSum:
    """Units of one kind and issuer; `spent_value_minor` is the money that the spent stood for."""

    earned: int = 0
    spent: int = 0
    spent_value_minor: int = 0


@dataclass(slots=True)
class Totals:
    """What a programme came to over some sales, in minor units.

    `units` is by unit and issuer, `partners` what each pays of discounts. `unproven` counts the
    sales whose combination of offers is not proven to be the best.
    """

    sales: int = 0
    shelf_minor: int = 0
    discount_minor: int = 0
    tendered_units_minor: int = 0
    due_minor: int = 0
    unproven: int = 0
    offers: dict[str, OfferSum] = field(default_factory=dict)
    units: dict[tuple[str, str], UnitSum] = field(default_factory=dict)
    partners: dict[str, int] = field(default_factory=dict)

    def count(self, quote: Quote, *, by_line: bool = True) -> None:
        """Add one quote. `by_line`: discounts are summed by line, as partners or units need it.

        Otherwise the sums of the offers are enough, and no line of the quote has to be made.
        """
        self.sales += 1
        self.shelf_minor += quote.shelf_minor
        self.discount_minor += quote.discount_minor
        self.tendered_units_minor += quote.tendered_units_minor
        self.due_minor += quote.due_minor
        self.unproven += not quote.optimal
        for outcome in quote.offers:
            if outcome.applied:
                offer = self.offers.setdefault(outcome.offer, OfferSum())
                offer.sales += 1
                offer.uses += outcome.uses
                offer.units += outcome.units
                if not by_line:
                    offer.discount_minor += outcome.discount_minor
        for line in quote.lines if by_line else ():
            for one in line.offers:
                offer = self.offers.setdefault(one.offer, OfferSum())
                offer.discount_minor += one.discount_minor
                offer.partner_minor += one.partner_minor
                if one.partner:
                    paid = self.partners.get(one.partner, 0) + one.partner_minor
                    self.partners[one.partner] = paid
        for movement in quote.units:
            unit = self.units.setdefault((movement.unit, movement.issuer), UnitSum())
            unit.earned += movement.earned
            unit.spent += movement.spent
            unit.spent_value_minor += movement.spent_value_minor

    def add(self, other: "Totals") -> None:
        """Add the totals of other sales."""
        self.sales += other.sales
        self.shelf_minor += other.shelf_minor
        self.discount_minor += other.discount_minor
        self.tendered_units_minor += other.tendered_units_minor
        self.due_minor += other.due_minor
        self.unproven += other.unproven
        for name, offer in other.offers.items():
            known = self.offers.setdefault(name, OfferSum())
            known.sales += offer.sales
            known.uses += offer.uses
            known.discount_minor += offer.discount_minor
            known.partner_minor += offer.partner_minor
            known.units += offer.units
        for key, unit in other.units.items():
            held = self.units.setdefault(key, UnitSum())
            held.earned += unit.earned
            held.spent += unit.spent
            held.spent_value_minor += unit.spent_value_minor
        for name, paid in other.partners.items():
            self.partners[name] = self.partners.get(name, 0) + paid


@dataclass(slots=True)
class Replay:
    """Sales priced by a draft, and by the current programme where there is one.

    `members` holds what the draft gives each member more than the current programme, over all
    their sales; `members_cut` says that more than MEMBERS_MAX came. `unnamed` counts the sales of
    members without a member_id; `better` and `worse` count sales, of guests too. `untouched` counts
    the sales that no change can touch, which were priced once for both.
    """

    draft: Totals = field(default_factory=Totals)
    current: Totals | None = None
    better: int = 0
    worse: int = 0
    members: dict[str, Benefit] = field(default_factory=dict)
    members_cut: bool = False
    unnamed: int = 0
    untouched: int = 0

    def count(self, programmes: Programmes, sale: PastSale) -> None:
        """Price a sale by both programmes and add what came out."""
        draft, current, changes = programmes.draft, programmes.current, programmes.changes
        member, basket, place = sale.member, sale.basket, sale.place
        quote = evaluate(draft, member, basket, place)
        by_line = programmes.funded or bool(basket.redemptions)
        self.draft.count(quote, by_line=by_line)
        if current is None:
            return
        if self.current is None:
            self.current = Totals()
        gain: Benefit = 0
        if changes is not None and not changes.may_touch(member, basket, place):
            self.untouched += 1
            self.current.count(quote, by_line=by_line)
        else:
            before = evaluate(current, member, basket, place)
            self.current.count(before, by_line=by_line)
            gain = benefit(quote, draft) - benefit(before, current)
            self.better += gain > 0
            self.worse += gain < 0
        if sale.member_id:
            self._follow(sale.member_id, gain)
        elif sale.member is not None:
            self.unnamed += 1

    def add(self, other: "Replay") -> None:
        """Add the part that follows this one in the file."""
        self.draft.add(other.draft)
        if other.current is not None:
            if self.current is None:
                self.current = Totals()
            self.current.add(other.current)
        self.better += other.better
        self.worse += other.worse
        self.members_cut = self.members_cut or other.members_cut
        self.unnamed += other.unnamed
        self.untouched += other.untouched
        for member_id, gain in other.members.items():
            self._follow(member_id, gain)

    def _follow(self, member_id: str, gain: Benefit) -> None:
        known = self.members.get(member_id)
        if known is not None:
            self.members[member_id] = known + gain
        elif len(self.members) < MEMBERS_MAX:
            self.members[member_id] = gain
        else:
            self.members_cut = True


def benefit(quote: Quote, programme: Programme) -> Benefit:
    """Give what a quote leaves its customer with, in minor units, against paying nothing.

    What is due counts against it, units count by the value that the programme declares: earned
    for it, spent against it. Units without a value do not count.
    """
    found: Benefit = -quote.due_minor
    for movement in quote.units:
        value = programme.units[movement.unit].value
        if value is not None and movement.earned != movement.spent:
            found += Fraction((movement.earned - movement.spent) * value[0], value[1])
    return found


def past_sale_of(value: object, *, currency: str, lines: KnownLines | None = None) -> PastSale:
    """Read one sale from plain values; `currency` is the programmes'. Raises BasketRefused.

    `lines` are those that were read before, if they are kept.
    """
    fields = Fields(value, "")
    text = fields.text("at")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BasketRefused(
            f"at: {text!r:.40} is no time with its offset", hint="2026-11-21T10:15:00+01:00"
        )
    basket = basket_of(fields.values.pop("basket", None), currency=currency, known=lines)
    if basket.currency != currency:
        raise BasketRefused(
            f"basket.currency: {basket.currency!r:.20}, the programme is in {currency}",
            hint="replay it with a programme of its currency",
        )
    plain = fields.values.pop("member", None)
    named = isinstance(plain, Mapping) and bool(plain.get("member_id"))
    member = member_of(plain) if plain is not None else None
    place = Place(
        at=at,
        business_day=at.date(),
        store=fields.text("store"),
        region=fields.text("region"),
        register=fields.text("register"),
    )
    fields.end()
    member_id = member.member_id if member is not None and named else ""
    return PastSale(place=place, member=member, member_id=member_id, basket=basket)


# -- the report


def report_of(replay: Replay, draft: Programme, current: Programme | None) -> dict[str, object]:
    """Give everything as plain values for JSON; amounts in minor units, names sorted."""
    report: dict[str, object] = {
        "currency": draft.currency,
        "draft": _totals_report(replay.draft, draft),
        "current": None,
        "change": None,
    }
    if current is None:
        return report
    before = replay.current or Totals()
    gains = [gain for gain in replay.members.values() if gain > 0]
    losses = [gain for gain in replay.members.values() if gain < 0]
    report["current"] = _totals_report(before, current)
    report["change"] = {
        "discount_minor": replay.draft.discount_minor - before.discount_minor,
        "due_minor": replay.draft.due_minor - before.due_minor,
        "sales_better": replay.better,
        "sales_worse": replay.worse,
        "members": len(replay.members),
        "members_better": len(gains),
        "members_better_minor": floor(sum(gains, Fraction(0))),
        "members_worse": len(losses),
        "members_worse_minor": floor(sum((-gain for gain in losses), Fraction(0))),
        "members_cut": replay.members_cut,
        "members_unnamed_sales": replay.unnamed,
        "sales_untouched": replay.untouched,
    }
    return report


def _totals_report(totals: Totals, programme: Programme) -> dict[str, object]:
    return {
        "programme": programme.programme_id,
        "sales": totals.sales,
        "shelf_minor": totals.shelf_minor,
        "discount_minor": totals.discount_minor,
        "tendered_units_minor": totals.tendered_units_minor,
        "due_minor": totals.due_minor,
        "unproven": totals.unproven,
        "units": [
            {
                "unit": unit,
                "issuer": issuer,
                "earned": one.earned,
                "earned_value_minor": _worth(programme, unit, one.earned),
                "spent": one.spent,
                "spent_value_minor": one.spent_value_minor,
            }
            for (unit, issuer), one in sorted(totals.units.items())
        ],
        "offers": [
            {
                "offer": name,
                "sales": one.sales,
                "uses": one.uses,
                "discount_minor": one.discount_minor,
                "partner_minor": one.partner_minor,
                "units": one.units,
            }
            for name, one in sorted(totals.offers.items())
        ],
        "partners": [
            {"partner": name, "discount_minor": totals.partners.get(name, 0)}
            | {
                "units": {
                    unit: one.earned
                    for (unit, issuer), one in sorted(totals.units.items())
                    if issuer == name
                }
            }
            for name in sorted({*totals.partners, *(issuer for _, issuer in totals.units)} - {""})
        ],
    }


def _worth(programme: Programme, unit: str, count: int) -> int | None:
    """Give what units are worth in minor units, rounded down; None when they have no value."""
    value = programme.units[unit].value
    return None if value is None else count * value[0] // value[1]
