"""Adds members with their cards and first balances, one or a million at a time.

Owns: what a new member looks like and what is refused. A member who exists is changed, never given
an opening balance twice. Must never: keep a card number; only its keyed hash is stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import sqlalchemy as sa

from tessera.central import rows
from tessera.central.booking import book_opening
from tessera.central.granting import balance_changes, check_generation, top_up
from tessera.central.opening import Central
from tessera.core.cards import masked
from tessera.core.errors import TesseraError
from tessera.core.identity import UID_RANDOM_BYTES, bucket_of, is_name, new_uid
from tessera.core.money import UNITS_MAX
from tessera.store.central import feed, image_rows, ledger_book, member_book
from tessera.store.central.ledger_book import Entry, MemberKey
from tessera.store.central.member_book import CardRecord, MemberRecord, Profile

CHUNK = 1_000
TAG_OPENING = "opening"
CARDS_MAX = 20
TEXT_MAX = 500
"""Longest name that tills take; a page of the feed with a longer one is refused whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A member as staff or another system names them.

    `display_name` is what a till shows, short ("A. M."). `opening`: first balances by unit. What is
    empty or None stays as it is when the member exists. `staff_number`: by which a POS names them
    as its cashier; kept as a keyed hash beside the cards.
    """

    member_id: str = ""
    display_name: str = ""
    language: str = ""
    birthday: str = ""
    tier: str = ""
    home_store: str = ""
    joined: str = ""
    staff: bool | None = None
    staff_number: str = ""
    segments: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()
    opening: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What came of it: ids of new members and of those that existed and were changed."""

    new: tuple[str, ...]
    changed: tuple[str, ...]


def add_members(central: Central, members: Sequence[NewMember]) -> Added:
    """Add or change members, a thousand in a transaction.

    TesseraError for an id, amount or card that cannot be; nothing of its thousand is written.
    """
    new: list[str] = []
    changed: list[str] = []
    for chunk in _chunks([_named(central, member) for member in members]):
        hashed = _hashed_cards(central, chunk)
        with central.engines.reader.begin() as tx:
            _check_holders(tx, hashed)
        for group in _groups(central, chunk):
            with central.engines.writer.begin() as tx:
                part = _write_members(tx, central, group)
                new += part.new
                changed += part.changed
        with central.engines.writer.begin() as tx:
            _write_cards(tx, central, chunk, hashed)
    return Added(new=tuple(new), changed=tuple(changed))


def top_up_store(central: Central, store_id: str) -> int:
    """Lease what is free to the members of a store whose register has just been enrolled.

    Harmless when run again; how many members were looked at.
    """
    desk = central.desk()
    seen = 0
    after: MemberKey = (-1, "")
    while True:
        with central.engines.reader.begin() as tx:
            keys = member_book.members_of_store(tx, store_id, after=after, limit=CHUNK)
        if not keys:
            return seen
        groups: list[list[MemberKey]] = [keys]
        if not central.settings.database.spans_buckets:
            groups = [[key for key in keys if key[0] == bucket] for bucket, _ in dict(keys).items()]
        for group in groups:
            with central.engines.writer.begin() as tx:
                members = member_book.lock_members(tx, group)
                accounts = ledger_book.load(tx, members)
                changes = top_up(tx, members.values(), accounts, desk)
                changes += balance_changes(members, accounts, desk.version_base)
                check_generation(tx, desk)
                ledger_book.save(tx, accounts)
                feed.append(tx, feed.MEMBERS, changes)
        seen += len(keys)
        after = keys[-1]


def _named(central: Central, member: NewMember) -> NewMember:
    member_id = member.member_id or new_uid(central.now_ms(), central.random(UID_RANDOM_BYTES))
    if not is_name(member_id):
        raise TesseraError(
            f"{member_id!r} cannot be a member's id",
            hint="1 to 64 letters, digits and . _ : / -, beginning with a letter or digit",
        )
    texts = (member.display_name, member.language, member.tier, member.home_store)
    for text in (*texts, *member.segments):
        if len(text) > TEXT_MAX or "\0" in text:
            raise TesseraError(
                f"member {member_id}: a text of {len(text)} characters cannot be taken",
                hint=f"names, tiers, stores and segments have at most {TEXT_MAX}, none of them NUL",
            )
    for unit, amount in member.opening.items():
        if not is_name(unit) or not 0 <= amount <= UNITS_MAX:
            raise TesseraError(
                f"member {member_id}: an opening balance of {amount} {unit!r} cannot be",
                hint="write unit=amount with a whole amount, such as points=120",
            )
    if len(member.cards) > CARDS_MAX:
        raise TesseraError(
            f"member {member_id} has {len(member.cards)} cards; {CARDS_MAX} at most", hint=""
        )
    return replace(member, member_id=member_id)


def _chunks(members: list[NewMember]) -> Iterator[list[NewMember]]:
    for start in range(0, len(members), CHUNK):
        yield members[start : start + CHUNK]


def _groups(central: Central, chunk: list[NewMember]) -> list[list[NewMember]]:
    if central.settings.database.spans_buckets:
        return [chunk]
    groups: dict[int, list[NewMember]] = {}
    for member in chunk:
        groups.setdefault(bucket_of(member.member_id), []).append(member)
    return [groups[bucket] for bucket in sorted(groups)]


def _write_members(tx: sa.Connection, central: Central, chunk: list[NewMember]) -> Added:
    desk = central.desk()
    keys = [(bucket_of(member.member_id), member.member_id) for member in chunk]
    known = member_book.lock_members(tx, keys)
    wanted = dict(zip(keys, chunk, strict=True))
    for gone in known.values():
        if gone.status in image_rows.GONE:
            raise TesseraError(
                f"member {gone.member_id} was {gone.status}",
                hint="give the new member an id of their own",
            )
    records = {key: _record(key, member, known.get(key)) for key, member in sorted(wanted.items())}
    before = member_book.read_profiles(tx, keys)
    profiles = {key: _profile(member, before.get(key, Profile())) for key, member in wanted.items()}
    member_book.write_members(tx, list(records.values()))
    member_book.write_profiles(tx, profiles)
    accounts = ledger_book.load(tx, records)
    entries: list[Entry] = []
    for key, member in wanted.items():
        if key in known:
            continue
        for unit, amount in sorted(member.opening.items()):
            uid = new_uid(central.now_ms(), central.random(UID_RANDOM_BYTES))
            booked = book_opening(accounts[key], unit, amount, uid=uid)
            entries.append(
                Entry(
                    bucket=key[0],
                    member_id=key[1],
                    uid=uid,
                    postings=booked.postings,
                    tag=TAG_OPENING,
                )
            )
    ledger_book.post(tx, entries)
    changes: list[feed.Change] = []
    for key, record in records.items():
        earlier = known.get(key)
        if earlier is not None and earlier.home_store not in {"", record.home_store}:
            changes.append(_moved_away(earlier, record, desk.version_base))
        if record.home_store:
            changes.append(rows.member_change(record, profiles[key], desk.version_base))
    changes += top_up(tx, records.values(), accounts, desk)
    for key, state in accounts.items():
        if key in known and known[key].home_store != records[key].home_store:
            state.changed_accounts |= set(state.accounts)  # the new store has not heard of them
    changes += balance_changes(records, accounts, desk.version_base)
    ledger_book.save(tx, accounts)
    feed.append(tx, feed.MEMBERS, changes)
    return Added(
        new=tuple(key[1] for key in wanted if key not in known),
        changed=tuple(key[1] for key in wanted if key in known),
    )


def _record(key: MemberKey, member: NewMember, known: MemberRecord | None) -> MemberRecord:
    record = known or MemberRecord(bucket=key[0], member_id=key[1])
    moved = bool(member.home_store) and member.home_store != record.home_store
    return msgspec.structs.replace(
        record,
        version=record.version + 1,
        tier=member.tier or record.tier,
        tier_since="" if member.tier else record.tier_since,
        home_store=member.home_store or record.home_store,
        home_register="" if moved else record.home_register,
        joined=member.joined or record.joined,
        staff=record.staff if member.staff is None else member.staff,
        segments=member.segments or record.segments,
    )


def _profile(member: NewMember, known: Profile) -> Profile:
    return msgspec.structs.replace(
        known,
        display_name=member.display_name or known.display_name,
        language=member.language or known.language,
        birthday=member.birthday or known.birthday,
    )


def _moved_away(before: MemberRecord, record: MemberRecord, base: int) -> feed.Change:
    return rows.removal_change(
        before.bucket,
        rows.store_audience(before.home_store),
        what="member",
        key=before.member_id,
        version=base + record.version,
        reason="moved",
    )


def _hashed_cards(central: Central, chunk: list[NewMember]) -> dict[bytes, tuple[MemberKey, str]]:
    """The cards of these members by their hash, with whose they are and how they may be shown."""
    hashed: dict[bytes, tuple[MemberKey, str]] = {}
    for member in chunk:
        key = (bucket_of(member.member_id), member.member_id)
        numbers = [(number, central.keys.cards.card) for number in member.cards]
        if member.staff_number:
            numbers.append((member.staff_number, central.keys.cards.staff))
        for number, hashing in numbers:
            try:
                card_hash = hashing(number)
            except ValueError as error:
                raise TesseraError(
                    f"member {member.member_id}: {error}", hint="check the card's number"
                ) from error
            holder, shown = hashed.setdefault(card_hash, (key, masked(number)))
            if holder != key:
                raise _two_holders(shown, holder[1])
    return hashed


def _check_holders(tx: sa.Connection, hashed: dict[bytes, tuple[MemberKey, str]]) -> None:
    known = member_book.read_cards(tx, hashed)
    for card_hash, card in known.items():
        key, shown = hashed[card_hash]
        if card.member_id not in {"", key[1]}:
            raise _two_holders(shown, card.member_id)


def _two_holders(shown: str, member_id: str) -> TesseraError:
    return TesseraError(
        f"card or staff number {shown} belongs to member {member_id}",
        hint="each has one member; give this one another",
    )


def _write_cards(
    tx: sa.Connection,
    central: Central,
    chunk: list[NewMember],
    hashed: dict[bytes, tuple[MemberKey, str]],
) -> None:
    """Write new cards, and tell home stores of every card of these members.

    Also of known ones: a member who has moved is new to the store.
    """
    base = central.state().version_base
    keys = [(bucket_of(member.member_id), member.member_id) for member in chunk]
    cards = {card.card_hash: card for card in member_book.read_member_cards(tx, keys)}
    before = member_book.read_cards(tx, hashed.keys() - cards.keys())
    for card_hash, (key, _shown) in hashed.items():
        cards.setdefault(
            card_hash,
            CardRecord(
                card_hash=card_hash,
                key_id=central.keys.cards.key_id,
                member_id=key[1],
                bucket=key[0],
                version=before[card_hash].version if card_hash in before else 0,
            ),
        )
    raised = [replace(card, version=card.version + 1) for _, card in sorted(cards.items())]
    member_book.write_cards(tx, raised)
    homes = member_book.read_members(tx, keys)
    feed.append(
        tx,
        feed.CARDS,
        [
            rows.card_change(card, home, base)
            for card in raised
            if (home := homes[card.bucket, card.member_id].home_store)
        ],
    )
