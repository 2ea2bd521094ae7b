"""Why a quote is as it is: its settings, what each offer did line by line, and all that did not.

Owns: the reasons of offers that the basket did not even touch. Must never: price; it reads a quote.
"""

from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import OfferOutcome, Quote
from tessera.rules.admitting import is_refused, refusal_of
from tessera.rules.conditions import Moment, spent_here
from tessera.rules.programme import Programme
from tessera.rules.read_sections import SETTING_CHOICES
from tessera.rules.work import NOTHING_SELECTED


def outcomes_of_all(
    programme: Programme, member: MemberState | None, basket: Basket, place: Place, quote: Quote
) -> list[OfferOutcome]:
    """Give an outcome for every offer of the programme, in the documented order.

    A quote names the offers that the basket touched; the others get their first reason here.
    """
    known = {outcome.offer: outcome for outcome in quote.offers}
    sale_minor = spent_here(programme.settings.spend_reads, basket)
    moment = Moment(place, sale_minor=sale_minor)
    found = []
    for offer in sorted(programme.offers, key=lambda one: one.place):
        outcome = known.get(offer.offer_id)
        if outcome is None:
            reason = is_refused(programme, offer, moment, basket, member) or NOTHING_SELECTED
            outcome = refusal_of(offer, reason)
        found.append(outcome)
    return found


def chosen_settings(quote: Quote) -> list[tuple[str, str]]:
    """Give the settings in which a quote departs from the usual."""
    return [
        (name, value)
        for name, value in quote.settings_used
        if name in SETTING_CHOICES and value != SETTING_CHOICES[name][0]
    ]
