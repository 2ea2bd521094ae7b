"""Which offers a basket touches, found by tables, and which of them it may have.

Owns: the finding and admitting of the quick way. Must never: apply an offer; a basket with an offer
that the quick way can't apply is left to the full one.
"""

from collections.abc import Sequence

from tessera.core.quote import Stage
from tessera.rules.admitting import is_refused, refusal_of
from tessera.rules.conditions import (
    NOT_CHOSEN,
    OF_A_LINE,
    budget_left,
    uses_left,
)
from tessera.rules.folds import GOODS
from tessera.rules.indexing import Hits
from tessera.rules.model import Bundle, Offer, Spend
from tessera.rules.quick_keys import (
    ACCRUAL_WAY,
    BASKET_WAY,
    ISSUE_WAY,
    OF_MEMBERS,
    SPEND_WAY,
    UNIT_WAY,
    Key,
)
from tessera.rules.reasons import BUDGET_USED, NOTHING_SELECTED, is_eligible
from tessera.rules.tally import Beyond, Tally

_ACCRUAL, _SHELF = Stage.ACCRUAL, Stage.SHELF

Reached = tuple[Key, list[int]]
"""A key, and the folds that are under it."""


def find_offers(tally: Tally) -> None:
    """Look up which offers the lines touch, and sort out those that can't be had."""
    if not tally.goods:
        raise Beyond
    prepared = tally.prepared
    programme = prepared.programme
    by_sku, products, categories = programme.by_sku, prepared.products, prepared.categories
    beside = programme.by_brand or programme.by_tag
    reached: list[Reached] = []
    alike: dict[tuple[str, ...], list[int]] = {}
    for fold, line in enumerate(tally.lines):
        sku, under = line.sku, line.categories
        if sku in by_sku:
            reached.append((products.get(sku) or prepared.on_product(sku), [fold]))
        if beside and (line.brand or line.tags):
            _reach(tally, reached)  # an offer's folds are found in their order
            reached = []
            _touch(tally, programme.by_brand.get(line.brand, ()), [fold])
            for tag in line.tags:
                _touch(tally, programme.by_tag.get(tag, ()), [fold])
        if under in alike:
            alike[under].append(fold)
        else:
            alike[under] = [fold]
    for under, folds in alike.items():
        reached.append((categories.get(under) or prepared.under(under), folds))
    _reach(tally, reached)
    _find_broad(tally)
    _admit_asked(tally)


def _reach(tally: Tally, reached: Sequence[Reached]) -> None:
    """Add what keys bring into play: at one go where nothing of it was there before."""
    found, unit, on_basket = tally.found, tally.unit, tally.on_basket
    accrual, asked, odd = tally.accrual, tally.asked, tally.odd
    known = found.keys()
    of_members = asked if tally.member is None else accrual
    for key, folds in reached:
        offers = key.offers
        if odd or not key.plain or not known.isdisjoint(offers):
            _touch(tally, key.hits, folds)
            continue
        for offer in offers:
            found[offer] = folds
        if key.unit:
            unit += key.unit
        if key.basket:
            on_basket += key.basket
        if key.accrual:
            accrual += key.accrual
        if key.members:
            of_members += key.members
        if key.asked:
            asked += key.asked


def _touch(tally: Tally, hits: Hits, folds: list[int]) -> None:
    """Add offers one by one, each with those of the folds on which it may act."""
    found, odd, asked = tally.found, tally.odd, tally.asked
    for offer, alone in hits:
        mine = folds
        if odd or not alone:
            mine = [
                fold
                for fold in folds
                if (alone and fold not in odd) or _takes(tally, offer, fold, alone)
            ]
            if not mine:
                continue
        known = found.get(offer)
        if known is None:
            found[offer] = mine
            asked.append(offer)
        else:
            found[offer] = known + [fold for fold in mine if fold not in known]


def _find_broad(tally: Tally) -> None:
    """Add the offers that no key of a line finds: on everything, and by coupon."""
    found, prepared = tally.found, tally.prepared
    for offer, everything in prepared.broad:
        if offer not in found:
            found[offer] = tally.eligible(offer) if everything else []
            tally.asked.append(offer)
    for code in tally.basket.coupons:
        for offer in prepared.programme.by_coupon.get(code, ()):
            if offer not in found:
                found[offer] = tally.eligible(offer)
                tally.asked.append(offer)


def _takes(tally: Tally, offer: Offer, fold: int, alone: bool) -> bool:  # noqa: FBT001
    """Tell whether an offer may act on a fold: kind, flags, changed prices, selection."""
    line = tally.lines[fold]
    if line.kind is not GOODS:
        return (
            offer.stage is _ACCRUAL
            and line.kind.value in offer.what.kinds
            and tally.selects(offer.what, line)
        )
    if tally.amounts[fold] < 0 or not is_eligible(offer, line):
        return False
    if alone:
        return True
    if isinstance(offer.reward, Bundle):
        return any(tally.matches(selector, fold) for selector, _ in offer.reward.parts)
    return tally.matches(offer.what, fold)


# -- admitting


def _admit_asked(tally: Tally) -> None:
    prepared, member, refused = tally.prepared, tally.member, tally.refused
    conditions, ways, found = prepared.conditions, prepared.ways, tally.found
    had = {
        UNIT_WAY: tally.unit,
        BASKET_WAY: tally.on_basket,
        ACCRUAL_WAY: tally.accrual,
        ISSUE_WAY: tally.issuing,
    }
    for offer in tally.asked:
        asked = conditions[offer]
        if asked:
            if asked == OF_MEMBERS:
                reason = tally.moment.nobody if member is None else ""
            else:
                reason = _refusal(tally, offer)
            if reason:
                refused[offer.place] = refusal_of(offer, reason)
                continue
            if offer.needs and not _meets_shelf(tally, offer):
                continue
        if not ways[offer]:
            raise Beyond
        if not found[offer] and not (isinstance(offer.reward, Spend) and offer.reward.donate):
            refused[offer.place] = refusal_of(offer, NOTHING_SELECTED)
        elif ways[offer] == SPEND_WAY:
            _leave_unchosen(tally, offer)
        else:
            had[ways[offer]].append(offer)
    _admit_steady(tally)


def _admit_steady(tally: Tally) -> None:
    """Add the offers on everything whose conditions were decided for all who are alike."""
    verdict = tally.prepared.verdict(tally.moment, tally.basket, tally.member)
    if verdict.others:
        raise Beyond
    tally.refused.update(verdict.refused)
    _admit(tally, verdict.unit, tally.unit)
    tally.verdict = verdict  # its basket offers are found when their slot is settled
    _admit(tally, verdict.accrual, tally.accrual)
    _admit(tally, verdict.issuing, tally.issuing)
    for offer in verdict.spends:
        tally.found[offer] = tally.eligible(offer)
        _leave_unchosen(tally, offer)


def _leave_unchosen(tally: Tally, offer: Offer) -> None:
    """Note that nobody asked for a reward that units could buy."""
    if offer.offer_id in tally.basket.chosen:
        raise Beyond
    tally.say(offer, NOT_CHOSEN)
    tally.unchosen.append(offer)


def _admit(tally: Tally, offers: Sequence[Offer], admitted: list[Offer]) -> None:
    """Add offers on everything to those that are had at their stage."""
    if tally.odd:
        for offer in offers:
            tally.found[offer] = tally.eligible(offer)
    else:
        tally.found.update(dict.fromkeys(offers, tally.goods))
    admitted += offers


def _refusal(tally: Tally, offer: Offer) -> str:
    prepared = tally.prepared
    reason = is_refused(prepared.programme, offer, tally.moment, tally.basket, tally.member)
    if reason == NOT_CHOSEN:
        tally.unchosen.append(offer)
    return _limited(tally, offer) if offer.limits and not reason else reason


def _limited(tally: Tally, offer: Offer) -> str:
    """Tell whether limits leave nothing of an offer; those on units and budgets go the full way."""
    _, reason = uses_left(offer, tally.place, tally.member)
    if reason:
        return reason
    if budget_left(offer, tally.place, tally.member) == 0:
        return BUDGET_USED
    periods = {limit.period for limit in offer.limits}
    if tally.prepared.ways[offer] == UNIT_WAY or "budget" in periods or periods & OF_A_LINE:
        raise Beyond
    tally.limited = True
    return ""


def _meets_shelf(tally: Tally, offer: Offer) -> bool:
    if not tally.prepared.ways[offer]:
        raise Beyond
    return all(need.at is not _SHELF or tally.meets(need, offer) for need in offer.needs)
