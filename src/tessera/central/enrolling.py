"""Members who were enrolled at a till, and replaced cards: whose each number is, decided once.

Owns: the claim of card and phone (the first record that is booked has them), the member that an
enrolment begins, and what tills hear of the cards. A claim that is refused stops nothing: the
member stands, earns, and waits for staff before anything is leased to them.
Must never: take a number from whoever has it, or see one in clear.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
import sqlalchemy as sa

from tessera.central import rows
from tessera.central.booking import Booked
from tessera.central.desk import Desk
from tessera.central.settling_books import Books, record_key
from tessera.central.work import Work
from tessera.core.cards import CARD_HASH_BYTES
from tessera.core.identity import is_name
from tessera.core.sale import EnrolmentBody, ReplacementBody
from tessera.store.central import enrolment_book, feed, member_book, sale_book
from tessera.store.central.enrolment_book import Enrolment
from tessera.store.central.image_rows import GONE
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.member_book import PHONE, STAFF, CardRecord, MemberRecord

REASON_EXISTS = "member_exists"
REASON_GONE = "member_gone"
CARD = "card"
TAGS = {CARD: "card-taken", PHONE: "phone-taken"}
"""Alarms for what was another member's already."""
ACTIVE, BLOCKED = "active", "blocked"


def claim_numbers(tx: sa.Connection, works: Sequence[Work]) -> None:
    """Fix whose cards and phones these records' are; what is refused is left with the work."""
    asking = [
        work
        for work in works
        if isinstance(work.body, EnrolmentBody | ReplacementBody) and not work.reason
    ]
    if not asking:
        return
    # A record that comes again must not take a number that has moved on since.
    known = sale_book.read_outcomes(tx, [record_key(work) for work in asking])
    members = member_book.read_members(tx, {(work.bucket, work.member_id) for work in asking})
    coming: set[MemberKey] = set()
    for work in asking:
        key = (work.bucket, work.member_id)
        before = known.get(record_key(work))
        if before is not None and before.state == sale_book.APPLIED:
            continue
        work.reason = _refusal(work, members.get(key))
        if work.reason:
            continue
        if isinstance(work.body, EnrolmentBody):
            coming.add(key)
        elif key not in members and key not in coming:
            continue  # booking parks it: nobody knows this member
        assert isinstance(work.body, EnrolmentBody | ReplacementBody)
        work.taken = tuple(
            kind
            for kind, number in _numbers(work.body)
            if _claimed(tx, work, kind, number) != key[1]
        )


def _refusal(work: Work, member: MemberRecord | None) -> str:
    """Why a record cannot be booked whatever becomes of its numbers; mostly empty."""
    body = work.body
    assert isinstance(body, EnrolmentBody | ReplacementBody)
    named = [number for _, number in _numbers(body)]
    if isinstance(body, ReplacementBody):
        named.append(_bytes(body.replaced_hash) if body.replaced_hash else b"\0" * CARD_HASH_BYTES)
    if not is_name(work.member_id) or any(len(one) != CARD_HASH_BYTES for one in named):
        return "malformed_body: a member's id or a card's hash is none"
    if isinstance(body, EnrolmentBody):
        return REASON_EXISTS if member is not None else ""
    return REASON_GONE if member is not None and member.status in GONE else ""


def _numbers(body: EnrolmentBody | ReplacementBody) -> list[tuple[str, bytes]]:
    """The kinds and hashes that a record claims."""
    claimed = [(CARD, body.card_hash)]
    if isinstance(body, EnrolmentBody):
        claimed.append((PHONE, body.phone_hash))
        claimed = [(kind, number) for kind, number in claimed if number]
    return [(kind, _bytes(number)) for kind, number in claimed]


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _claimed(tx: sa.Connection, work: Work, kind: str, number: bytes) -> str:
    """Whose the number is, once this record has asked for it."""
    assert isinstance(work.body, EnrolmentBody | ReplacementBody)
    card = CardRecord(
        card_hash=number,
        key_id=work.body.card_key_id,
        member_id=work.member_id,
        bucket=work.bucket,
        kind=PHONE if kind == PHONE else "",
    )
    return member_book.claim_card(tx, card)


def book_enrolment(books: Books, work: Work, body: EnrolmentBody | ReplacementBody) -> Booked:
    """Begin a member, known to the store of their register; or note a known member's new card.

    ValueError for a new member who is there already.
    """
    key = (work.bucket, work.member_id)
    if isinstance(body, EnrolmentBody):
        if key in books.members:
            raise ValueError("the member exists")
        books.members[key] = MemberRecord(
            bucket=work.bucket,
            member_id=work.member_id,
            version=1,
            home_store=body.place.store,
            home_register=work.register_id,
            joined=body.place.business_day.isoformat(),
            waits_for=" ".join(work.taken),
        )
        books.counted.add(key)
    books.new_enrolments.append(
        Enrolment(
            bucket=work.bucket,
            member_id=work.member_id,
            uid=work.uid,
            register_id=work.register_id,
            card_hash=body.card_hash,
            phone_hash=body.phone_hash if isinstance(body, EnrolmentBody) else "",
            replaced_hash=body.replaced_hash if isinstance(body, ReplacementBody) else "",
            taken=" ".join(work.taken),
            at_ms=work.received_ms,
        )
    )
    return Booked(postings=(), tags=tuple(TAGS[kind] for kind in work.taken), accounts=())


def hand_out(tx: sa.Connection, works: Iterable[Work], desk: Desk) -> None:
    """List the cards of booked enrolments with their members, end replaced ones, and tell tills.

    Once for each record, though it may be tried again after a stop in between.
    """
    due = {record_key(work): work for work in works}
    if not due:
        return
    found = enrolment_book.read(tx, due)
    members = member_book.read_members(tx, {key[:2] for key in due})
    changes: list[feed.Change] = []
    for key in sorted(found):
        enrolment, member = found[key], members.get(key[:2])
        if enrolment.is_done or member is None or member.status in GONE:
            continue
        cards = _given(tx, enrolment)
        body = due[key].body
        if isinstance(body, ReplacementBody):
            cards += _ended(tx, enrolment)
        member_book.write_cards(tx, cards)
        if member.home_store:
            base = desk.version_base
            changes += [rows.card_change(card, member.home_store, base) for card in cards]
    feed.append(tx, feed.CARDS, changes)
    enrolment_book.write(tx, [_done(one) for one in found.values()])


def _done(enrolment: Enrolment) -> Enrolment:
    return msgspec.structs.replace(enrolment, is_done=1)


def _given(tx: sa.Connection, enrolment: Enrolment) -> list[CardRecord]:
    """The numbers of an enrolment that are this member's."""
    named = [bytes.fromhex(one) for one in (enrolment.card_hash, enrolment.phone_hash) if one]
    held = member_book.read_cards(tx, named)
    return [held[one] for one in named if held[one].member_id == enrolment.member_id]


def _ended(tx: sa.Connection, enrolment: Enrolment) -> list[CardRecord]:
    """The cards that a new one replaces, which work no more: the one named, or all of them."""
    cards = member_book.read_member_cards(tx, [(enrolment.bucket, enrolment.member_id)])
    return [
        replace(card, status=BLOCKED, version=card.version + 1)
        for card in cards
        if card.status == ACTIVE
        and card.kind not in {PHONE, STAFF}
        and card.card_hash.hex() != enrolment.card_hash
        and enrolment.replaced_hash in {"", card.card_hash.hex()}
    ]
