"""Rebuilds what is derived and says where it differs from what is stored.

Owns: the checks behind `tessera central verify`: postings sum to zero, balances, lots and leases
equal what the postings and grants make of them, chains verify per branch, each accepted record is
exactly once booked, parked, or waiting. Reads only, bucket by bucket, beside a running server.
Must never: mend anything.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from tessera.central.member_ends import OWN_TAGS
from tessera.central.members import TAG_OPENING
from tessera.central.opening import Central
from tessera.central.work import content_hashes, inflate, split
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of
from tessera.core.journal import Head, links_after
from tessera.core.ledger import OWED_PREFIX
from tessera.core.uses import is_unit_account
from tessera.store.central import audit_book, inbox, quarantine_book, register_book, sale_book
from tessera.store.central.audit_book import AccountSums
from tessera.store.central.inbox import BatchRow, BranchRow
from tessera.sync.records import RecordMalformed, read_envelope
from tessera.sync.signing import PURPOSE_BATCH, is_signed
from tessera.sync.wire import BatchHead, Malformed, content_hash

_FETCH = 64
_ALL = 10_000_000
_MALFORMED = msgspec.json.Decoder(tuple[Malformed, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is not as it must be: a stable kind, where, and the two figures."""

    kind: str
    where: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What was looked at."""

    accounts: int = 0
    registers: int = 0
    batches: int = 0
    records: int = 0


def verify(central: Central, tally: Tally) -> Iterator[Difference]:
    """Every difference, as it is found; `tally` counts along."""
    with central.engines.reader.begin() as tx:
        for bucket in audit_book.buckets_in_use(tx):
            yield from _verify_bucket(tx, bucket, tally)
        for uid, unit, rest in audit_book.transit_left(tx):
            yield Difference(
                kind="transit",
                where=f"transfer {uid}",
                detail=f"{rest} {unit} left one member and reached no other",
            )
        waiting = audit_book.waiting_uids(tx)
        for register in register_book.read_registers(tx):
            tally.registers += 1
            yield from _verify_register(tx, register, waiting, tally)


def _verify_bucket(tx: sa.Connection, bucket: int, tally: Tally) -> Iterator[Difference]:
    for member_id, uid, unit, rest in audit_book.unbalanced_entries(tx, bucket):
        yield Difference(
            kind="entry-unbalanced",
            where=f"member {member_id} record {uid}",
            detail=f"postings of {unit} sum to {rest}",
        )
    for sums in audit_book.account_sums(tx, bucket):
        tally.accounts += 1
        yield from _verify_account(sums)
    for member_id, lease_id in audit_book.impossible_leases(tx, bucket):
        yield Difference(
            kind="lease-equation",
            where=f"member {member_id} lease {lease_id}",
            detail="spent, returned and written off are more than was granted",
        )
    for uid in audit_book.posted_without_outcome(tx, bucket, own=(TAG_OPENING, *OWN_TAGS)):
        yield Difference(
            kind="posting-without-outcome",
            where=f"record {uid}",
            detail="it has postings but is not known to be applied",
        )


def _verify_account(sums: AccountSums) -> Iterator[Difference]:
    where = f"member {sums.member_id} account {sums.account}"
    if sums.points != sums.postings:
        yield Difference(
            kind="balance",
            where=where,
            detail=f"balance {sums.points}, postings make {sums.postings}",
        )
    if sums.account.startswith(OWED_PREFIX):
        if sums.postings > 0:
            yield Difference(kind="owed", where=where, detail=f"above zero: {sums.postings}")
        return
    if not is_unit_account(sums.account):
        if sums.postings < 0:
            yield Difference(kind="counted", where=where, detail=f"below zero: {sums.postings}")
        return
    if sums.leased != sums.outstanding:
        yield Difference(
            kind="leased",
            where=where,
            detail=f"balance says {sums.leased} leased, leases hold {sums.outstanding}",
        )
    if sums.lots != sums.postings:
        yield Difference(
            kind="lots", where=where, detail=f"lots hold {sums.lots}, postings {sums.postings}"
        )
    if sums.points < 0 or sums.leased > sums.points:
        yield Difference(
            kind="overdrawn",
            where=where,
            detail=f"balance {sums.points} with {sums.leased} leased",
        )


def _verify_register(
    tx: sa.Connection,
    register: register_book.RegisterRow,
    waiting: set[str],
    tally: Tally,
) -> Iterator[Difference]:
    register_id = register.register_id
    parked = {
        (row.incarnation, row.seq, row.hash)
        for row in quarantine_book.read_parked(tx, register_id=register_id, states=(), limit=_ALL)
    }
    known = {
        uid: (bucket, member)
        for uid, bucket, member in audit_book.uids_of(tx, bucket_of(register_id), register_id)
    }
    keys = [(bucket, member, uid) for uid, (bucket, member) in known.items()]
    settled = {key[2] for key in sale_book.read_outcomes(tx, keys)}
    due = inbox.arrivals_due(tx, register_id)
    branches = {branch.hash: branch for branch in inbox.read_all_branches(tx, register_id)}
    heads: dict[str, tuple[int, str]] = {}
    after = 0
    while batches := inbox.read_batches(tx, register_id, after_arrival=after, limit=_FETCH):
        for batch in batches:
            tally.batches += 1
            try:
                hashes = content_hashes(batch)
                payload = b"" if batch.purged_ms else inflate(batch.body)
            except TesseraError as error:
                yield Difference(kind="batch-bytes", where=_name(batch), detail=error.message)
                continue
            yield from _verify_batch(register, batch, payload, hashes, branches, heads)
            if batch.purged_ms:
                tally.records += len(hashes)  # booked before their bytes were let go
            elif batch.arrival not in due:
                yield from _verify_settled(batch, split(payload), settled | waiting, parked, tally)
        after = batches[-1].arrival
    for branch in branches.values():
        if heads.get(branch.hash) != (branch.head_seq, branch.head_link):
            yield Difference(
                kind="branch-head",
                where=f"register {register_id} incarnation {branch.incarnation}",
                detail=f"head {branch.head_seq} is not where the batches end",
            )


def _verify_batch(
    register: register_book.RegisterRow,
    batch: BatchRow,
    payload: bytes,
    hashes: list[bytes],
    branches: dict[str, BranchRow],
    heads: dict[str, tuple[int, str]],
) -> Iterator[Difference]:
    where = _name(batch)
    head = msgspec.json.decode(batch.head, type=BatchHead)
    keys = [key for key in (register.public_key, register.public_key_before) if key]
    signed = [is_signed(bytes.fromhex(k), PURPOSE_BATCH, batch.head, batch.signature) for k in keys]
    # After several rotations the key of an old batch is no longer kept; then its chain speaks.
    if register.serial <= len(keys) and not any(signed):
        yield Difference(kind="batch-signature", where=where, detail="signature does not match")
    if not batch.purged_ms and content_hash(payload) != head.content_hash:
        yield Difference(kind="batch-hash", where=where, detail="content is not what was signed")
    start = Head(
        register=head.register,
        incarnation=head.incarnation,
        seq=head.first_seq - 1,
        link_hash=bytes.fromhex(head.previous_link),
    )
    links = [link.hex() for link in links_after(start, hashes)]
    reach = heads.get(batch.branch)
    expected = _link_before(batch, branches[batch.branch], reach)
    found = {head.first_seq - 1: head.previous_link}
    found |= dict(enumerate(links, start=head.first_seq))
    if links[-1] != head.last_link or found.get(expected[0]) != expected[1]:
        yield Difference(
            kind="chain", where=where, detail=f"does not go on from record {expected[0]}"
        )
    heads[batch.branch] = (batch.last_seq, head.last_link)


def _name(batch: BatchRow) -> str:
    return f"register {batch.register_id} batch {batch.first_seq}–{batch.last_seq}"


def _link_before(
    batch: BatchRow, branch: BranchRow, reach: tuple[int, str] | None
) -> tuple[int, str]:
    """The number and link that this batch must contain or follow."""
    if reach is not None:
        return reach
    return batch.first_seq - 1, branch.previous_link


def _verify_settled(
    batch: BatchRow,
    raws: list[bytes],
    settled: set[str],
    parked: set[tuple[str, int, str]],
    tally: Tally,
) -> Iterator[Difference]:
    for seq, raw in enumerate(raws, start=batch.first_seq):
        tally.records += 1
        if (batch.incarnation, seq, hashlib.sha256(raw).hexdigest()) in parked:
            continue
        try:
            uid = read_envelope(raw).uid
        except RecordMalformed:
            uid = ""
        if uid not in settled:
            yield Difference(
                kind="record-lost",
                where=f"register {batch.register_id} incarnation {batch.incarnation} seq {seq}",
                detail="neither booked nor parked nor waiting",
            )
