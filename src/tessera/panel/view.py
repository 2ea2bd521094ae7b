"""What the cashier's page shows, as values: who, now, state.

Owns: the shape between whoever runs a till and the page. Texts that come from a programme (an
offer's name, a reason, a unit) are already in the view's language; the page's own words are not
here. Must never: hold a whole card number or anything that the cashier is not to see.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WhoStatus(StrEnum):
    """How the customer is known; the page has a word and a shape for each."""

    NOBODY = "nobody"
    KNOWN = "known"
    UNKNOWN = "unknown"
    PENDING = "pending"
    BLOCKED = "blocked"


class NowPhase(StrEnum):
    """Where the sale stands."""

    IDLE = "idle"
    OPEN = "open"
    DONE = "done"
    PARKED = "parked"
    CANCELLED = "cancelled"
    VOIDED = "voided"
    RETURNED = "returned"
    CLAIMED = "claimed"


class Tone(StrEnum):
    """How urgent something is; shown by a shape and a word, colour only underlines it."""

    CALM = "calm"
    CAUTION = "caution"
    TROUBLE = "trouble"


class ReaderStatus(StrEnum):
    """Whether a reader can be used right now."""

    READY = "ready"
    SEARCHING = "searching"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceView:
    """One of the member's balances, in whole units.

    `pending`: how much of `balance` central has not confirmed yet. `spendable`: what may be spent
    here and now, None when that is the whole balance.
    """

    unit: str
    label: str
    balance: int
    spendable: int | None = None
    pending: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoView:
    """The customer. `name` may be empty: then the masked `card` stands for it.

    `note` is a sentence of the programme's (a birthday, a level soon reached). Not `removable`: the
    POS itself named the customer, so the card cannot be taken off here. `enrollable`: nobody's card
    that one key gives to a new member. `tier_is_new`: the tier has moved since the sale was priced.
    """

    status: WhoStatus = WhoStatus.NOBODY
    name: str = ""
    card: str = ""
    tier: str = ""
    tier_is_new: bool = False
    note: str = ""
    staff: bool = False
    removable: bool = True
    enrollable: bool = False
    balances: tuple[BalanceView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsView:
    """Units that the sale moves, as a positive count."""

    unit: str
    label: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardView:
    """Something to offer to the customer; one key accepts it, the same key takes it back.

    `text` says what it is and costs. Not `possible`: shown with `note` as the reason, without key.
    """

    reward: str
    text: str
    accepted: bool = False
    possible: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonView:
    """Why something was given or not: what it took off, or how many units it gives.

    `amount_minor` is None for no amount, `count` for no units.
    """

    text: str
    amount_minor: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NowView:
    """The sale. Amounts are in minor units of `currency`.

    `sale` names the sale that a key press refers to, so that a press that comes a moment late
    changes nothing of the next customer's. `near` are sentences to read out ("3.50 more for …").
    """

    phase: NowPhase = NowPhase.IDLE
    sale: str = ""
    currency: str = "EUR"
    due_minor: int | None = None
    saved_minor: int = 0
    refund_minor: int | None = None
    earned: tuple[UnitsView, ...] = ()
    spent: tuple[UnitsView, ...] = ()
    rewards: tuple[RewardView, ...] = ()
    near: tuple[str, ...] = ()
    applied: tuple[ReasonView, ...] = ()
    refused: tuple[ReasonView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderView:
    """A reader and whether it can be used; `detail` says what is wrong in a few words."""

    name: str
    status: ReaderStatus
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """Something the cashier should read once: a fact, and what to do next."""

    notice: str
    text: str
    hint: str = ""
    tone: Tone = Tone.CAUTION
    can_dismiss: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """The till. Moments carry the store's own UTC offset.

    `alone`: not enrolled, or training: nothing is recorded here, so nothing waits to be sent.
    `balance_as_of`: how old the cached balances are, None before the first answer of central.
    `disk_used_percent` is None while there is room enough.
    """

    online: bool = False
    alone: bool = False
    offline_since: datetime | None = None
    queued: int = 0
    balance_as_of: datetime | None = None
    readers: tuple[ReaderView, ...] = ()
    notices: tuple[NoticeView, ...] = ()
    disk_used_percent: int | None = None
    benefits_stopped: bool = False
    clock_in_doubt: bool = False
    store: str = ""
    register: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenView:
    """One whole screen at the moment `at`, in one language."""

    at: datetime
    who: WhoView
    now: NowView
    state: StateView
    language: str = "en"
    training: bool = False
