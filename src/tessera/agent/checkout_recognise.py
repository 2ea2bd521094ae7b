"""Recognising: what a scanned code is, and who is behind a card or phone number.

Owns: the answers to scans and look-ups. Must never: keep a number in clear, or write.
"""

from tessera.agent import api_answers, api_shapes
from tessera.agent.checkout_member import Buyer, find_buyer, member_answer, unit_answers
from tessera.agent.notices import notice, worded
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.devices.card_formats import CardFormat, Classified, classify
from tessera.devices.decoding.label import Label, LabelTrust, Refusal
from tessera.devices.decoding.symbology import read_label
from tessera.devices.events import ScanKind
from tessera.store.engine import DATABASE_ERRORS

CARD_KINDS = frozenset({ScanKind.MEMBER_CARD, ScanKind.STAFF_CARD})


def classify_code(
    given: api_shapes.ScanGiven, formats: tuple[CardFormat, ...]
) -> tuple[str, str, str]:
    """Kind, number and reason of a code that a POS passes on; the number is a card's or coupon's.

    Kind "refused" for a payment card or a wrong check digit, with the reason's code.
    """
    found = read_label(given.code.encode(), "none", symbology=given.symbology.lower())[0]
    if isinstance(found, Refusal):
        return "refused", "", found.code
    outcome = classify(_unlabelled(found), formats)
    if isinstance(outcome, Refusal):
        return "refused", "", outcome.code
    assert isinstance(outcome, Classified)
    return str(outcome.kind), outcome.card_id or found.number or found.payload, ""


def _unlabelled(label: Label) -> Label:
    assert label.trust is not LabelTrust.MISSING
    return label


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
