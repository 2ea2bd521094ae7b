"""What is being bought, as the POS sent it: lines, taxes, wishes, and where and when.

Owns: the values of a basket and their bounds. Must never: price anything.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

LINES_MAX = 1_000
"""Most lines in a basket."""


class LineKind(StrEnum):
    """What a line is; only goods meet offers, the rest is set apart at the shelf stage."""

    GOODS = "goods"
    RETURN = "return"
    DEPOSIT = "deposit"
    FEE = "fee"
    MEMBERSHIP = "membership"
    STORED_VALUE_LOAD = "stored_value_load"
    GIFT_CARD = "gift_card"


class TaxRounding(StrEnum):
    """Whether tax is rounded for each line or once for each tax group; the POS declares it."""

    LINE = "line"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTax:
    """One tax on a line.

    `rate` is a fraction of the base (0.19 for 19 %). `included`: the amount contains it already.
    `compound_on`: codes of taxes whose amount belongs to this one's base.
    `per_unit_minor`: a fixed amount for each unit of quantity, besides the rate.
    """

    code: str
    rate: Decimal = Decimal(0)
    included: bool = True
    compound_on: tuple[str, ...] = ()
    per_unit_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. `amount_minor` is authoritative; quantity times price only explains it.

    `measure` empty: pieces, and a whole quantity. Otherwise ("kg", "l", …) the line was weighed or
    metered and is one indivisible unit. `list_price_minor` and `price_reason` mark a price that
    somebody changed by hand. `lowest_30d_minor`: the lowest price of one (of one kg, l, …) in the
    last 30 days, by which savings are claimed. `attributes` are (name, value) pairs, in order of
    their names.
    """

    line_id: str
    kind: LineKind = LineKind.GOODS
    sku: str = ""
    text: str = ""
    quantity: Decimal = Decimal(1)
    measure: str = ""
    unit_price: Decimal | None = None
    amount_minor: int = 0
    taxes: tuple[LineTax, ...] = ()
    categories: tuple[str, ...] = ()
    brand: str = ""
    tags: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    discountable: bool = True
    earns: bool = True
    redeemable: bool = True
    list_price_minor: int | None = None
    price_reason: str = ""
    lowest_30d_minor: int | None = None
    minimum_price_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A wish to spend: `amount` units of `unit`, or the reward that was chosen by its offer id."""

    unit: str = ""
    amount: int = 0
    reward: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Everything that is priced together.

    `coupons` are codes as scanned. `chosen` are the ids of gifts or rewards the member picked.
    `earning_only`: a card that came after the first tender or by a claim changes no price.
    """

    currency: str
    lines: tuple[Line, ...] = ()
    coupons: tuple[str, ...] = ()
    redemptions: tuple[Redemption, ...] = ()
    chosen: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    earning_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a register may still use of a limit over all members: uses, or minor units of a budget.

    `key` names the offer and the limit ("few/total", "capped/budget").
    """

    key: str
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and when a basket is priced, and what its POS declared at pairing.

    `at` carries the store's own UTC offset, so that weekdays and hours are the store's.
    `business_day` is the POS's, which may lie behind the calendar after midnight. `offline`:
    central can't be asked, so offers that say `offline: refuse` are not given. `stopped`:
    offers that central had stopped by then, whatever the programme says. `guarded`: the guard
    against abuse refused the customer's card, so the basket is priced as if there were none.
    `shares`: what is left here of limits over all members; of one that is not named, all of it.
    """

    at: datetime
    business_day: date
    store: str = ""
    region: str = ""
    register: str = ""
    tax_rounding: TaxRounding = TaxRounding.GROUP
    offline: bool = False
    stopped: tuple[str, ...] = ()
    guarded: bool = False
    shares: tuple[Share, ...] = ()
