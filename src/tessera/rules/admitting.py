"""Whether an offer is refused before any price is asked, and the outcome that says so.

Owns: the order in which refusals are looked for, and the outcomes that never differ. Must never:
know what is in the basket besides its coupons, events and wishes.
"""

from tessera.core.basket import Basket
from tessera.core.member import MemberState
from tessera.core.quote import Message, OfferOutcome, Stage
from tessera.rules.conditions import (
    EARNING_ONLY,
    REFUSED_OFFLINE,
    STOPPED,
    TIER_REQUIRED,
    Moment,
    why_not,
)
from tessera.rules.model import Offer
from tessera.rules.programme import Programme
from tessera.rules.read_offer import needs_member
from tessera.rules.tier_names import is_for_other_tiers

__all__ = ["Moment", "is_refused", "refusal_of"]

_ACCRUAL = Stage.ACCRUAL
TIER_EXCLUDED = "tier-excluded"
"""The sentence of `tier-required` where `who` names tiers that are left out."""


def is_refused(
    programme: Programme,
    offer: Offer,
    moment: Moment,
    basket: Basket,
    member: MemberState | None,
) -> str:
    """Give the reason why an offer can't be had, limits aside; "" when it can."""
    if offer.offer_id in programme.stopped:
        return STOPPED
    if basket.earning_only and offer.stage is not _ACCRUAL:
        return EARNING_ONLY
    if moment.place.offline and offer.offline == "refuse":
        return REFUSED_OFFLINE
    if member is None and needs_member(offer.reward):
        return moment.nobody
    return why_not(offer, moment, basket, member)


def refusal_of(offer: Offer, reason: str) -> OfferOutcome:
    """Give the outcome of an offer that was refused without numbers; each is made once."""
    known = offer.refusals.get(reason)
    if known is None:
        known = OfferOutcome(
            offer=offer.offer_id,
            applied=False,
            stage=offer.stage,
            reason=reason,
            text=_text_of(offer, reason),
        )
        offer.refusals[reason] = known
    return known


def _text_of(offer: Offer, reason: str) -> Message:
    if reason == TIER_REQUIRED:
        key = TIER_EXCLUDED if is_for_other_tiers(offer.who) else f"reason.{reason}"
        return Message(key=key, arguments=(*offer.label, *offer.tier_label))
    return Message(key=f"reason.{reason}", arguments=offer.label)
