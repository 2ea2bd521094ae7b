"""Recognising: what a scanned code is, and who is behind a card or phone number.

Owns: the answers to scans and look-ups. Must never: keep a number in clear, or write.
"""

from dataclasses import replace

from tessera.agent import api_answers, api_shapes
from tessera.agent.checkout_member import Buyer, find_buyer, member_answer, unit_answers
from tessera.agent.notices import notice, worded
from tessera.agent.problems_http import ApiProblem
from tessera.agent.programme_in_force import ProgrammeInForce
from tessera.agent.till_state import TillState
from tessera.devices.card_formats import CardFormat
from tessera.devices.codes import classify_code
from tessera.devices.events import ReaderError, Scan, ScanKind
from tessera.store.engine import DATABASE_ERRORS

CARD_KINDS = frozenset({ScanKind.MEMBER_CARD, ScanKind.STAFF_CARD})


def classify_given(
    given: api_shapes.ScanGiven, formats: tuple[CardFormat, ...], programme: ProgrammeInForce
) -> tuple[str, str, str]:
    """Kind, number and reason of a code that a POS passes on; the number is a card's or coupon's.

    Kind "refused" for a payment card or a wrong check digit, with the reason's code.
    """
    # No repeats are looked for in a single code, so the time plays no part.
    found = classify_code(
        given.code, formats, reader_id="pos", monotonic_ns=0, symbology=given.symbology.lower()
    )
    if isinstance(found, ReaderError):
        return "refused", "", found.code
    seen = as_coupon(found, formats, programme)
    return str(seen.kind), seen.card_id or seen.payload, ""


def as_coupon(scan: Scan, formats: tuple[CardFormat, ...], programme: ProgrammeInForce) -> Scan:
    """The scan, as a coupon's where the programme in force waits for just this code.

    Formats of the last resort take any short word for a card; what another format took stays.
    """
    guessed = any(each.last_resort for each in formats if each.name == scan.card_format)
    if guessed and scan.kind in CARD_KINDS and programme.names_coupon(scan.payload):
        return replace(scan, kind=ScanKind.COUPON, card_id=None)
    return scan


def look_up(state: TillState, given: api_shapes.LookupGiven) -> Buyer:
    """The member behind a card or phone number. ApiProblem unless exactly one of them is given."""
    if (given.card is None) == (given.phone is None):
        raise ApiProblem(
            "field_wrong",
            "exactly one of card and phone is needed",
            field="card",
            hint='send {"card": "…"} or {"phone": "+49…"}',
        )
    member = api_shapes.MemberGiven(
        cards=(given.card,) if given.card is not None else (), phone=given.phone
    )
    return find(state, member)


def find(state: TillState, member: api_shapes.MemberGiven) -> Buyer:
    """Who this is; unknown, with a notice, when the database cannot be read."""
    try:
        with state.engines.reader.connect() as connection:
            return find_buyer(
                connection, member, hasher=state.hasher, as_of_ms=state.balance_as_of_ms
            )
    except DATABASE_ERRORS:
        return Buyer(status="unknown", notices=(notice("database_failing"),))


def lookup_answer(buyer: Buyer, language: str) -> api_answers.LookupAnswer:
    """How a look-up is answered."""
    return api_answers.LookupAnswer(
        member=member_answer(buyer),
        units=unit_answers(buyer),
        notices=worded(buyer.notices, language),
    )
