"""Which offers the lines of a basket touch, and which of them it may have.

Owns: the finding and admitting of the full way, with the reasons of those that are refused. Must
never: apply an offer, or choose between two.
"""

from tessera.core.quote import Stage
from tessera.rules.admitting import is_refused
from tessera.rules.conditions import budget_left, selects, uses_left
from tessera.rules.folds import Fold
from tessera.rules.model import Bundle, Gift, Offer, Spend
from tessera.rules.outcome import Outcome
from tessera.rules.reasons import BUDGET_USED, NOTHING_SELECTED, is_eligible
from tessera.rules.work import Work

# Looking a member up in its enumeration is a call; these are asked for by every line and offer.
_SHELF, _ACCRUAL = Stage.SHELF, Stage.ACCRUAL


def find_offers(work: Work) -> None:
    """Look up which offers the lines touch, and sort out those that can't be had."""
    programme, found = work.programme, work.found
    by_sku, by_tag = programme.by_sku, programme.by_tag
    scans = tuple(hit for hit in programme.broad if not hit[1])
    for fold in work.ranked:
        line = fold.line
        hits = by_sku.get(line.sku, ()) + programme.hits_of(line.categories)[1] + scans
        if line.brand:
            hits += programme.by_brand.get(line.brand, ())
        if by_tag:
            hits += tuple(hit for tag in line.tags for hit in by_tag.get(tag, ()))
        for offer, alone in hits:
            if (alone and fold.plain) or _takes(work, offer, fold, alone):
                touched = found.get(offer)
                if touched is None:
                    found[offer] = [fold]
                elif touched[-1] is not fold:
                    touched.append(fold)
    _find_broad(work)
    _admit_all(work)


def _find_broad(work: Work) -> None:
    """Add the offers that no key of a line finds: on everything, and by coupon."""
    programme, found = work.programme, work.found
    for offer, everything in programme.broad:
        if everything and isinstance(offer.reward, Gift):
            choices = offer.reward.choices
            eligible = work.all_eligible(offer)
            found[offer] = [fold for fold in eligible if fold.line.sku in choices]
        elif everything:
            found[offer] = work.all_eligible(offer)
        elif offer not in found:
            found[offer] = []
    for code in work.basket.coupons:
        for offer in programme.by_coupon.get(code, ()):
            found[offer] = work.all_eligible(offer)


def _takes(work: Work, offer: Offer, fold: Fold, alone: bool) -> bool:  # noqa: FBT001
    """Tell whether an offer may act on a fold: kind, flags, changed prices, selection."""
    line = fold.line
    if not fold.goods:
        return (
            offer.stage is _ACCRUAL
            and line.kind.value in offer.what.kinds
            and selects(offer.what, line, work.categories_above(line))
        )
    if fold.amount < 0 or not is_eligible(offer, line):
        return False
    if alone:
        return True
    if isinstance(offer.reward, Gift):
        return line.sku in offer.reward.choices
    if not isinstance(offer.reward, Bundle):
        return work.matches(offer.what, fold)
    for selector, _ in offer.reward.parts:  # noqa: SIM110 — asked for every line and offer
        if work.matches(selector, fold):
            return True
    return False


# -- admitting


def _admit_all(work: Work) -> None:
    restricted = bool(work.programme.stopped) or work.basket.earning_only
    outcomes, available = work.outcomes, work.available
    for offer, folds in work.found.items():
        outcome = outcomes[offer] = Outcome()
        if restricted or not offer.free_to_all:
            reason = _refusal(work, offer)
            if reason:
                outcome.reason = reason
                continue
            if offer.needs and not _meets_shelf(work, offer, outcome):
                continue
        if not folds and not _needs_no_goods(work, offer):
            outcome.reason = NOTHING_SELECTED
            continue
        available[offer.stage].append(offer)


def _meets_shelf(work: Work, offer: Offer, outcome: Outcome) -> bool:
    return all(need.at is not _SHELF or work.meets(need, offer, outcome) for need in offer.needs)


def _needs_no_goods(work: Work, offer: Offer) -> bool:
    if isinstance(offer.reward, Gift):
        return True
    if isinstance(offer.reward, Spend):
        return offer.reward.donate
    return offer.stage is _ACCRUAL and not work.goods and offer.what.everything


def _refusal(work: Work, offer: Offer) -> str:
    reason = is_refused(work.programme, offer, work.moment, work.basket, work.member)
    if reason:
        return reason
    if offer.limits:
        left, reason = uses_left(offer, work.place, work.member)
        if reason:
            return reason
        if budget_left(offer, work.place, work.member) == 0:
            return BUDGET_USED
        work.left[offer] = left
    return ""
