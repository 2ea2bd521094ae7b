"""Reading a page of the feed: nothing of it counts before all of it has been checked. Pure.

Owns: the checks of signature, numbers, generation, audience and size, of the signatures inside
leases and assignments, and of central's statement that this is how things stand now.
Must never: apply anything, or hand out a part of a page that is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tessera.core.errors import TesseraError
from tessera.sync.feed_wire import (
    FEED_SEGMENTS_MAX,
    SEGMENT_ROWS_MAX,
    AssignmentRow,
    BackupRow,
    BalanceRow,
    CardRow,
    FeedPage,
    FeedRow,
    LeaseRow,
    MemberRow,
    OutcomeRow,
    RemovalRow,
    Segment,
    ShareRow,
    StopsRow,
)
from tessera.sync.records import encoded
from tessera.sync.trust import ASSIGNMENT, LEASE, SEGMENT, STATEMENT, Trust
from tessera.sync.wire import Count, Id, Statement

SEGMENT_BYTES_MAX = 1_048_576

_TYPES: dict[str, type[FeedRow]] = {
    "member": MemberRow,
    "card": CardRow,
    "balance": BalanceRow,
    "outcome": OutcomeRow,
    "lease": LeaseRow,
    "assignment": AssignmentRow,
    "removal": RemovalRow,
    "backup": BackupRow,
    "stops": StopsRow,
    "share": ShareRow,
}


class PageRefused(TesseraError):
    """A page of the feed that must not be applied; nothing of it is."""

    code = "page_refused"


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    generation: Id
    audience: Id
    number: Count
    rows: tuple[msgspec.Raw, ...]
    central_ms: Count = 0


class _Tag(msgspec.Struct, frozen=True):
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPage:
    """A page that passed every check.

    `number` is where the cursor stands after it, `head` the audience's last number. `unknown`
    counts rows of kinds that a later release brought; they are passed over. `signed_ms`: central's
    time as it signed it, in the statement or else in the last segment, 0 when in none; `is_fresh`:
    it is the time of the answer itself. `root`: the version of central's newest root, 0 if untold.
    """

    audience: str
    generation: str
    number: int
    head: int
    rows: tuple[FeedRow, ...]
    unknown: int = 0
    central_ms: int = 0
    signed_ms: int = 0
    is_fresh: bool = False
    root: int = 0

    @property
    def is_last(self) -> bool:
        """Whether the cursor stands at the audience's head after this page."""
        return self.number >= self.head


def read_page(
    page: FeedPage, *, audience: str, generation: str, after: int, trust: Trust, register: str = ""
) -> ReadPage:
    """Check a page and give its rows. PageRefused says what is wrong, and nothing is given.

    `generation`: the one expected, or empty for whichever central is in. `register`: whom the
    statement must be made to; whoever asked has compared its nonce with the request's.
    """
    if page.audience != audience or (generation and page.generation != generation):
        raise _refused(page.audience, "is not the page that was asked for")
    if len(page.segments) > FEED_SEGMENTS_MAX:
        raise _refused(audience, f"has {len(page.segments)} segments; {FEED_SEGMENTS_MAX} at most")
    stated = _read_statement(page, trust, register)
    number = after
    rows: list[FeedRow] = []
    unknown = signed_ms = 0
    for segment in page.segments:
        body = _read_segment(segment, page, audience, trust)
        if body.number != number + 1:
            raise _refused(audience, f"has segment {body.number} after {number}")
        number = body.number
        known = [row for raw in body.rows if (row := read_row(raw, audience)) is not None]
        unknown += len(body.rows) - len(known)
        # The last one's, not the highest: a wrong clock of central's ends with the next segment.
        signed_ms = body.central_ms
        rows.extend(known)
    if page.head < number:
        raise _refused(audience, f"ends at {page.head} but holds {number}")
    if not page.segments and page.head > after:
        raise _refused(audience, f"holds nothing after {after}, though it ends at {page.head}")
    check_signed_rows(rows, audience, trust)
    return ReadPage(
        audience=audience,
        generation=page.generation,
        number=number,
        head=page.head,
        rows=tuple(rows),
        unknown=unknown,
        central_ms=page.central_ms,
        signed_ms=stated.central_ms if stated else signed_ms,
        is_fresh=stated is not None,
        root=stated.root if stated else 0,
    )


def _read_statement(page: FeedPage, trust: Trust, register: str) -> Statement | None:
    """Central's word about this page; None from a central of a release that gave none."""
    if not page.statement and trust.root is None:
        return None
    if not trust.is_signed(STATEMENT, page.statement.encode(), page.statement_signature):
        raise _refused(page.audience, "comes without a statement that central signed")
    try:
        said = msgspec.json.decode(page.statement, type=Statement)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(page.audience, f"has a statement that does not read: {error}") from error
    told = (said.register, said.audience, said.generation, said.head, said.central_ms)
    if told != (register, page.audience, page.generation, page.head, page.central_ms):
        raise _refused(page.audience, "has a statement about something else")
    if said.root < trust.version:
        raise _refused(
            page.audience, f"is by a central with root {said.root}, but {trust.version} is known"
        )
    if trust.is_expired(said.central_ms):
        raise _refused(page.audience, f"cannot be believed: root {trust.version} has expired")
    return said


def _read_segment(segment: Segment, page: FeedPage, audience: str, trust: Trust) -> _Body:
    raw = segment.body.encode()
    if len(raw) > SEGMENT_BYTES_MAX:
        raise _refused(audience, f"has a segment of {len(raw)} bytes")
    if not trust.is_signed(SEGMENT, raw, segment.signature):
        raise _refused(audience, f"has a segment {segment.number} that central did not sign")
    try:
        body = msgspec.json.decode(raw, type=_Body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(audience, f"has a segment that does not read: {error}") from error
    if (body.generation, body.audience, body.number) != (
        page.generation,
        audience,
        segment.number,
    ):
        raise _refused(audience, f"has a segment of another place: {body.audience} {body.number}")
    if len(body.rows) > SEGMENT_ROWS_MAX:
        raise _refused(audience, f"has a segment of {len(body.rows)} rows")
    return body


def read_row(raw: msgspec.Raw, audience: str) -> FeedRow | None:
    """One row, or None for a kind that a later release brought; PageRefused when it is broken."""
    try:
        kind = _TYPES.get(msgspec.json.decode(raw, type=_Tag).type)
        return None if kind is None else msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(audience, f"has a row that does not read: {error}") from error


def check_signed_rows(rows: Sequence[FeedRow], audience: str, trust: Trust) -> None:
    """PageRefused when a lease or an assignment among the rows is not signed by central."""
    for row in rows:
        if not isinstance(row, LeaseRow | AssignmentRow):
            continue
        role = LEASE if isinstance(row, LeaseRow) else ASSIGNMENT
        if not trust.is_signed(role, bytes_to_sign(row), row.signature):
            raise _refused(audience, f"has a {role} that central did not sign")


def bytes_to_sign(row: LeaseRow | AssignmentRow) -> bytes:
    """What central signs of a lease or an assignment: its canonical JSON without the signature."""
    return encoded(msgspec.structs.replace(row, signature=""))


def _refused(audience: str, what: str) -> PageRefused:
    return PageRefused(
        f"the feed's page for {audience} {what}",
        hint="nothing of it was applied; if it stays, check central's address and certificate",
    )
