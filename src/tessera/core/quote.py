"""The answer for a basket, in the shape that is frozen into the journal.

Owns: the values of a quote. Every part sums to its total: lines to the totals, tax groups to the
amount due, allocations to lines. Must never: compute; `tessera.rules` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from tessera.core.values import part_maker, quick_value


class Stage(StrEnum):
    """Where in the computation something happened; thresholds name the stage that they read."""

    SHELF = "shelf"
    UNIT = "unit"
    BASKET = "basket"
    REDEMPTION = "redemption"
    TENDER = "tender"
    ACCRUAL = "accrual"


@quick_value
class Message:
    """A sentence by key and numbers, put into words for a language by `rules.wording`.

    `arguments` are (name, value) pairs; values are text or whole numbers, names ending in `_minor`
    are money.
    """

    key: str
    arguments: tuple[tuple[str, str | int], ...] = ()


@quick_value
class OfferShare:
    """What one offer took off one line. `group` tells apart several uses of the same offer.

    `role` is "gift" on a line given for nothing and "trigger" on a line that the gift hangs on.
    `partner_minor` is the part of the discount that `partner` pays, `third_party_minor` the part of
    that which stays in the tax base.
    """

    offer: str
    discount_minor: int
    group: int = 1
    stage: Stage = Stage.UNIT
    role: str = ""
    partner: str = ""
    partner_minor: int = 0
    third_party_minor: int = 0


@quick_value
class UnitShare:
    """Units that one line earned, or that paid for it, by offer; frozen for later returns.

    `tendered_minor` is the money that the spent units stood for on this line.
    """

    unit: str
    offer: str
    earned: int = 0
    spent: int = 0
    tendered_minor: int = 0
    issuer: str = ""


@quick_value
class LineQuote:
    """One line's answer; `due_minor` = shelf amount − discount. Lines of one `fold` are equal.

    `tax_minor` is all tax on the line, `on_top_minor` the part of it that is not in `due_minor`.
    """

    line_id: str
    amount_minor: int
    discount_minor: int
    due_minor: int
    fold: int
    offers: tuple[OfferShare, ...] = ()
    units: tuple[UnitShare, ...] = ()
    tax_minor: int = 0
    on_top_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxPart:
    """One of several taxes of a group."""

    code: str
    rate: str
    tax_minor: int
    included: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxGroup:
    """Net, tax and gross of everything that is taxed alike; gross = net + tax.

    `rate` is the decimal as the POS wrote it. Lines with several taxes are a group of their own:
    codes and rates are joined by "+", and `parts` names each tax. Untaxed lines have the code "".
    """

    code: str
    rate: str
    net_minor: int
    tax_minor: int
    gross_minor: int
    parts: tuple[TaxPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitMovement:
    """What the basket does to one unit of account. `available_from` and `expires` are ISO dates."""

    unit: str
    earned: int = 0
    spent: int = 0
    spent_value_minor: int = 0
    issuer: str = ""
    available_from: str = ""
    expires: str = ""


@quick_value
class OfferOutcome:
    """One offer that was considered: applied, or not with a stable documented reason code."""

    offer: str
    applied: bool
    stage: Stage
    reason: str = ""
    uses: int = 0
    discount_minor: int = 0
    units: int = 0
    missing_minor: int = 0
    missing_quantity: int = 0
    text: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Something the cashier may ask: a reward to accept, a gift to choose."""

    kind: str
    offer: str
    choices: tuple[str, ...] = ()
    text: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCoupon:
    """A right that the sale grants: a coupon, a draw entry, a completed stamp card's reward.

    `name` is what it stands for (the coupon's offer, the draw, the access); `detail` holds what the
    kind needs besides ("1 in 4" and the prizes of an instant win; "single-use" and the prefix of a
    coupon's code, or "shared" and the code).
    """

    kind: str
    offer: str
    count: int = 1
    valid_from: str = ""
    valid_until: str = ""
    name: str = ""
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterUse:
    """What the sale adds to a counter that a limit reads; see `member.Counter`.

    `most` is the limit where it is one of each member, 0 otherwise. `pending`: what the offer gives
    waits for central to confirm that the limit was kept, be it rights or `earned` of `unit`.
    """

    key: str
    used: int
    most: int = 0
    pending: bool = False
    unit: str = ""
    issuer: str = ""
    earned: int = 0


@quick_value
class FiscalLine:
    """A line whose quantity × unit price is exact, for printers that insist on it."""

    line_id: str
    quantity: int
    unit_price_minor: int


@quick_value
class ReceiptLine:
    """A line for the receipt: what it says, and the amount at its right (None: no amount)."""

    text: Message
    amount_minor: int | None = None


class Later(Protocol):
    """Gives the parts of a quote that nobody has asked for yet, each by the name of its field."""

    def give(self, name: str) -> object:
        """One part; AttributeError when the quote has no such part."""


class _Deferred:
    """Asks for a part of a quote when it is first read."""

    __slots__ = ("_later",)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — whatever the field holds
        if name == "_later":  # it was made whole
            raise AttributeError(name)
        part = self._later.give(name)
        object.__setattr__(self, name, part)
        return part


@quick_value
class Quote(_Deferred):
    """The whole answer. The same input gives the same quote, byte for byte, on every machine.

    due_minor = shelf_minor − discount_minor + tax_on_top_minor − tendered_units_minor.
    The gross of all tax groups = due_minor + tendered_units_minor + third_party_minor.
    """

    engine: str
    programme: str
    currency: str
    shelf_minor: int
    discount_minor: int
    tendered_units_minor: int
    due_minor: int
    lines: tuple[LineQuote, ...] = ()
    taxes: tuple[TaxGroup, ...] = ()
    units: tuple[UnitMovement, ...] = ()
    offers: tuple[OfferOutcome, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    issued: tuple[IssuedCoupon, ...] = ()
    receipt: tuple[ReceiptLine, ...] = ()
    fiscal_lines: tuple[FiscalLine, ...] = ()
    settings_used: tuple[tuple[str, str], ...] = ()
    optimal: bool = True
    gap_minor: int = 0
    nodes: int = 0
    tax_on_top_minor: int = 0
    third_party_minor: int = 0
    counters: tuple[CounterUse, ...] = ()


def quote_maker(names: Sequence[str]) -> Callable[..., Quote]:
    """Give a maker of quotes of which only the named fields are known yet.

    It takes what gives the others, a `Later`, and then those fields in their order.
    """
    return part_maker(Quote, ("_later", *names))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedLine:
    """One line of a return: how much came back and what is paid out for it.

    `refund_minor` is already less `gift_charge_minor`. A gift that is kept although its trigger
    came back is a line of quantity 0 whose refund is below zero. `discount_minor` and `tax_minor`
    are the parts of the sale's discount and tax that come back with it.
    """

    line_id: str
    quantity: str
    refund_minor: int
    gift_charge_minor: int = 0
    units: tuple[UnitShare, ...] = ()
    discount_minor: int = 0
    tax_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnQuote:
    """What a return pays out and takes back, computed from the frozen quote of the sale alone.

    In `units`, `earned` is what the member gives back and `spent` what the member gets back, both
    as positive counts. refund_minor = the sum over lines, less `tendered_units_minor`, which goes
    back as units, less `spent_short_minor`; never below zero. `spent_short` says what happens when
    units that are taken back are spent already: the account goes to "owed", or, "reduce-refund",
    what they are worth is kept of the refund, and they are not in `units`.
    """

    engine: str
    currency: str
    policy: str
    refund_minor: int
    tendered_units_minor: int = 0
    lines: tuple[ReturnedLine, ...] = ()
    taxes: tuple[TaxGroup, ...] = ()
    units: tuple[UnitMovement, ...] = ()
    receipt: tuple[ReceiptLine, ...] = ()
    spent_short: str = "owed"
    spent_short_minor: int = 0
