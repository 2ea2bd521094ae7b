"""What central tells tills: rows of the feed, the signed segments that hold them, pages of these.

Owns: shapes only, with their bounds; `sync/wire.py` has what a register asks and sends.
Must never: decide anything.
"""

from datetime import date
from typing import Annotated

import msgspec

from tessera.sync.wire import Count, Digest, Id, Incarnation, Int64, Message, ShortText

FEED_SEGMENTS_MAX = 50
SEGMENT_ROWS_MAX = 500
SHARE_KEY_MAX = 160
STOPS_MAX = 500
"""Most offers that are stopped in one store at a time."""


class MemberRow(Message, frozen=True, kw_only=True, tag="member"):
    """A member as tills of the audience may know them. `display_name` is short ("A. M.")."""

    member_id: Id
    version: Count
    status: str = "active"
    tier: str = ""
    display_name: ShortText = ""
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


class CardRow(Message, frozen=True, kw_only=True, tag="card"):
    """A card by its keyed hash (32 hexadecimal digits)."""

    card_hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    key_id: int
    member_id: Id
    version: Count
    status: str = "active"


class BalanceRow(Message, frozen=True, kw_only=True, tag="balance"):
    """An account at a version: what it holds, and how much of that is leased to registers."""

    member_id: Id
    account: Id
    points: Int64
    leased: Count = 0
    version: Count


class AccountVersion(Message, frozen=True, kw_only=True):
    """An account right after one record was applied."""

    account: Id
    points: Int64
    leased: Count
    version: Count


class OutcomeRow(Message, frozen=True, kw_only=True, tag="outcome"):
    """What became of one record: from `version` of each account on, the balance includes it."""

    uid: Id
    incarnation: Incarnation
    seq: Count
    state: str
    reason: ShortText = ""
    member_id: str = ""
    accounts: tuple[AccountVersion, ...] = ()


class LeaseRow(Message, frozen=True, kw_only=True, tag="lease"):
    """A part of a balance that one incarnation of one register may spend without asking.

    `signature` (hexadecimal) is central's over the canonical JSON of the row without it.
    """

    lease_id: Id
    member_id: Id
    unit: Id
    amount: Count
    register: Id
    incarnation: Incarnation
    generation: Id
    signature: str = ""


class AssignmentRow(Message, frozen=True, kw_only=True, tag="assignment"):
    """Which bundle is to run here, from when on. `number` only rises within a generation."""

    number: Count
    bundle: Digest
    active_from_ms: Count
    size: Count
    generation: Id
    signature: str = ""


class StoppedOffer(Message, frozen=True, kw_only=True):
    """An offer of a programme, whichever of its releases runs."""

    programme: Id
    offer: Id


class StopsRow(Message, frozen=True, kw_only=True, tag="stops"):
    """Every offer that is stopped in a store now, from the next quote on; nothing else is."""

    version: Count
    stopped: Annotated[tuple[StoppedOffer, ...], msgspec.Meta(max_length=STOPS_MAX)] = ()


class ShareRow(Message, frozen=True, kw_only=True, tag="share"):
    """What a life of a register may use of a limit over all members, `granted` in all so far.

    `key`: programme, offer and limit. The number only rises.
    """

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=SHARE_KEY_MAX)]
    register: Id
    incarnation: Incarnation
    granted: Count


class BackupRow(Message, frozen=True, kw_only=True, tag="backup"):
    """Central has one life of a register in a backup, up to this record and its link hash.

    The register may drop what it has up to there, once it is old enough.
    """

    incarnation: Incarnation
    seq: Count
    link: Digest


class RemovalRow(Message, frozen=True, kw_only=True, tag="removal"):
    """Something this audience must no longer hold: a member who moved away or was erased."""

    what: str
    key: Id
    version: Count
    reason: str = ""


FeedRow = (
    MemberRow
    | CardRow
    | BalanceRow
    | OutcomeRow
    | LeaseRow
    | AssignmentRow
    | RemovalRow
    | BackupRow
    | StopsRow
    | ShareRow
)


class SegmentBody(Message, frozen=True, kw_only=True):
    """The content of a segment: numbered within its audience and generation, never changed.

    `central_ms`: central's time when it was published; being signed, it is a floor under the
    clocks of tills.
    """

    generation: Id
    audience: Id
    number: Count
    rows: tuple[FeedRow, ...]
    central_ms: Count = 0


class Segment(Message, frozen=True, kw_only=True):
    """A segment as served: `body` is the canonical JSON of a SegmentBody, signed by central."""

    number: Count
    body: str
    signature: str


class FeedPage(Message, frozen=True, kw_only=True):
    """Segments after a cursor. `head` is the audience's last number when it was asked.

    `statement` is the canonical JSON of a Statement about the same, `statement_signature` central's
    in hexadecimal.
    """

    generation: Id
    audience: Id
    head: Count
    central_ms: Count
    segments: tuple[Segment, ...] = ()
    statement: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    statement_signature: str = ""
