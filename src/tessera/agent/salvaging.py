"""Bringing records back from a salvage file into a till's database.

Owns: which records of a file can be chained again, and how they are queued for central. Must never:
bring back a record whose chain does not hold, or one that is here already.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import sqlalchemy as sa

from tessera.core.errors import TesseraError
from tessera.core.journal import Head, SealedRecord, genesis, link_after
from tessera.core.ledger import member_delta
from tessera.core.quote import UnitMovement
from tessera.core.sale import ReturnBody, SaleBody
from tessera.store.engine import DATABASE_ERRORS, driver_words
from tessera.store.till import identity_book, outbox, salvage_book
from tessera.store.till.opening import SALVAGE
from tessera.store.till.salvage import SalvagedRecord, read_salvage
from tessera.store.till.salvage_book import SalvagedLife
from tessera.store.till.values import AccountEffect
from tessera.sync.records import Body, RecordMalformed, read_body, read_envelope

_LOG = logging.getLogger("tessera.agent.salvage")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalvageReport:
    """What a file held: records that read, those brought back now, and those left behind."""

    read: int
    brought_back: int
    left: int


def salvage_file(tx: sa.Connection, path: Path) -> SalvageReport:
    """Bring back what a salvage file holds and this database lacks; the caller's transaction.

    TesseraError when the register is not enrolled: there is nobody whose records they could be.
    """
    identity = identity_book.read_identity(tx)
    if identity is None:
        raise TesseraError(
            "this register is not enrolled, so no record can be brought back yet",
            hint="tessera agent enrol --help, then try again",
        )
    try:
        sealed = list(sealed_records(read_salvage(path), identity.register))
    except OSError as error:
        raise TesseraError(
            f"{path.name} cannot be read: {error.strerror}",
            hint="look at the disk and at the file's rights; then stop the agent and try"
            " `tessera agent salvage`",
        ) from error
    known = [head for life in outbox.lives(tx) for head in (life.start, life.head)]
    lives = chained_lives(sealed, identity.register, known)
    brought = sum(salvage_book.insert_life(tx, life) for life in lives)
    chained = sum(len(life.records) for life in lives)
    return SalvageReport(read=len(sealed), brought_back=brought, left=len(sealed) - chained)


def salvage_at_start(engine: sa.Engine, folder: Path) -> None:
    """Bring back what can be, and say what cannot: a copy is no reason not to sell."""
    brought_back = 0
    for path in _files(folder):
        try:
            with engine.begin() as tx:
                brought_back += salvage_file(tx, path).brought_back
        except TesseraError as error:
            _LOG.error("%s; %s", error.message, error.hint)
        except DATABASE_ERRORS as error:
            _LOG.error(
                "%s could not be brought back: %s; stop the agent and try `tessera agent salvage`",
                path.name,
                driver_words(error),
            )
    _LOG.warning("%d records were brought back from the salvage file", brought_back)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{SALVAGE}*"))


def salvage_folder(engine: sa.Engine, folder: Path) -> SalvageReport:
    """Bring back what the salvage files of a till's folder hold, the set-aside ones, too."""
    total = SalvageReport(read=0, brought_back=0, left=0)
    for path in _files(folder):
        with engine.begin() as tx:
            one = salvage_file(tx, path)
        total = SalvageReport(
            read=total.read + one.read,
            brought_back=total.brought_back + one.brought_back,
            left=total.left + one.left,
        )
    return total


def sealed_records(found: Iterable[SalvagedRecord], register: str) -> Iterable[SealedRecord]:
    """The records of a file that are this register's and read; others are passed over."""
    for one in found:
        try:
            envelope = read_envelope(one.raw)
        except RecordMalformed:
            continue
        if envelope.register == register:
            yield salvage_book.sealed(
                one,
                uid=envelope.uid,
                kind=envelope.kind,
                incarnation=envelope.incarnation,
                seq=envelope.seq,
            )


def chained_lives(
    records: Iterable[SealedRecord], register: str, known: Iterable[Head] = ()
) -> list[SalvagedLife]:
    """The records by life, each as far as its chain holds from its first record on.

    A life whose beginning is in the file must go back to its genesis, whose parent is one of the
    file's records, one of the `known` heads, or another life's genesis. One that begins later (the
    file was begun anew when central had all before) keeps its first record as an anchor only.
    """
    unique = {(one.incarnation, one.seq): one for one in records}
    ordered = [unique[place] for place in sorted(unique)]
    heads: list[Head | None] = [None, *known]
    heads += [_head(one, register) for one in ordered]
    rest = {life: list(found) for life, found in groupby(ordered, key=lambda one: one.incarnation)}
    lives: list[SalvagedLife] = []
    progress = True
    while progress:
        progress = False
        for incarnation, found in list(rest.items()):
            start = _start_of(found[0], heads, register)
            if start is None:
                continue
            lives.append(_chained(found, register, start.parent))
            # A life may have ended before its first record: then its genesis is a parent, too.
            heads.append(start.head)
            del rest[incarnation]
            progress = True
    return sorted(lives, key=lambda life: life.incarnation)


@dataclass(frozen=True, slots=True)
class _Start:
    head: Head
    parent: Head | None


def _start_of(first: SealedRecord, heads: list[Head | None], register: str) -> _Start | None:
    """Where a life begins; None while no head fits its first record."""
    if first.seq > 1:
        return _Start(_head(first, register), None)
    for parent in heads:
        if parent is not None and parent.incarnation == first.incarnation:
            continue
        start = genesis(register, first.incarnation, parent)
        if link_after(start.link_hash, first.content_hash) == first.link_hash:
            return _Start(start, parent)
    return None


def _chained(found: list[SealedRecord], register: str, parent: Head | None) -> SalvagedLife:
    kept = [found[0]]
    for record in found[1:]:
        link = link_after(kept[-1].link_hash, record.content_hash)
        if record.seq != kept[-1].seq + 1 or link != record.link_hash:
            break
        kept.append(record)
    return SalvagedLife(
        register=register,
        incarnation=found[0].incarnation,
        parent=parent,
        records=tuple(kept),
        effects={one.uid: effects_of(one) for one in kept},
    )


def _head(record: SealedRecord, register: str) -> Head:
    return Head(
        register=register,
        incarnation=record.incarnation,
        seq=record.seq,
        link_hash=record.link_hash,
    )


def effects_of(record: SealedRecord) -> tuple[AccountEffect, ...]:
    """What a record changes for its member, until central's balance includes it."""
    try:
        body: Body = read_body(read_envelope(record.raw))
    except RecordMalformed:
        return ()
    if isinstance(body, SaleBody) and body.member is not None:
        return _effects(body.member.member_id, body.quote.units, sign=1)
    if isinstance(body, ReturnBody) and body.member_id:
        return _effects(body.member_id, body.quote.units, sign=-1)
    return ()


def _effects(
    member_id: str, movements: tuple[UnitMovement, ...], *, sign: int
) -> tuple[AccountEffect, ...]:
    units = sorted({move.unit for move in movements})
    return tuple(
        AccountEffect(member_id=member_id, account=unit, delta=sign * member_delta(movements, unit))
        for unit in units
    )
