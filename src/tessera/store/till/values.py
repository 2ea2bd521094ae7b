"""What the till's database gives and takes: values that cross layers; rows never do.

Owns: the shapes. Must never: know a connection.
"""

from dataclasses import dataclass
from datetime import date

from tessera.core.errors import TesseraError
from tessera.core.identity import SaleKey
from tessera.core.journal import Head


class LeaseShort(TesseraError):
    """A redemption asks more of the leases than they have left; nothing was written."""

    code = "lease_short"


class SaleExists(TesseraError):
    """A sale or return with this key is in the journal already; nothing was written."""

    code = "sale_exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterIdentity:
    """Who this register is, from enrolment on.

    `incarnation` names its present life, `parent` where the life before it ended. `generation` is
    central's as last heard. `central_key`: central's Ed25519 public key, 32 bytes. `certificate` is
    the canonical JSON that central signed, `certificate_signature` in hexadecimal.
    """

    register: str
    store: str
    incarnation: str
    generation: str
    central_key: bytes
    certificate: str
    certificate_signature: str
    card_key_id: int
    time_zone: str
    currency: str
    region: str = ""
    parent: Head | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEffect:
    """What a record changes on one account of a member, until central's balance includes it."""

    member_id: str
    account: str
    delta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedSale:
    """A sale or return that stands in the journal, with the first answer its POS got."""

    uid: str
    seq: int
    incarnation: str
    kind: str
    key: SaleKey
    request_digest: bytes
    answer: bytes
    voided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedMember:
    """A member as central last described them to this till. `birthday` is MM-DD or empty.

    `provisional`: enrolled at this till, and central has not described them yet.
    """

    member_id: str
    version: int
    status: str = "active"
    tier: str = ""
    display_name: str = ""
    language: str = ""
    segments: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    joined: date | None = None
    birthday: str = ""
    staff: bool = False
    visits: int = 0
    lifetime_spend_minor: int = 0
    period_spend_minor: int = 0
    last_visit: date | None = None
    provisional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account as this till may show it.

    `balance` = central's balance at `version` + `pending`; `pending` sums this register's own
    records that the balance does not include yet. `spendable`: left of its leases here.
    `version` is -1 when central never spoke of the account.
    """

    unit: str
    balance: int
    pending: int
    spendable: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """An account right after a change that central numbered `version`."""

    account: str
    points: int
    leased: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A lease as central granted it: `amount` in all, of which this till counts what it used."""

    lease_id: str
    member_id: str
    unit: str
    amount: int
    incarnation: str
    generation: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one record at central: `state` is applied, parked or corrected."""

    uid: str
    state: str
    reason: str = ""
    member_id: str = ""
    accounts: tuple[AccountState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBundle:
    """A programme as its text, named by the SHA-256 of that text; `number` of its assignment."""

    hash: str
    text: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Which bundle central wants to run here, and from when (UTC milliseconds)."""

    number: int
    bundle: str
    active_from_ms: int
    size: int
    generation: str
