"""What a quote says beside its lines: outcomes of offers, prompts, the receipt, the counters.

Owns: their order and their words. Must never: change a sum.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from tessera.core.member import MemberState
from tessera.core.quote import (
    CounterUse,
    IssuedCoupon,
    Message,
    OfferOutcome,
    Prompt,
    ReceiptLine,
    UnitMovement,
)
from tessera.core.values import maker
from tessera.rules.accrual import issuer_of
from tessera.rules.admitting import refusal_of
from tessera.rules.conditions import NOT_CHOSEN, OF_A_LINE, OF_A_MEMBER, counter_key
from tessera.rules.draw_terms import terms_on_receipt
from tessera.rules.model import Earn, Gift, Offer, Spend
from tessera.rules.programme import Programme
from tessera.rules.reasons import APPLIED, NO_SAVING, NOT_APPLIED
from tessera.rules.work import BY_PLACE, Outcome, Work

_offer_outcome, _message = maker(OfferOutcome), maker(Message)
_receipt_line = maker(ReceiptLine)

Used = tuple[Offer, int, int, int]
"""An offer that was used: how often, minor units that it took off, units that it granted."""


def outcomes_of(work: Work) -> list[OfferOutcome]:
    """Say what became of every offer, in the documented order."""
    found = []
    outcomes = work.outcomes
    for offer in sorted(outcomes, key=BY_PLACE):
        outcome = outcomes[offer]
        known = None
        if not (outcome.uses or outcome.missing_minor or outcome.missing_quantity):
            known = offer.refusals.get(outcome.reason)
        found.append(_outcome(offer, outcome) if known is None else known)
    return found


def _outcome(offer: Offer, outcome: Outcome) -> OfferOutcome:
    if outcome.uses:
        return _offer_outcome(
            offer.offer_id, APPLIED, offer.stage, "", outcome.uses, outcome.discount, outcome.units
        )
    reason = outcome.reason or NO_SAVING
    if outcome.missing_minor or outcome.missing_quantity:
        return near_miss(offer, reason, outcome.missing_minor, outcome.missing_quantity)
    return refusal_of(offer, reason)


def near_miss(offer: Offer, reason: str, missing_minor: int, missing_quantity: int) -> OfferOutcome:
    """Give the outcome of an offer that is short of money, or else of items."""
    if missing_minor:
        text = _message("near-amount", (("missing_minor", missing_minor), *offer.label))
    else:
        text = _message("near-quantity", (("missing", missing_quantity), *offer.label))
    return _offer_outcome(
        offer.offer_id,
        NOT_APPLIED,
        offer.stage,
        reason,
        0,
        0,
        0,
        missing_minor,
        missing_quantity,
        text,
    )


def prompts_of(work: Work) -> list[Prompt]:
    """Ask for a gift that is missing in the basket, and for rewards that the member could take."""
    found = []
    for offer, outcome in work.outcomes.items():
        reward = offer.reward
        if isinstance(reward, Gift) and outcome.reason == "gift-not-in-basket":
            text = Message(key="prompt.gift", arguments=offer.label)
            found.append(
                Prompt(kind="gift", offer=offer.offer_id, choices=reward.choices, text=text)
            )
    not_chosen = [one for one, outcome in work.outcomes.items() if outcome.reason == NOT_CHOSEN]
    found += reward_prompts(not_chosen, work.known_member)
    return sorted(found, key=lambda prompt: prompt.offer)


def reward_prompts(not_chosen: Sequence[Offer], member: MemberState | None) -> list[Prompt]:
    """Ask for the rewards that nobody chose and that the member's units could buy, by offer id."""
    found = []
    spendable = {unit.unit: unit.spendable for unit in member.units} if member else {}
    for offer in not_chosen:
        reward = offer.reward
        if isinstance(reward, Spend) and spendable.get(reward.unit, 0) >= max(
            reward.count, reward.least
        ):
            choices = reward.gift.choices if reward.gift else ()
            text = Message(key="prompt.reward", arguments=offer.label)
            found.append(Prompt(kind="reward", offer=offer.offer_id, choices=choices, text=text))
    return sorted(found, key=lambda prompt: prompt.offer)


def discounts_on_receipt(applied: list[tuple[Offer, int]]) -> list[ReceiptLine]:
    """Give a line for each offer that took something off, in the documented order."""
    if len(applied) > 1:
        applied.sort(key=lambda pair: pair[0].place)
    return [
        _receipt_line(_message("receipt.discount", offer.receipt_label or offer.label), -discount)
        for offer, discount in applied
    ]


def earned_on_receipt(programme: Programme, units: Sequence[UnitMovement]) -> list[ReceiptLine]:
    """Give a line for each unit that was earned."""
    found = []
    for movement in units:
        if movement.earned:
            arguments = (("count", movement.earned), *unit_label(programme, movement.unit))
            found.append(ReceiptLine(text=Message(key="receipt.earned", arguments=arguments)))
    return found


def issued_on_receipt(programme: Programme, issued: Sequence[IssuedCoupon]) -> list[ReceiptLine]:
    """Give a line for each right that was granted, and the terms of the draws among them."""
    found = [
        ReceiptLine(text=Message(key=f"receipt.issued.{one.kind}", arguments=(("name", one.name),)))
        for one in issued
    ]
    return found + terms_on_receipt(programme, issued)


def unit_label(programme: Programme, unit: str) -> tuple[tuple[str, str | int], ...]:
    """Give a unit's names as message arguments."""
    names = programme.units[unit].names
    if not names:
        return (("unit", unit),)
    more = [(f"unit.{language}", text) for language, text in names if language]
    return (("unit", names[0][1]), *more)


def counters_used(work: Work) -> list[CounterUse]:
    """Say what limits have to count of the offers that were used."""
    used = [
        (offer, outcome.uses, outcome.discount, outcome.units)
        for offer, outcome in work.outcomes.items()
        if outcome.uses and offer.limits
    ]
    return counters_of(work.programme, work.place.business_day, used)


def counters_of(programme: Programme, day: date, used: Sequence[Used]) -> list[CounterUse]:
    """Give what limits have to count of the offers that were used, sorted by key."""
    found = []
    for offer, uses, discount, units in used:
        for limit in offer.limits:
            if limit.period == "basket" or limit.period in OF_A_LINE:
                continue
            key = counter_key(offer, limit, day)
            use = CounterUse(
                key=key,
                used=discount if limit.period == "budget" else uses,
                most=limit.most if limit.period in OF_A_MEMBER else 0,
            )
            found.append(_counter(programme, offer, units, use))
    return sorted(found, key=lambda one: one.key)


def _counter(programme: Programme, offer: Offer, units: int, use: CounterUse) -> CounterUse:
    """Add to a use what waits for central to confirm it."""
    if offer.offline != "pending" or not use.most:
        return use
    reward = offer.reward
    if not isinstance(reward, Earn):
        return replace(use, pending=True)
    return replace(
        use,
        pending=True,
        unit=reward.unit,
        issuer=issuer_of(programme, offer, reward),
        earned=units,
    )
