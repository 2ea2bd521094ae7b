"""Where a batch belongs: which stored history it goes on, lies in, or begins.

Owns: forks, gaps, histories whose beginning is missing, and the alarms about them. Equal links at
one number mean equal histories up to it, so hashes decide, never ids.
Must never: store the batch, or re-chain anything.
"""

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from tessera.central.refusals import Refused
from tessera.central.work import content_hashes
from tessera.core.errors import TesseraError
from tessera.core.journal import Head, genesis, links_after
from tessera.store.central import inbox, register_book, share_book
from tessera.store.central.inbox import BranchRow
from tessera.sync.wire import BatchHead, Malformed

ALARM_FORK = "fork"
ALARM_LIFE = "new-incarnation"
ALARM_MISSING = "records-missing"


class BatchGap(TesseraError):
    """A batch that begins behind a gap: `high_water` is where the till goes on."""

    code = "gap"

    def __init__(self, message: str, *, incarnation: str, high_water: int) -> None:
        super().__init__(message, hint="send what follows the high-water mark")
        self.incarnation = incarnation
        self.high_water = high_water


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a parcel holds once inflated: its records, their links, and which cannot be read."""

    raws: list[bytes]
    links: list[str]
    malformed: tuple[Malformed, ...]


def malformed(what: str) -> Refused:
    """A batch that is not whole."""
    return Refused(
        what,
        hint="the till keeps its records; check for a damaged line or disk",
        code="malformed_batch",
        status=422,
    )


def find_place(
    tx: sa.Connection, head: BatchHead, reading: Reading, branches: list[BranchRow]
) -> BranchRow | None:
    """The branch that this batch goes on from, overlaps with, or lies within; None: of none.

    Equal links at one number mean equal histories up to it, so one comparison decides.
    """
    for branch in branches:
        if head.first_seq == branch.head_seq + 1:
            if head.previous_link == branch.head_link:
                return branch
        elif head.first_seq <= branch.head_seq <= head.last_seq:
            if reading.links[branch.head_seq - head.first_seq] == branch.head_link:
                return branch
        elif head.last_seq < branch.head_seq and (
            _stored_link(tx, head, branch, head.last_seq) == head.last_link
        ):
            return branch
    return None


def _first_differing(
    tx: sa.Connection, head: BatchHead, reading: Reading, branches: list[BranchRow]
) -> int:
    """The number of the first record that no stored history has: where the fork is."""
    for seq in range(head.last_seq, head.first_seq - 1, -1):
        link = reading.links[seq - head.first_seq]
        if any(_stored_link(tx, head, branch, seq) == link for branch in branches):
            return seq + 1
    return head.first_seq


def _is_attached(tx: sa.Connection, head: BatchHead, branches: list[BranchRow]) -> bool:
    """Whether the record before this batch is stored in some history of its life."""
    seq = head.first_seq - 1
    return any(
        branch.head_link == head.previous_link
        if seq == branch.head_seq
        else _stored_link(tx, head, branch, seq) == head.previous_link
        for branch in branches
    )


def _stored_link(tx: sa.Connection, head: BatchHead, branch: BranchRow, seq: int) -> str:
    """The link that central holds at a number; empty when it holds none."""
    stored = inbox.find_batch_with(
        tx,
        register_id=head.register,
        incarnation=head.incarnation,
        branch=branch.hash,
        seq=seq,
    )
    if stored is None:
        return ""
    known = msgspec.json.decode(stored.head, type=BatchHead)
    start = Head(
        register=known.register,
        incarnation=known.incarnation,
        seq=known.first_seq - 1,
        link_hash=bytes.fromhex(known.previous_link),
    )
    links = links_after(start, content_hashes(stored))
    return links[seq - known.first_seq].hex()


def open_branch(
    tx: sa.Connection,
    head: BatchHead,
    reading: Reading,
    branches: list[BranchRow],
    *,
    now_ms: int,
) -> BranchRow:
    """A new history: the first of an incarnation, a fork of it, or the end of a torn one.

    BatchGap when something before it has to be sent first.
    """
    main = next((branch for branch in branches if not branch.is_fork), None)
    is_torn = 0 < head.missing_from < head.first_seq and not _is_attached(tx, head, branches)
    if not is_torn:
        _check_beginning(tx, head, branches)
    seq = head.first_seq if is_torn else _first_differing(tx, head, reading, branches)
    branch = BranchRow(
        incarnation=head.incarnation,
        seq=seq,
        hash=reading.links[seq - head.first_seq],
        is_fork=main is not None,
        previous_link=head.previous_link,
        head_seq=head.last_seq,
        head_link=head.last_link,
        parent=head.parent,
        parent_seq=head.parent_seq,
        parent_link=head.parent_link,
    )
    if main is None and (is_torn or head.parent):
        register_book.update_register(tx, head.register, incarnation=head.incarnation)
        share_book.call_due(tx)
    told = _alarm_of(head, branch, is_torn=is_torn)
    if told is not None:
        kind, about, detail = told
        register_book.raise_alarm(
            tx,
            register_id=head.register,
            kind=kind,
            about=about,
            detail=detail,
            raised_ms=now_ms,
        )
    return branch


def _check_beginning(tx: sa.Connection, head: BatchHead, branches: list[BranchRow]) -> None:
    """BatchGap, or Refused, when a batch can't begin a history here."""
    reach = max((branch.head_seq for branch in branches), default=0)
    if head.first_seq > reach + 1:
        mark = next((branch.head_seq for branch in branches if not branch.is_fork), 0)
        raise BatchGap(
            f"records {mark + 1} to {head.first_seq - 1} are missing",
            incarnation=head.incarnation,
            high_water=mark,
        )
    if head.first_seq == 1 and head.previous_link != _genesis(head):
        raise malformed("the chain does not begin at this register and incarnation")
    if head.first_seq > 1 and not _is_attached(tx, head, branches):
        # A history that parted earlier, and whose records up to here a restored central has
        # forgotten. Where they part only the till can tell: it goes back by halves until it fits.
        raise BatchGap(
            f"record {head.first_seq} follows one that is not stored here",
            incarnation=head.incarnation,
            high_water=(head.first_seq - 1) // 2,
        )


def _alarm_of(head: BatchHead, branch: BranchRow, *, is_torn: bool) -> tuple[str, str, str] | None:
    """What operators are to hear of a new history: kind, what it is about, and in words."""
    if is_torn:
        # Its beginning is nowhere but in the backup that central named, and not in the present one.
        return (
            ALARM_MISSING,
            f"{head.incarnation} {head.missing_from}-{head.first_seq - 1}",
            "in a later backup than this database was restored from; the till dropped them",
        )
    if branch.is_fork:
        return (
            ALARM_FORK,
            f"{head.incarnation} {branch.seq} {branch.hash[:16]}",
            "two histories under one incarnation: a cloned or restored disk",
        )
    if head.parent:
        return ALARM_LIFE, head.incarnation, f"goes on from {head.parent} at {head.parent_seq}"
    return None


def _genesis(head: BatchHead) -> str:
    parent = None
    if head.parent:
        try:
            link = bytes.fromhex(head.parent_link)
        except ValueError as error:
            raise malformed("the parent's link does not read") from error
        parent = Head(
            register=head.register,
            incarnation=head.parent,
            seq=head.parent_seq,
            link_hash=link,
        )
    return genesis(head.register, head.incarnation, parent).link_hash.hex()
