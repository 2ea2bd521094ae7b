"""What the agent answers to a POS.

Owns: the answers of the local API; `result` stands first, so that a repeated write can be answered
with the first answer's bytes and another word there. Must never: compute.
"""

import msgspec

RESULT_EXISTS = "exists"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: every field is always there, so that a plugin need not ask."""


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of an answer: fields that are empty or zero are left out."""


class Notice(Part, frozen=True, kw_only=True):
    """Something that the cashier or the help desk should know; `code` is stable."""

    code: str
    text: str
    hint: str = ""


class OfferOnLine(Part, frozen=True, kw_only=True):
    """What one offer took off one line."""

    offer: str
    discount_minor: int
    group: int = 1


class LineAnswer(Answer, frozen=True, kw_only=True):
    """One line: what it costs now.

    `saved_30d_minor`: how much less that is than the lowest price of 30 days, if the POS gave it.
    """

    id: str
    discount_minor: int
    due_minor: int
    saved_30d_minor: int | None = None
    offers: tuple[OfferOnLine, ...] = ()


class TaxAnswer(Answer, frozen=True, kw_only=True):
    """One tax group; gross = net + tax."""

    code: str
    rate: str
    net_minor: int
    tax_minor: int
    gross_minor: int


class TotalsAnswer(Answer, frozen=True, kw_only=True):
    """due = shelf − discount − tendered units."""

    shelf_minor: int
    discount_minor: int
    tendered_units_minor: int
    due_minor: int
    taxes: tuple[TaxAnswer, ...] = ()


class UnitAnswer(Answer, frozen=True, kw_only=True):
    """One unit of account: what this basket does to it, and where the member then stands.

    `pending`: the part of the balance that central has not confirmed yet.
    """

    unit: str
    earned: int
    spent: int
    balance_after: int
    spendable_now: int
    pending: int


class MemberAnswer(Part, frozen=True, kw_only=True):
    """Who was recognised. `status`: none, known, unknown, blocked or refused.

    `provisional`: enrolled at this register, and central has not confirmed it yet.
    """

    status: str
    member_id: str = ""
    display_name: str = ""
    tier: str = ""
    language: str = ""
    entitlements: tuple[str, ...] = ()
    as_of: str = ""
    provisional: bool = False


class OfferAnswer(Part, frozen=True, kw_only=True):
    """One offer that was considered, and why it was or was not applied."""

    offer: str
    applied: bool
    discount_minor: int = 0
    units: int = 0
    uses: int = 0
    reason: str = ""
    missing_minor: int = 0
    missing_quantity: int = 0
    text: str = ""


class PromptAnswer(Part, frozen=True, kw_only=True):
    """Something to ask the customer."""

    kind: str
    offer: str
    choices: tuple[str, ...] = ()
    text: str = ""


class DrawTermsAnswer(Part, frozen=True, kw_only=True):
    """What a draw states. `free_entry` is empty where purchase is the only way in."""

    draw: str
    organiser: str
    prizes: str
    free_entry: str = ""
    countries: str = ""


class IssuedAnswer(Part, frozen=True, kw_only=True):
    """A right that the sale grants: a coupon, a draw entry. `codes` are to be printed.

    `terms` of an entry or an instant win are those that the programme states, to be told with it.
    """

    kind: str
    offer: str
    count: int = 1
    valid_from: str = ""
    valid_until: str = ""
    codes: tuple[str, ...] = ()
    terms: DrawTermsAnswer | None = None


class DrawAnswer(Answer, frozen=True, kw_only=True):
    """What an instant win gave, drawn at completion; `prize` is empty for nothing."""

    offer: str
    won: bool
    prize: str = ""


class FiscalLineAnswer(Answer, frozen=True, kw_only=True):
    """A line whose quantity × unit price is exact."""

    line_id: str
    quantity: int
    unit_price_minor: int


class QuoteAnswer(Answer, frozen=True, kw_only=True):
    """The price of a basket and what it earns. `optimal`: no better combination exists."""

    result: str
    mode: str
    totals: TotalsAnswer
    member: MemberAnswer
    optimal: bool
    quote_id: str = ""
    sale_id: str = ""
    revision: int = 0
    gap_minor: int = 0
    lines: tuple[LineAnswer, ...] = ()
    units: tuple[UnitAnswer, ...] = ()
    offers: tuple[OfferAnswer, ...] = ()
    prompts: tuple[PromptAnswer, ...] = ()
    issued: tuple[IssuedAnswer, ...] = ()
    draws: tuple[DrawAnswer, ...] = ()
    receipt: tuple[str, ...] = ()
    fiscal_lines: tuple[FiscalLineAnswer, ...] = ()
    notices: tuple[Notice, ...] = ()
    flags: tuple[str, ...] = ()
    uid: str = ""
    receipt_code: str = ""


class ReturnedLineAnswer(Answer, frozen=True, kw_only=True):
    """One line that came back."""

    line_id: str
    quantity: str
    refund_minor: int
    gift_charge_minor: int = 0


class ReturnedUnitAnswer(Answer, frozen=True, kw_only=True):
    """What the member gives back of what was earned, and gets back of what was spent."""

    unit: str
    taken_back: int
    given_back: int
    balance_after: int


class ReturnAnswer(Answer, frozen=True, kw_only=True):
    """What is refunded and taken back. `result`: returned, voided or exists."""

    result: str
    return_id: str
    original_sale_id: str
    refund_minor: int
    mode: str
    tendered_units_minor: int = 0
    spent_short_minor: int = 0
    lines: tuple[ReturnedLineAnswer, ...] = ()
    taxes: tuple[TaxAnswer, ...] = ()
    units: tuple[ReturnedUnitAnswer, ...] = ()
    receipt: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    flags: tuple[str, ...] = ()
    uid: str = ""


class ClaimAnswer(Answer, frozen=True, kw_only=True):
    """What a past sale earned. `result`: claimed, exists, or pending: central works it out."""

    result: str
    claim_id: str
    original_sale_id: str
    mode: str
    member: MemberAnswer
    units: tuple[UnitAnswer, ...] = ()
    notices: tuple[Notice, ...] = ()
    uid: str = ""


class EnrolAnswer(Answer, frozen=True, kw_only=True):
    """A member who was enrolled, or whose card was replaced. `result`: enrolled, replaced, exists.

    `attached_to`: the open sale that the member joined. Central has yet to confirm it.
    """

    result: str
    enrolment_id: str
    member_id: str
    mode: str
    attached_to: str = ""
    notices: tuple[Notice, ...] = ()
    uid: str = ""


class ReceiptAnswer(Answer, frozen=True, kw_only=True):
    """A recorded sale as its receipt may carry it, for a return at another register."""

    sale_id: str
    receipt_code: str
    receipt_data: str


class SaleStateAnswer(Answer, frozen=True, kw_only=True):
    """Where a sale stands: suspended or cancelled.

    `resume_data`: a parked sale, sealed, so that another register of the store can go on with it.
    """

    result: str
    sale_id: str
    resume_data: str = ""


class ScanAnswer(Answer, frozen=True, kw_only=True):
    """What a code is: member_card, coupon, product, … or unknown."""

    kind: str
    code: str
    attached_to: str = ""
    member: MemberAnswer | None = None
    units: tuple[UnitAnswer, ...] = ()
    notices: tuple[Notice, ...] = ()


class LookupAnswer(Answer, frozen=True, kw_only=True):
    """The member behind a card or phone number."""

    member: MemberAnswer
    units: tuple[UnitAnswer, ...] = ()
    notices: tuple[Notice, ...] = ()


class EventAnswer(Answer, frozen=True, kw_only=True):
    """What something that is no purchase earned. `result`: recorded or exists."""

    result: str
    event_id: str
    mode: str
    member: MemberAnswer
    units: tuple[UnitAnswer, ...] = ()
    offers: tuple[OfferAnswer, ...] = ()
    draws: tuple[DrawAnswer, ...] = ()
    issued: tuple[IssuedAnswer, ...] = ()
    notices: tuple[Notice, ...] = ()
    uid: str = ""


class QueueStatus(Answer, frozen=True, kw_only=True):
    """What waits for central."""

    waiting: int
    oldest_ms: int = 0


class ReaderStatus(Part, frozen=True, kw_only=True):
    """One reader."""

    id: str
    condition: str
    message: str = ""
    hint: str = ""
    scans: int = 0
    errors: int = 0


class BundleStatus(Answer, frozen=True, kw_only=True):
    """The programme that is in force."""

    hash: str
    number: int = 0
    programme: str = ""


class DiskStatus(Answer, frozen=True, kw_only=True):
    """Room for the database. `benefits_stopped`: too little is left to promise anything."""

    free_bytes: int
    total_bytes: int
    benefits_stopped: bool


class ClockStatus(Answer, frozen=True, kw_only=True):
    """The register's clock, and by how much it differs from central's last word."""

    now: str
    time_zone: str
    doubtful: bool
    off_by_s: int = 0


class StatusAnswer(Answer, frozen=True, kw_only=True):
    """How the agent is."""

    release: str
    mode: str
    enrolled: bool
    training: bool
    store: str
    register: str
    queue: QueueStatus
    disk: DiskStatus
    clock: ClockStatus
    sqlite: str
    offline_since: str = ""
    last_contact: str = ""
    balance_as_of: str = ""
    last_error: str = ""
    certificate_until: str = ""
    root_until: str = ""
    bundle: BundleStatus | None = None
    readers: tuple[ReaderStatus, ...] = ()
    notices: tuple[Notice, ...] = ()


_ENCODER = msgspec.json.Encoder()


def as_json(answer: Answer) -> bytes:
    """The bytes of an answer."""
    return _ENCODER.encode(answer)


def repeated(first: bytes) -> bytes:
    """The bytes of a first answer, marked as the answer to a repeat.

    `result` is the first field of every answer to a write, so nothing else can be replaced.
    """
    end = first.index(b'"', len(b'{"result":"'))
    return b'{"result":"' + RESULT_EXISTS.encode() + first[end:]
