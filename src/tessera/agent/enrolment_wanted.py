"""What a till is asked to enrol: card and phone as their hashes, the person in normal form.

Owns: what of it is refused before anything is written.
Must never: record anything, or put a number in clear into a message.
"""

from dataclasses import dataclass

from tessera.agent import api_shapes
from tessera.agent.checkout_basket import business_day_of, local_time
from tessera.agent.checkout_member import ScannedCard
from tessera.agent.checkout_original import place_here
from tessera.agent.checkout_recognise import CARD_KINDS, classify_given
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.basket import Place
from tessera.core.cards import CardHasher, masked, normal_phone
from tessera.core.profile import normal_birthday, normal_email, normal_name
from tessera.devices.card_formats import CardFormat
from tessera.sync.profile_wire import Consent, ProfileMessage

NO_CARD = ScannedCard()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An enrolment as it was asked for, numbers as their hashes."""

    enrolment_id: str
    card: ScannedCard
    place: Place
    phone: ScannedCard = NO_CARD
    profile: ProfileMessage | None = None


def wanted_by(
    state: TillState,
    pos: PairedPos,
    given: api_shapes.EnrolGiven,
    formats: tuple[CardFormat, ...],
) -> Wanted:
    """What a POS asks for. ApiProblem for a field that is wrong, or where nothing is recorded."""
    hasher = recording_hasher(state)  # first: without it there is no place either
    at = local_time(given.store_time, wall_ms=state.clock.wall_ms(), zone=state.zone)
    return Wanted(
        enrolment_id=given.enrolment_id,
        place=place_here(state, pos, at, business_day_of(given.business_day, at)),
        card=member_card(state, given.card, given.symbology, formats, field="card"),
        phone=_phone(given.phone, hasher),
        profile=_profile(given),
    )


def wanted_here(state: TillState, pos: PairedPos, card: ScannedCard, sale_id: str) -> Wanted:
    """An enrolment by one key: a card alone, now. Pressed twice for a sale, it is the same one."""
    recording_hasher(state)
    at = local_time(None, wall_ms=state.clock.wall_ms(), zone=state.zone)
    day = business_day_of(None, at)
    return Wanted(
        enrolment_id=f"{day} {sale_id} {card.card_hash.hex()}",
        card=card,
        place=place_here(state, pos, at, day),
    )


def recording_hasher(state: TillState) -> CardHasher:
    """What hashes numbers here; ApiProblem where nothing is recorded now."""
    if state.identity is None or state.hasher is None or state.settings.training:
        raise ApiProblem(
            "enrolment_refused",
            "this register records nothing now",
            hint="enrol at a register that is known to central and not in training",
        )
    return state.hasher


def member_card(
    state: TillState,
    code: str | None,
    symbology: str,
    formats: tuple[CardFormat, ...],
    *,
    field: str,
) -> ScannedCard:
    """A member's card by its hash; ApiProblem for a code that is none."""
    if code is None:
        return ScannedCard()
    scan = api_shapes.ScanGiven(code=code, symbology=symbology)
    kind, number, reason = classify_given(scan, formats, state.programme)
    if kind not in CARD_KINDS:
        raise ApiProblem(
            "enrolment_refused",
            f"this is no member card: {reason or kind}",
            field=field,
            hint="scan a card of a member's format; tessera devices decode says what a code is",
        )
    return ScannedCard(card_hash=recording_hasher(state).card(number), shown=masked(number))


def _phone(number: str | None, hasher: CardHasher) -> ScannedCard:
    if number is None:
        return ScannedCard()
    try:
        return ScannedCard(card_hash=hasher.phone(number), shown=masked(number))
    except ValueError as error:
        raise ApiProblem("field_wrong", str(error), field="phone", hint="+49…") from None


def _profile(given: api_shapes.EnrolGiven) -> ProfileMessage | None:
    """What was given of the person, in its normal form; None for nothing at all."""
    fields = {"name": normal_name, "email": normal_email, "birthday": normal_birthday}
    normal: dict[str, str] = {}
    for field, form in fields.items():
        text = getattr(given, field)
        try:
            normal[field] = form(text) if text.strip() else ""
        except ValueError as error:
            raise ApiProblem("field_wrong", str(error), field=field) from None
    phone = normal_phone(given.phone) if given.phone else ""
    if not (any(normal.values()) or phone or given.language or given.consents):
        return None
    return ProfileMessage(
        uid="-",
        member_id="-",
        given_ms=0,
        **normal,
        phone=phone,
        language=given.language,
        consents=tuple(
            Consent(purpose=one.purpose, granted=one.granted, text=one.text or "")
            for one in given.consents
        ),
    )
