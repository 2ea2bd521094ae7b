"""Blocks, erases and merges members, and lets go of what they no longer have.

Each of these touches several buckets and streams, so each is a row of steps that may be stopped
anywhere: the first writes what is to be done (a deed, state open), the others are harmless when run
again, the last closes it; central's worker goes on with what is open. Every block, erasure and
merge is told to all stores, also to those that should not know the member. Points stay in the
ledger: an erased member's lapse, a merged member's move by `transit`, and what is still leased
follows when it has come back. Must never: keep a personal field of an erased member, or take what
is leased.
"""

import json
from dataclasses import asdict, replace
from functools import partial

import msgspec
import sqlalchemy as sa

from tessera.central import moving, rows
from tessera.central.apart import Apart
from tessera.central.erasure_log import note_erasure, read_erasures
from tessera.central.granting import balance_changes, top_up
from tessera.central.leasing import is_held_back
from tessera.central.moving import Moved
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.core.identity import UID_RANDOM_BYTES, bucket_of, bucket_of_hash, new_uid
from tessera.core.ledger import Posting
from tessera.store.central import (
    deed_book,
    feed,
    feed_floor,
    ledger_book,
    member_book,
    member_erasing,
    register_book,
)
from tessera.store.central.accounts import MemberAccounts
from tessera.store.central.deed_book import Deed
from tessera.store.central.ledger_book import Entry, MemberKey
from tessera.store.central.member_book import MemberRecord, Profile

ACTIVE, BLOCKED, ERASED, MERGED = "active", "blocked", "erased", "merged"
GONE = (ERASED, MERGED)
TAG_MERGE, TAG_EXPIRY, TAG_ERASURE = "merge", "expiry", "erasure"
OWN_TAGS = (TAG_MERGE, TAG_EXPIRY, TAG_ERASURE, deed_book.RELEASE)
"""Entries that central makes itself: there is no record that they came from."""
AT_ONCE = 500


def block(central: Central, member_id: str, *, who: str, unblock: bool = False) -> bool:
    """Block a member, or lift that; False when it is so already. TesseraError for an unknown one.

    The home store keeps the member and shows them as blocked, every other store forgets them.
    """
    wanted = ACTIVE if unblock else BLOCKED
    with central.engines.writer.begin() as tx:
        member = _locked(tx, member_id)
        if member.status == wanted:
            return False
        state = register_book.read_central(tx)
        assert state is not None
        changed = msgspec.structs.replace(member, status=wanted, version=member.version + 1)
        member_book.write_members(tx, [changed])
        deed_book.write(
            tx,
            _deed(central, member.key, deed_book.UNBLOCK if unblock else deed_book.BLOCK, who),
        )
        version = state.version_base + changed.version
        told = _removals(tx, changed, version, reason=BLOCKED, but=changed.home_store)
        if changed.home_store:
            profile = member_book.read_profiles(tx, [member.key]).get(member.key, Profile())
            told.append(rows.member_change(changed, profile, state.version_base))
        feed.append(tx, feed.MEMBERS, told)
    return True


def erase(central: Central, member_id: str, *, who: str) -> bool:
    """Erase a member everywhere; False when that was done before. TesseraError for an unknown one.

    Profile and cards go, what is free in the accounts lapses, and nothing that central still serves
    holds the member's data. Sales and postings keep the id, which by then names nobody.
    """
    key = (bucket_of(member_id), member_id)
    with central.engines.writer.begin() as tx:
        member = _locked(tx, member_id, but_gone=False)
        if member.status == ERASED:
            return False
        # First of all outside the database: a restored one is to hear of it again.
        note_erasure(central.settings.data_dir, member_id, at_ms=central.now_ms(), who=who)
        deed = _deed(central, key, deed_book.ERASE, who, state=deed_book.OPEN)
        deed_book.write(tx, deed)
        _end_member(tx, member, ERASED)
        accounts = ledger_book.load(tx, [key])
        _post(tx, central, key, moving.forfeit(accounts[key]), TAG_ERASURE)
        ledger_book.save(tx, accounts)
    _finish_erasure(central, deed)
    return True


def merge(central: Central, member_id: str, into: str, *, who: str) -> None:
    """Make two members one: cards, points, debts and uses of the first go to the second.

    What is leased to a register stays until that has settled it, and then follows, as does what
    late records bring to the first. TesseraError when one is unknown, or they are the same.
    """
    if member_id == into:
        raise TesseraError("a member cannot be merged into themselves", hint="name two members")
    key = (bucket_of(member_id), member_id)
    with central.engines.writer.begin() as tx:
        # Both, in one order: merged into each other at once, both would be gone, and points would
        # follow to and fro for ever.
        both = sorted((member_id, into), key=lambda one: (bucket_of(one), one))
        member = {one: _locked(tx, one) for one in both}[member_id]
        accounts = ledger_book.load(tx, [key])
        deed = _take_out(
            tx, central, accounts[key], _deed(central, key, deed_book.MERGE, who, other=into)
        )
        _end_member(tx, member, MERGED)
        ledger_book.save(tx, accounts)
    _finish_merge(central, deed)


def finish_open(central: Central, apart: Apart | None = None) -> int:
    """Go on with deeds that were stopped; how many there were."""
    apart = apart or Apart(central.now_ms)
    with central.engines.reader.begin() as tx:
        found = deed_book.read_open(tx, limit=AT_ONCE)
    for deed in found:
        finish = _finish_erasure if deed.what == deed_book.ERASE else _finish_merge
        step = partial(finish, central, deed)
        apart.attempt("going on with a deed", step, about=deed.uid, otherwise=None)
    return len(found)


def follow(central: Central, apart: Apart | None = None) -> int:
    """Let what has come back to members who are gone lapse or move on; how many there were."""
    apart = apart or Apart(central.now_ms)
    with central.engines.reader.begin() as tx:
        found = {deed.key: deed for deed, _ in deed_book.read_arrived(tx, limit=AT_ONCE)}
    for deed in found.values():
        step = partial(_follow_one, central, deed)
        apart.attempt("following a member who is gone", step, about=deed.member_id, otherwise=None)
    return len(found)


def expire_points(central: Central, today: str, apart: Apart | None = None) -> int:
    """Take points whose day has come, as entries of the ledger; how many members had some.

    What is leased stays until the register has settled it; after a restore everything stays of
    members whose home store, or a register that holds a lease of theirs, has not presented yet.
    """
    apart = apart or Apart(central.now_ms)
    seen = 0
    after: MemberKey = (-1, "")
    while True:
        with central.engines.reader.begin() as tx:
            keys = deed_book.members_with_expired(tx, today, after=after, limit=AT_ONCE)
        for key in keys:
            step = partial(_expire_one, central, key, today)
            seen += apart.attempt("expiring a member's points", step, about=key[1], otherwise=False)
        if len(keys) < AT_ONCE:
            return seen
        # Never the same ones only: who must wait keeps nobody else waiting.
        after = keys[-1]


def replay_erasures(central: Central) -> int:
    """Erase again who was erased before a restored backup was made; how many there were."""
    done = 0
    for member_id in read_erasures(central.settings.data_dir).member_ids:
        with central.engines.reader.begin() as tx:
            found = member_book.read_members(tx, [(bucket_of(member_id), member_id)])
        if any(member.status != ERASED for member in found.values()):
            done += erase(central, member_id, who="replayed after a restore")
    return done


# ---- steps ----------------------------------------------------------------------------------


def _locked(tx: sa.Connection, member_id: str, *, but_gone: bool = True) -> MemberRecord:
    found = member_book.lock_members(tx, [(bucket_of(member_id), member_id)])
    if not found:
        raise TesseraError(
            f"member {member_id} is unknown", hint="tessera central ledger finds members by id"
        )
    (member,) = found.values()
    if but_gone and member.status in GONE:
        raise TesseraError(
            f"member {member_id} was {member.status}", hint="nothing is left that could be changed"
        )
    return member


def _deed(
    central: Central,
    key: MemberKey,
    what: str,
    who: str,
    *,
    other: str = "",
    state: str = deed_book.DONE,
) -> Deed:
    at_ms = central.now_ms()
    return Deed(
        bucket=key[0],
        member_id=key[1],
        uid=new_uid(at_ms, central.random(UID_RANDOM_BYTES)),
        what=what,
        who=who[:100],
        at_ms=at_ms,
        other=other,
        state=state,
    )


def _end_member(tx: sa.Connection, member: MemberRecord, status: str) -> None:
    """The member without anything personal, and a removal for every store."""
    state = register_book.read_central(tx)
    assert state is not None
    ended = MemberRecord(
        bucket=member.bucket,
        member_id=member.member_id,
        version=member.version + 1,
        status=status,
        visits=member.visits,
        lifetime_spend_minor=member.lifetime_spend_minor,
        period_spend_minor=member.period_spend_minor,
    )
    member_book.write_members(tx, [ended])
    member_erasing.drop_profile(tx, member.key)
    version = state.version_base + ended.version
    feed.append(tx, feed.MEMBERS, _removals(tx, ended, version, reason=status))


def _removals(
    tx: sa.Connection, member: MemberRecord, version: int, *, reason: str, but: str = ""
) -> list[feed.Change]:
    return [
        rows.removal_change(
            member.bucket,
            rows.store_audience(store.store_id),
            what="member",
            key=member.member_id,
            version=version,
            reason=reason,
        )
        for store in register_book.read_stores(tx)
        if store.store_id != but
    ]


def _post(
    tx: sa.Connection,
    central: Central,
    key: MemberKey,
    postings: tuple[Posting, ...],
    tag: str,
    *,
    uid: str = "",
) -> None:
    """Write an entry; the accounts it changed are the caller's to save."""
    if postings:
        uid = uid or new_uid(central.now_ms(), central.random(UID_RANDOM_BYTES))
        entry = Entry(bucket=key[0], member_id=key[1], uid=uid, postings=postings, tag=tag)
        ledger_book.post(tx, [entry])


def _take_out(tx: sa.Connection, central: Central, state: MemberAccounts, deed: Deed) -> Deed:
    """Take what is free out of a merged member's accounts; the deed says where it goes."""
    postings, moved = moving.take_everything(state)
    body = json.dumps([asdict(one) for one in moved]).encode()
    deed = replace(deed, state=deed_book.OPEN, body=body)
    deed_book.write(tx, deed)
    _post(tx, central, deed.key, postings, TAG_MERGE, uid=deed.uid)
    return deed


def _follow_one(central: Central, known: Deed) -> None:
    key = known.key
    with central.engines.writer.begin() as tx:
        member_book.lock_members(tx, [key])
        accounts = ledger_book.load(tx, [key])
        if known.what == deed_book.ERASE:
            _post(tx, central, key, moving.forfeit(accounts[key]), TAG_ERASURE)
            deed = None
        else:
            again = _deed(central, key, deed_book.MERGE, known.who, other=known.other)
            deed = _take_out(tx, central, accounts[key], again)
        ledger_book.save(tx, accounts)
    if deed is not None:
        _finish_merge(central, deed)


def _finish_merge(central: Central, deed: Deed) -> None:
    into = (bucket_of(deed.other), deed.other)
    moved = [Moved(**one) for one in json.loads(deed.body)]
    with central.engines.writer.begin() as tx:
        members = member_book.lock_members(tx, [into])
        if not any(one.uid == deed.uid for one in deed_book.read(tx, into)):
            desk = central.desk()
            accounts = ledger_book.load(tx, [into])
            postings = moving.put_in(accounts[into], moved, uid=deed.uid)
            _post(tx, central, into, postings, TAG_MERGE, uid=deed.uid)
            deed_book.write(
                tx,
                replace(
                    deed,
                    bucket=into[0],
                    member_id=into[1],
                    what=deed_book.MERGED_FROM,
                    other=deed.member_id,
                    state=deed_book.DONE,
                    body=b"[]",
                ),
            )
            changes = top_up(tx, members.values(), accounts, desk)
            changes += balance_changes(members, accounts, desk.version_base)
            ledger_book.save(tx, accounts)
            feed.append(tx, feed.MEMBERS, changes)
    _hand_over_cards(central, deed.key, into)
    with central.engines.writer.begin() as tx:
        deed_book.write(tx, replace(deed, state=deed_book.DONE))


def _hand_over_cards(central: Central, key: MemberKey, into: MemberKey | None) -> None:
    """Give a member's cards to another, or to nobody; card by card, each in its own bucket."""
    with central.engines.reader.begin() as tx:
        cards = member_book.read_member_cards(tx, [key])
        homes = {} if into is None else member_book.read_members(tx, [into])
        stores = [store.store_id for store in register_book.read_stores(tx)]
        state = register_book.read_central(tx)
    assert state is not None
    home = homes[into].home_store if into is not None else ""
    for card in cards:
        handed = replace(
            card,
            version=card.version + 1,
            member_id=into[1] if into else "",
            bucket=into[0] if into else 0,
            status=card.status if into else ERASED,
        )
        with central.engines.writer.begin() as tx:
            if into is None:
                member_erasing.orphan_card(tx, handed)
            else:
                member_book.write_cards(tx, [handed])
            member_erasing.unlist_cards(tx, key, [card])
            told = [
                rows.removal_change(
                    bucket_of_hash(card.card_hash),
                    rows.store_audience(store),
                    what="card",
                    key=card.card_hash.hex(),
                    version=state.version_base + handed.version,
                    reason=handed.status if into is None else MERGED,
                )
                for store in stores
                if store != home
            ]
            if home:
                told.append(rows.card_change(handed, home, state.version_base))
            feed.append(tx, feed.CARDS, told)


def _finish_erasure(central: Central, deed: Deed) -> None:
    _hand_over_cards(central, deed.key, None)
    with central.engines.reader.begin() as tx:
        state = register_book.read_central(tx)
        stores = [store.store_id for store in register_book.read_stores(tx)]
        before = [one.other for one in deed_book.read(tx, deed.key)]
    assert state is not None
    for store in stores:
        audience = rows.store_audience(store)
        with central.engines.writer.begin() as tx:
            # An image that was begun before now may hold the member; a later one cannot.
            head = feed.audience_head(tx, audience, state.generation)
            feed_floor.raise_floor(tx, audience, state.generation, images_from=head + 1)
    for member_id in (deed.member_id, *filter(None, before)):
        with central.engines.reader.begin() as tx:
            found = member_erasing.traces(tx, member_id)
        for trace in found:
            with central.engines.writer.begin() as tx:
                feed_floor.raise_floor(
                    tx, trace.audience, trace.generation, segments_after=trace.number
                )
                member_erasing.drop_segments(
                    tx, trace.audience, trace.generation, up_to=trace.number
                )
    with central.engines.writer.begin() as tx:
        deed_book.write(tx, replace(deed, state=deed_book.DONE))
    member_erasing.flush_log(central.engines.writer)


def _expire_one(central: Central, key: MemberKey, today: str) -> bool:
    with central.engines.writer.begin() as tx:
        members = member_book.lock_members(tx, [key])
        desk = central.desk()
        accounts = ledger_book.load(tx, members)
        if key not in accounts:
            return False
        awaited = register_book.read_awaited(tx, desk.generation) if desk.is_awaiting else {}
        if awaited and is_held_back(accounts[key], members[key].home_store, awaited):
            return False  # what seems free may be leased by a grant that was forgotten
        postings = moving.expire(accounts[key], today)
        if not postings:
            return False
        _post(tx, central, key, postings, TAG_EXPIRY)
        changes = balance_changes(members, accounts, desk.version_base)
        ledger_book.save(tx, accounts)
        feed.append(tx, feed.MEMBERS, changes)
    return True
