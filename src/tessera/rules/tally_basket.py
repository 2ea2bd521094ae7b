"""The basket stage of the quick way: sums off what is due, shared over the goods later.

Owns: basket offers that all may meet, compete for the same goods, or follow the merchant's order.
Must never: weigh the basket stage against the unit stage; such baskets go the full way.
"""

from bisect import bisect_right
from itertools import combinations

from tessera.core.basket import Basket
from tessera.core.money import divided
from tessera.core.quote import Stage
from tessera.rules.basket_cases import is_steady
from tessera.rules.basket_offers import OTHER_VISIT, off_discount, reading_of
from tessera.rules.model import GroupKind, Kind, Off, Offer
from tessera.rules.quick_ladders import Ladder
from tessera.rules.reasons import AMOUNT_SHORT, BETTER_OFFER, NO_SAVING, QUANTITY_SHORT
from tessera.rules.stacking import in_stacking_order
from tessera.rules.tally import Beyond, Tally
from tessera.rules.work import BY_PLACE, Work

_PERCENT = Kind.PERCENT
_UNIT, _BASKET = Stage.UNIT, Stage.BASKET


def stages_compete(tally: Tally) -> bool:
    """Tell whether giving up a unit offer could make room for a better basket offer."""
    assert tally.verdict is not None
    prepared, units = tally.prepared, tally.unit
    if prepared.groups_first:
        return False
    basket = [*tally.on_basket, *tally.verdict.basket]
    if not basket or (not units and len(basket) == 1):
        return False
    if not all(is_steady(offer) and (offer.stacks_all or not units) for offer in basket):
        return True
    return not all(
        prepared.may_meet(offer, other)
        for offer in basket
        for other in (*basket, *units)
        if other is not offer
    )


def tally_basket(tally: Tally) -> None:
    """Apply the basket offers, slot by slot."""
    verdict, slot_of = tally.verdict, tally.prepared.slots
    assert verdict is not None
    more: dict[tuple[int, int], list[Offer]] = {}
    for offer in tally.on_basket:
        more.setdefault(slot_of[offer], []).append(offer)
    for slot in sorted(more.keys() | verdict.slots.keys()):
        ladder = verdict.ladders.get(slot)
        if ladder and slot not in more and not tally.odd and _apply_ladder(tally, ladder):
            continue
        offers = verdict.slots.get(slot, [])
        for offer in offers:
            tally.found[offer] = tally.eligible(offer)
        tally.on_basket += offers
        _settle(tally, sorted(offers + more.get(slot, []), key=BY_PLACE))


def _settle(tally: Tally, offers: list[Offer]) -> None:
    ready = [
        offer
        for offer in offers
        if all(need.at is not _UNIT or tally.meets(need, offer) for need in offer.needs)
    ]
    if len(ready) <= 1:
        for offer in ready:
            _apply(tally, offer)
        return
    prepared = tally.prepared
    firsts = [offer for offer in ready if prepared.first_groups[offer]]
    if len(firsts) == len(ready):
        for offer in sorted(ready, key=lambda offer: offer.rank):
            _apply(tally, offer)
        return
    winners = _best_together(tally, ready)
    for offer in in_stacking_order(prepared.rules, winners):
        _apply(tally, offer)
    for offer in ready:
        if not (offer in tally.became or offer in tally.short or offer.place in tally.refused):
            tally.say(offer, BETTER_OFFER)


def _best_together(tally: Tally, ready: list[Offer]) -> list[Offer]:
    prepared, first = tally.prepared, ready[0]
    if first.group and not any(one.group != first.group or one.stacks_with for one in ready):
        all_meet = prepared.programme.groups[first.group].kind is GroupKind.ALL
        none_meet = not all_meet
    else:
        meet = [prepared.may_meet(one, two) for one, two in combinations(ready, 2)]
        all_meet, none_meet = all(meet), not any(meet)
    if all_meet:
        return ready
    base = set(tally.found[first])
    if not none_meet or any(set(tally.found[offer]) != base for offer in ready):
        raise Beyond
    return [min(ready, key=lambda offer: (-_saving(tally, offer), offer.place))]


def _due(tally: Tally, offer: Offer) -> int:
    """What is left to pay of the goods that an offer found; all of it has to be open to it."""
    if tally.owners or tally.pending or tally.off:
        _ask_owners(tally, offer)
    folds = tally.found[offer]
    if folds is tally.goods and not tally.odd:
        return tally.shelf - tally.off
    tally.share_out()
    return sum([tally.dues[fold] for fold in folds])


def _ask_owners(tally: Tally, offer: Offer) -> None:
    """Make sure that an offer may meet all that were applied before it."""
    prepared = tally.prepared
    known = prepared.meetings
    for owner in tally.became:
        if not (known.get((owner, offer)) or prepared.may_meet(owner, offer)):
            raise Beyond


def _saving(tally: Tally, offer: Offer) -> int:
    """What an offer takes off what is due."""
    reward = offer.reward
    assert isinstance(reward, Off)
    due = _due(tally, offer)
    if reward.ladder:
        return off_discount(_rules_for(tally, reward), offer, due, due, _quantity(tally, offer))
    number, denominator = reward.value
    if reward.kind is _PERCENT:
        rounding = tally.prepared.programme.settings.rounding
        minor = min(divided(due * number, denominator, rounding), due)
    else:
        minor = min(due, number)
    return max(0, minor if reward.cap_minor is None else min(minor, reward.cap_minor))


def _apply(tally: Tally, offer: Offer) -> None:
    for need in offer.needs:
        if need.at is _BASKET and not tally.meets(need, offer):
            return
    minor = _saving(tally, offer)
    if minor <= 0:
        _say_why_nothing(tally, offer)
        return
    _take(tally, offer, minor)


def _say_why_nothing(tally: Tally, offer: Offer) -> None:
    reward, due = offer.reward, _due(tally, offer)
    assert isinstance(reward, Off)
    if due <= 0:
        raise Beyond  # why there was nothing left is another question
    tally.say(offer, NO_SAVING)
    if not reward.ladder:
        return
    rules = _rules_for(tally, reward)
    missing = reward.ladder[0].start - reading_of(rules, reward, due, _quantity(tally, offer))
    if missing <= 0:
        return
    if reward.reads == "quantity":
        tally.short[offer] = (QUANTITY_SHORT, 0, missing)
    elif reward.reads == "visits":
        tally.say(offer, OTHER_VISIT)
    else:
        tally.short[offer] = (AMOUNT_SHORT, missing, 0)


def _rules_for(tally: Tally, reward: Off) -> Work:
    """An evaluation of nothing that a ladder can be read by: what it reads of the member counts."""
    prepared = tally.prepared
    if reward.reads in {"basket", "quantity"}:
        return prepared.rules
    programme = prepared.programme
    return Work(programme, tally.member, Basket(currency=programme.currency), tally.place)


def _quantity(tally: Tally, offer: Offer) -> int:
    """How many units that still cost something an offer found; all of them untouched."""
    if tally.off:
        if isinstance(offer.reward, Off) and offer.reward.reads == "quantity":
            raise Beyond
        return 0
    return sum([tally.counts[fold] for fold in tally.found[offer] if tally.amounts[fold] > 0])


def _take(tally: Tally, offer: Offer, minor: int) -> None:
    became = tally.became_of(offer)
    became.uses, became.discount = 1, minor
    tally.off += minor
    tally.pending.append((offer, minor, tally.found.get(offer, tally.goods)))


def _apply_ladder(tally: Tally, ladder: Ladder) -> bool:
    """Apply the highest amount whose threshold is reached; False when it exceeds what is due."""
    due = tally.shelf - tally.off
    reached = bisect_right(ladder.starts, due)
    winner: Offer | None = None
    if reached:
        best = ladder.best[reached - 1]
        if ladder.amounts[best] > due:
            return False
        winner = ladder.offers[best]
        _ask_owners(tally, winner)
        _take(tally, winner, ladder.amounts[best])
    tally.steps.append((ladder, reached, due, winner))
    return True
