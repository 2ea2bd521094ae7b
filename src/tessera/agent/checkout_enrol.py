"""Enrolling a customer at the till, and replacing a card: recorded at once, confirmed by central.

Owns: what is refused before anything is written, the record (ids and keyed hashes alone), and the
personal message that is kept beside it until central has it.
Must never: put a name, a phone number or an address into a record, an answer or a log line.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from msgspec.structs import replace

from tessera.agent import api_answers, api_shapes
from tessera.agent.api_answers import as_json
from tessera.agent.checkout_commit import (
    Writing,
    answer_again,
    digest_of,
    draft_of,
    find_first,
    mint_uid,
    write_record,
)
from tessera.agent.checkout_member import ACTIVE, ScannedCard
from tessera.agent.enrolment_wanted import Wanted, member_card, recording_hasher, wanted_by
from tessera.agent.notices import notice, worded
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.identity import SaleKey
from tessera.core.profile import short_name
from tessera.core.sale import KIND_ENROLMENT, KIND_REPLACEMENT, EnrolmentBody, ReplacementBody
from tessera.devices.card_formats import CardFormat
from tessera.store.till import cached_members, enrolled
from tessera.store.till.values import CachedMember
from tessera.sync.records import encoded

ENROLMENTS = "enrolments"
EVERY_DAY = date(1970, 1, 1)
"""An enrolment's id stands for the same one on whatever day it is repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What became of it: the answer, and by which card (or phone) an open sale knows the member."""

    answer: bytes
    known_by: ScannedCard


def enrolment_key(store: str, pos: str, enrolment_id: str) -> SaleKey:
    """Under which key an enrolment stands: by the POS and its own id for it."""
    named = hashlib.sha256(f"{pos} {enrolment_id}".encode()).hexdigest()[:40]
    return SaleKey(
        store=store, pos=ENROLMENTS, business_day=EVERY_DAY, sale_id=f"enrolment:{named}"
    )


async def enrol(
    state: TillState,
    pos: PairedPos,
    given: api_shapes.EnrolGiven,
    formats: tuple[CardFormat, ...],
    *,
    attached_to: str,
) -> Enrolled:
    """Record an enrolment or a replacement; its answer once durable.

    ApiProblem when the card cannot be given to anybody, or nothing is recorded here now.
    """
    wanted = wanted_by(state, pos, given, formats)
    if given.replaces is None:
        return await enrol_card(state, pos, wanted, attached_to=attached_to)
    old = member_card(state, given.replaces.card, "", formats, field="replaces.card")
    return await _replace(state, pos, wanted, given.replaces.member_id, old, attached_to)


async def enrol_card(
    state: TillState, pos: PairedPos, wanted: Wanted, *, attached_to: str = ""
) -> Enrolled:
    """Record an enrolment whose card and phone are hashed already."""
    hasher, uid = recording_hasher(state), mint_uid(state)
    key = enrolment_key(wanted.place.store, pos.name, wanted.enrolment_id)
    card, phone = wanted.card.card_hash, wanted.phone.card_hash
    digest = digest_of(KIND_ENROLMENT, card.hex(), phone.hex())
    if (first := find_first(state, key)) is not None:
        again = answer_again(first, digest, what="enrolment")
        known_by = _known_by(state, wanted, json.loads(again)["member_id"])
        return Enrolled(answer=again, known_by=known_by)
    member_id = mint_uid(state)
    with state.engines.reader.connect() as connection:
        _refuse_taken(connection, card)
    known_by = _known_by(state, wanted, member_id)
    body = EnrolmentBody(
        key=key,
        place=wanted.place,
        member_id=member_id,
        card_hash=card.hex(),
        phone_hash=phone.hex(),
        card_key_id=hasher.key_id if card or phone else 0,
    )
    told = wanted.profile
    message = b""
    if told is not None:
        now_ms = state.clock.wall_ms()
        message = encoded(replace(told, uid=uid, member_id=member_id, given_ms=now_ms))
    member = CachedMember(
        member_id=member_id,
        version=enrolled.UNSETTLED,
        display_name=short_name(told.name) if told else "",
        language=told.language if told else "",
        birthday=told.birthday if told else "",
        joined=wanted.place.business_day,
    )

    def also(tx: sa.Connection) -> None:
        _refuse_taken(tx, card)  # Again: another POS may have been first.
        enrolled.keep_member(tx, uid, member, message)
        for number, kind in ((card, enrolled.CARD), (phone, enrolled.PHONE)):
            if number and cached_members.find_by_card(tx, number) is None:
                enrolled.keep_card(tx, uid, number, member_id=member_id, kind=kind)

    answer = await _write(
        state,
        _Record(
            uid=uid, key=key, digest=digest, kind=KIND_ENROLMENT, body=encoded(body), also=also
        ),
        wanted,
        member_id=member_id,
        result="enrolled",
        attached_to=attached_to if known_by.card_hash else "",
    )
    return Enrolled(answer=answer, known_by=known_by)


async def _replace(
    state: TillState,
    pos: PairedPos,
    wanted: Wanted,
    member_id: str | None,
    old: ScannedCard,
    attached_to: str,
) -> Enrolled:
    if bool(old.card_hash) == bool(member_id):
        raise ApiProblem(
            "field_wrong",
            "exactly one of card and member_id is needed",
            field="replaces",
            hint="send the old card's number, or the member_id of a look-up when it is lost",
        )
    if not wanted.card.card_hash or wanted.phone.card_hash or wanted.profile is not None:
        raise ApiProblem(
            "field_wrong",
            "a replacement takes the new card and nothing else",
            field="card",
            hint="send card and replaces; the member's data stay as they are",
        )
    hasher, uid = recording_hasher(state), mint_uid(state)
    key = enrolment_key(wanted.place.store, pos.name, wanted.enrolment_id)
    digest = digest_of(
        KIND_REPLACEMENT, wanted.card.card_hash.hex(), old.card_hash.hex(), member_id or ""
    )
    if (first := find_first(state, key)) is not None:
        return Enrolled(answer=answer_again(first, digest, what="enrolment"), known_by=wanted.card)
    member = _whose(state, member_id, old)
    with state.engines.reader.connect() as connection:
        _refuse_taken(connection, wanted.card.card_hash)
    body = ReplacementBody(
        key=key,
        place=wanted.place,
        member_id=member.member_id,
        card_hash=wanted.card.card_hash.hex(),
        card_key_id=hasher.key_id,
        replaced_hash=old.card_hash.hex(),
    )

    def also(tx: sa.Connection) -> None:
        _refuse_taken(tx, wanted.card.card_hash)
        # Whose number a known hash is, a phone's or a card's, only central can tell.
        lost = [old.card_hash] if old.card_hash else enrolled.cards_of(tx, member.member_id)
        for one in lost:
            enrolled.keep_card(
                tx, uid, one, member_id=member.member_id, kind=enrolled.CARD, works=False
            )
        enrolled.keep_card(
            tx, uid, wanted.card.card_hash, member_id=member.member_id, kind=enrolled.CARD
        )

    answer = await _write(
        state,
        _Record(
            uid=uid, key=key, digest=digest, kind=KIND_REPLACEMENT, body=encoded(body), also=also
        ),
        wanted,
        member_id=member.member_id,
        result="replaced",
        attached_to=attached_to,
    )
    return Enrolled(answer=answer, known_by=wanted.card)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    uid: str
    key: SaleKey
    digest: bytes
    kind: str
    body: bytes
    also: Callable[[sa.Connection], None]


async def _write(
    state: TillState,
    record: _Record,
    wanted: Wanted,
    *,
    member_id: str,
    result: str,
    attached_to: str,
) -> bytes:
    told = api_answers.EnrolAnswer(
        result=result,
        enrolment_id=wanted.enrolment_id,
        member_id=member_id,
        mode=state.mode,
        attached_to=attached_to,
        notices=worded((notice("enrolled_here"),), state.settings.language),
        uid=record.uid,
    )
    draft = draft_of(
        state,
        kind=record.kind,
        day=wanted.place.business_day,
        bundle="",
        body=record.body,
        uid=record.uid,
    )
    writing = Writing(
        uid=record.uid,
        key=record.key,
        digest=record.digest,
        record=lambda _connection: (draft, as_json(told), ()),
        also=record.also,
    )
    answer = await write_record(state, writing, what="enrolment")
    state.send_profiles()
    return answer


def _whose(state: TillState, member_id: str | None, old: ScannedCard) -> CachedMember:
    """The member whose card is replaced; ApiProblem when this register does not know them."""
    with state.engines.reader.connect() as connection:
        if member_id:
            found = cached_members.find_by_id(connection, member_id)
        else:
            found = cached_members.find_by_card(connection, old.card_hash)
    if found is None:
        raise ApiProblem(
            "member_unknown",
            "this register knows no such member",
            field="replaces",
            hint="replace the card at a register of the member's own store",
        )
    if found.status != ACTIVE:
        raise ApiProblem(
            "enrolment_refused",
            f"the member's state is {found.status}",
            field="replaces",
            hint="only a card that works is replaced; ask at the service desk",
        )
    if member_id and found.staff:
        raise ApiProblem(
            "enrolment_refused",
            "a member of the staff has more numbers than cards",
            field="replaces",
            hint="name the old card itself: replaces.card",
        )
    return found


def _known_by(state: TillState, wanted: Wanted, member_id: str) -> ScannedCard:
    """By what an open sale finds the member; not by a phone that is somebody else's here."""
    if wanted.card.card_hash or not wanted.phone.card_hash:
        return wanted.card
    with state.engines.reader.connect() as connection:
        found = cached_members.find_by_phone(connection, wanted.phone.card_hash)
    return wanted.phone if found is None or found.member_id == member_id else ScannedCard()


def _refuse_taken(connection: sa.Connection, card_hash: bytes) -> None:
    """A card that is a member's already, as far as this register knows."""
    if card_hash and cached_members.find_by_card(connection, card_hash) is not None:
        raise ApiProblem(
            "enrolment_refused",
            "this card is a member's already",
            field="card",
            hint="take another card; POST /v1/members/lookup says whose this is",
        )
