"""What a POS may send to the agent: every field with its type and bound.

Owns: the requests of the local API. Decimals travel as short plain text, because JSON readers turn
numbers into floats and `Decimal` itself would take "NaN" and "1e999999". No text may hold a control
character; `problems_http` sees to that for a whole body at once, which is quicker than a pattern on
each field. Must never: decide anything; `checkout_basket` makes values of these.
"""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tessera.core.basket import LINES_MAX
from tessera.core.money import AMOUNT_MINOR_MAX, UNITS_MAX
from tessera.core.profile import CONSENTS_MAX, EMAIL_MAX, NAME_MAX

BODY_BYTES_MAX = 262_144
"""Largest request body."""
REDEMPTIONS_MAX = 20
COUPONS_MAX = 50
RESUME_DATA_LENGTH_MAX = 131_072
CARDS_MAX = 5
TENDERS_MAX = 50

# `$` alone would let a line feed through at the end.
_END = r"$(?!\n)"
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}" + _END

Name = Annotated[str, Meta(pattern=NAME_PATTERN, description="1 to 64 letters, digits, . _ : / -")]
Text = Annotated[str, Meta(max_length=200)]
Word = Annotated[str, Meta(max_length=64)]
LineId = Annotated[str, Meta(min_length=1, max_length=64)]
Code = Annotated[str, Meta(min_length=1, max_length=128)]
Amount = Annotated[
    int, Meta(ge=-AMOUNT_MINOR_MAX, le=AMOUNT_MINOR_MAX, description="minor units of the currency")
]
Positive = Annotated[int, Meta(ge=0, le=AMOUNT_MINOR_MAX)]
Units = Annotated[int, Meta(ge=0, le=UNITS_MAX)]
Quantity = Annotated[
    str,
    Meta(
        pattern=r"^(?=.*[1-9])[0-9]{1,9}(\.[0-9]{1,6})?" + _END,
        description="a decimal above zero as text",
    ),
]
Price = Annotated[
    str, Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?" + _END, description="a decimal as text")
]
Rate = Annotated[
    str,
    Meta(pattern=r"^[0-9](\.[0-9]{1,8})?" + _END, description="a fraction as text: 0.19 for 19 %"),
]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}" + _END, description="ISO 4217")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]
QuoteId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}" + _END)]
Phone = Annotated[str, Meta(min_length=6, max_length=32)]
Revision = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request, or a part of one; a field that is not listed is refused."""


class LineTax(Request, frozen=True, kw_only=True):
    """One tax on a line."""

    code: Annotated[str, Meta(min_length=1, max_length=16)]
    rate: Rate = "0"
    included: bool = True
    compound_on: Annotated[tuple[Word, ...], Meta(max_length=8)] = ()
    per_unit_minor: Positive = 0


class Line(Request, frozen=True, kw_only=True):
    """One line of the basket; `amount_minor` is authoritative."""

    id: LineId
    kind: Literal[
        "goods", "return", "deposit", "fee", "membership", "stored_value_load", "gift_card"
    ] = "goods"
    sku: Word = ""
    text: Text = ""
    quantity: Quantity = "1"
    measure: Annotated[str, Meta(max_length=8)] = ""
    unit_price: Price | None = None
    amount_minor: Amount
    taxes: Annotated[tuple[LineTax, ...], Meta(max_length=8)] = ()
    categories: Annotated[tuple[Text, ...], Meta(max_length=20)] = ()
    brand: Word = ""
    tags: Annotated[tuple[Word, ...], Meta(max_length=50)] = ()
    attributes: Annotated[dict[Word, Text], Meta(max_length=50)] = {}
    discountable: bool = True
    earns: bool = True
    redeemable: bool = True
    list_price_minor: Positive | None = None
    price_reason: Word = ""
    lowest_30d_minor: Positive | None = None
    minimum_price_minor: Positive | None = None


class MemberGiven(Request, frozen=True, kw_only=True):
    """Who buys: by cards as scanned, by phone, or by the `member_id` of an earlier answer."""

    cards: Annotated[tuple[Code, ...], Meta(max_length=CARDS_MAX)] = ()
    phone: Phone | None = None
    member_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class RedemptionWish(Request, frozen=True, kw_only=True):
    """Units to spend, or the reward that was chosen, by its offer's id."""

    unit: Word = ""
    amount: Units = 0
    reward: Word = ""


class BegunGiven(Request, frozen=True, kw_only=True):
    """The POS at which a sale was begun that is finished at another register, and its day there."""

    pos: Name
    business_day: date


class BasketGiven(Request, frozen=True, kw_only=True):
    """The whole basket as it stands.

    `revision` rises with each change, so that an answer that was overtaken does no harm.
    `earning_only`: the first tender was taken, prices stay as they are. `begun`: the sale was
    parked at another register and keeps the id that it has there. `cashier`: the number by which
    the POS knows who sits at the till.
    """

    store_time: Instant | None = None
    business_day: date | None = None
    currency: Currency | None = None
    revision: Revision | None = None
    member: MemberGiven | None = None
    coupons: Annotated[tuple[Code, ...], Meta(max_length=COUPONS_MAX)] = ()
    redemptions: Annotated[tuple[RedemptionWish, ...], Meta(max_length=REDEMPTIONS_MAX)] = ()
    chosen: Annotated[tuple[Word, ...], Meta(max_length=50)] = ()
    earning_only: bool = False
    begun: BegunGiven | None = None
    cashier: Name | None = None
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)] = ()


class TenderGiven(Request, frozen=True, kw_only=True):
    """How a part of the total was paid."""

    kind: Annotated[str, Meta(min_length=1, max_length=64)]
    amount_minor: Amount


class CompleteGiven(BasketGiven, frozen=True, kw_only=True):
    """The basket again, with what was paid.

    `money_taken` tells whether a tender was already taken; left out, it is read from `tenders`.
    """

    quote_id: QuoteId | None = None
    tenders: Annotated[tuple[TenderGiven, ...], Meta(max_length=TENDERS_MAX)] = ()
    total_taken_minor: Amount
    rounding_minor: Annotated[int, Meta(ge=-10_000, le=10_000)] = 0
    money_taken: bool | None = None


class ReturnLineGiven(Request, frozen=True, kw_only=True):
    """A line of the original sale and how much of it comes back."""

    id: LineId
    quantity: Quantity


class OriginalGiven(Request, frozen=True, kw_only=True):
    """The sale that lines come back from; day and POS are needed where an id is used again."""

    sale_id: Name
    pos: Name | None = None
    business_day: date | None = None


class ReturnGiven(Request, frozen=True, kw_only=True):
    """Goods brought back.

    `lines` of a sale of this register (`original`) or of another one of the shop (`receipt_data`),
    or `goods` without a receipt, at what they cost now.
    """

    original: OriginalGiven | None = None
    receipt_data: Annotated[str, Meta(min_length=1, max_length=65_536)] | None = None
    store_time: Instant | None = None
    business_day: date | None = None
    lines: Annotated[tuple[ReturnLineGiven, ...], Meta(max_length=LINES_MAX)] = ()
    goods: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)] = ()
    member: MemberGiven | None = None
    tenders: Annotated[tuple[TenderGiven, ...], Meta(max_length=TENDERS_MAX)] = ()


class VoidGiven(Request, frozen=True, kw_only=True):
    """Reverse a completed sale as a whole."""

    store_time: Instant | None = None
    business_day: date | None = None
    original_business_day: date | None = None
    begun: BegunGiven | None = None


class ResumeGiven(Request, frozen=True, kw_only=True):
    """Go on with a parked sale: of this register, or by the `resume_data` of another one."""

    resume_data: Annotated[str, Meta(min_length=1, max_length=RESUME_DATA_LENGTH_MAX)] | None = None


class ClaimGiven(Request, frozen=True, kw_only=True):
    """A forgotten card: who claims, and which sale, by its receipt's code or its id here."""

    member: MemberGiven
    receipt_code: Code | None = None
    original: OriginalGiven | None = None
    cashier: Name | None = None
    store_time: Instant | None = None
    business_day: date | None = None


class ScanGiven(Request, frozen=True, kw_only=True):
    """A code from a scanner that the POS owns. `symbology`: as the scanner names it, if it does."""

    code: Code
    symbology: Word = ""
    sale_id: Name | None = None


class LookupGiven(Request, frozen=True, kw_only=True):
    """Recognise a member by card or by phone: exactly one of the two."""

    card: Code | None = None
    phone: Phone | None = None


class ConsentGiven(Request, frozen=True, kw_only=True):
    """One purpose that the customer agreed to or refused; `text`: the version that was shown."""

    purpose: Name
    granted: bool
    text: Name | None = None


class ReplacedGiven(Request, frozen=True, kw_only=True):
    """Whose card is replaced: by the old `card`, or by `member_id` when it is lost."""

    card: Code | None = None
    member_id: Name | None = None


class EnrolGiven(Request, frozen=True, kw_only=True):
    """A new member, or with `replaces` a known member's new card.

    `enrolment_id` is the POS's own, so that a repeat enrols nobody twice. `sale_id`: the open sale
    that the member joins at once. `birthday` is MM-DD; a year before it is dropped.
    """

    enrolment_id: Name
    card: Code | None = None
    symbology: Word = ""
    phone: Phone | None = None
    name: Annotated[str, Meta(max_length=NAME_MAX)] = ""
    email: Annotated[str, Meta(max_length=EMAIL_MAX)] = ""
    birthday: Annotated[str, Meta(max_length=10)] = ""
    language: Annotated[
        str,
        Meta(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?)?" + _END, description="BCP 47: de"),
    ] = ""
    consents: Annotated[tuple[ConsentGiven, ...], Meta(max_length=CONSENTS_MAX)] = ()
    replaces: ReplacedGiven | None = None
    sale_id: Name | None = None
    store_time: Instant | None = None
    business_day: date | None = None


class EventGiven(Request, frozen=True, kw_only=True):
    """Something that is no purchase: a visit, a review, a referral."""

    kind: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}" + _END)]
    member: MemberGiven
    store_time: Instant | None = None
    business_day: date | None = None


class Nothing(Request, frozen=True, kw_only=True):
    """An empty object: the address says it all."""
