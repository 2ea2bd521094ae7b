"""What a register commits: the bodies of journal records. Members by id only.

Owns: the content of each record kind, with *all* inputs of its quote, so that it can be re-run.
Must never: hold a personal field; a test walks these types and refuses one.
"""

from dataclasses import dataclass

from tessera.core.basket import Basket, Place
from tessera.core.identity import SaleKey
from tessera.core.member import MemberState
from tessera.core.quote import CounterUse, IssuedCoupon, Quote, ReturnQuote

KIND_SALE = "sale"
KIND_RETURN = "return"
KIND_LEASE_RETURN = "lease-return"
KIND_CLAIM = "claim"
KIND_ENROLMENT = "member-enrolled"
KIND_REPLACEMENT = "card-replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """How a part of the total was paid: `kind` as the POS names it (cash, card, voucher …)."""

    kind: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseUse:
    """What a record spends of (positive) or puts back into (negative) one lease."""

    lease_id: str
    unit: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawResult:
    """What an instant win gave, drawn as the record was written; `prize` is empty for nothing."""

    offer: str
    prize: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponUse:
    """A single-use code that a sale used up, by its keyed hash, and the offer that it opened."""

    offer: str
    code_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """A single-use code that a sale granted, by its keyed hash: for `name`, granted by `offer`."""

    offer: str
    name: str
    code_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleBody:
    """A completed sale: its inputs, its frozen quote, and how it was paid.

    `card_hash` is hexadecimal, of the card that named the member. `flags` are stable codes of what
    was unusual ("late", "total-mismatch", "key-reused", "clock-doubt"). `counted`: what the guard
    against abuse counts of the member with this record; nothing gives it back.
    """

    key: SaleKey
    place: Place
    basket: Basket
    member: MemberState | None
    quote: Quote
    tenders: tuple[Tender, ...] = ()
    total_taken_minor: int = 0
    rounding_minor: int = 0
    leases: tuple[LeaseUse, ...] = ()
    card_hash: str = ""
    card_key_id: int = 0
    flags: tuple[str, ...] = ()
    draws: tuple[DrawResult, ...] = ()
    coupons: tuple[CouponUse, ...] = ()
    codes: tuple[IssuedCode, ...] = ()
    counted: tuple[CounterUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnWish:
    """Which line of the original sale comes back, and how much of it."""

    line_id: str
    quantity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What ends with the last item of a sale: see the same names in `ReturnBody`."""

    counters: tuple[CounterUse, ...] = ()
    revoked: tuple[IssuedCoupon, ...] = ()
    coupons: tuple[CouponUse, ...] = ()
    codes: tuple[IssuedCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnBody:
    """Lines of an earlier sale brought back. `original_uid` is that sale's record.

    `leases`: what of the units that are taken back came off leases this register holds; the rest
    comes off what is not leased, or is owed. `counters`: uses of limited offers that the member has
    again, since with this return everything of the sale has come back, and `revoked` the rights
    (coupons, draw entries) that go with it; `coupons` may be used again, `codes` no more. Without
    a receipt `original_uid` is empty, `original` is the return's own key, and `basket` holds the
    goods. `unspent_minor`: what the member's spend falls by beside the refund, where another record
    refunds the goods that were claimed. `with_last`: what ends as well if central, which knows of
    the returns at other registers, finds that nothing of the sale is left. `counted`: as in a sale.
    """

    key: SaleKey
    place: Place
    original: SaleKey
    original_uid: str
    member_id: str
    wishes: tuple[ReturnWish, ...]
    returned_before: tuple[ReturnWish, ...]
    quote: ReturnQuote
    tenders: tuple[Tender, ...] = ()
    leases: tuple[LeaseUse, ...] = ()
    flags: tuple[str, ...] = ()
    counters: tuple[CounterUse, ...] = ()
    revoked: tuple[IssuedCoupon, ...] = ()
    coupons: tuple[CouponUse, ...] = ()
    codes: tuple[IssuedCode, ...] = ()
    basket: Basket | None = None
    unspent_minor: int = 0
    with_last: Ending | None = None
    counted: tuple[CounterUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReturnBody:
    """The holder states what it gives back of a lease; after this record it spends it no more."""

    member_id: str
    lease_id: str
    unit: str
    amount: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBody:
    """A forgotten card: what a sale of the past earns for a member, once, and earning only.

    `original_uid` is the sale's record and `original_register` who wrote it. `quote` is None where
    this register does not have the sale: central, which has it, works it out from the sale's record
    and its bundle. `lines` are the goods that earn, `returned` what had come back of the sale by
    then. `place` is where and when the claim was made, at most `days_max` days after the sale.
    """

    key: SaleKey
    place: Place
    original_uid: str
    original_register: str
    member: MemberState
    days_max: int
    quote: Quote | None = None
    lines: tuple[ReturnWish, ...] = ()
    returned: tuple[ReturnWish, ...] = ()
    card_hash: str = ""
    card_key_id: int = 0
    flags: tuple[str, ...] = ()
    counted: tuple[CounterUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentBody:
    """A new member at the till: an id that the register minted, and what identifies them.

    `card_hash` and `phone_hash` are hexadecimal under the key `card_key_id`, empty where none was
    given. Whose they are is decided by central. Name, phone, mail, birthday and consents are in no
    record; they travel in a message of their own.
    """

    key: SaleKey
    place: Place
    member_id: str
    card_hash: str = ""
    phone_hash: str = ""
    card_key_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementBody:
    """A member's new card. `replaced_hash`: the one that works no more; empty for all they had."""

    key: SaleKey
    place: Place
    member_id: str
    card_hash: str
    card_key_id: int
    replaced_hash: str = ""
