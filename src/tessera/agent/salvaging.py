"""Bringing records back from a salvage file into a till's database.

Owns: which records of a file can be chained again, and how they are queued for central. Must never:
bring back a record whose chain does not hold, or one that is here already.
"""

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
from tessera.store.till import identity_book, salvage_book
from tessera.store.till.opening import SALVAGE
from tessera.store.till.salvage import SalvagedRecord, read_salvage
from tessera.store.till.salvage_book import SalvagedLife
from tessera.store.till.values import AccountEffect
from tessera.sync.records import Body, RecordMalformed, read_body, read_envelope


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
    sealed = list(sealed_records(read_salvage(path), identity.register))
    lives = chained_lives(sealed, identity.register)
    brought = sum(salvage_book.insert_life(tx, life) for life in lives)
    chained = sum(len(life.records) for life in lives)
    return SalvageReport(read=len(sealed), brought_back=brought, left=len(sealed) - chained)


def salvage_folder(engine: sa.Engine, folder: Path) -> SalvageReport:
    """Bring back what the salvage files of a till's folder hold, the set-aside ones, too."""
    total = SalvageReport(read=0, brought_back=0, left=0)
    for path in sorted(folder.glob(f"{SALVAGE}*")):
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


def chained_lives(records: Iterable[SealedRecord], register: str) -> list[SalvagedLife]:
    """The records by life, each as far as its chain holds from its first record on.

    A life whose beginning is in the file must go back to its genesis. One that begins later (the
    file was begun anew when central had all before) keeps its first record as an anchor only.
    """
    unique = {(one.incarnation, one.seq): one for one in records}
    ordered = [unique[place] for place in sorted(unique)]
    lives = []
    for incarnation, group in groupby(ordered, key=lambda one: one.incarnation):
        life = list(group)
        parent = None
        if life[0].seq == 1:
            found, parent = _parent_of(life[0], ordered, register)
            if not found:
                continue
        kept = [life[0]]
        for record in life[1:]:
            link = link_after(kept[-1].link_hash, record.content_hash)
            if record.seq != kept[-1].seq + 1 or link != record.link_hash:
                break
            kept.append(record)
        lives.append(
            SalvagedLife(
                register=register,
                incarnation=incarnation,
                parent=parent,
                records=tuple(kept),
                effects={one.uid: effects_of(one) for one in kept},
            )
        )
    return lives


def _parent_of(
    first: SealedRecord, records: list[SealedRecord], register: str
) -> tuple[bool, Head | None]:
    """Which head a life began after: (whether one fits, that head)."""
    candidates: list[Head | None] = [None]
    candidates += [
        Head(
            register=register,
            incarnation=one.incarnation,
            seq=one.seq,
            link_hash=one.link_hash,
        )
        for one in records
        if one.incarnation != first.incarnation
    ]
    for parent in candidates:
        start = genesis(register, first.incarnation, parent)
        if link_after(start.link_hash, first.content_hash) == first.link_hash:
            return True, parent
    return False, None


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
