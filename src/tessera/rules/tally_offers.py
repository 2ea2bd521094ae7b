"""Which offers a basket touches, found by tables, and which of them it may have.

Owns: the finding and admitting of the quick way. Must never: apply an offer; a basket with an offer
that the quick way can't apply is left to the full one.
"""

from collections.abc import Sequence

from tessera.core.quote import Stage
from tessera.rules.admitting import is_refused, refusal_of
from tessera.rules.conditions import MEMBERS_ONLY, NOT_CHOSEN
from tessera.rules.folds import GOODS
from tessera.rules.model import Bundle, Offer
from tessera.rules.prepared import ACCRUAL_WAY, BASKET_WAY, UNIT_WAY
from tessera.rules.programme import Hits
from tessera.rules.reasons import NOTHING_SELECTED, is_eligible
from tessera.rules.tally import Beyond, Tally

_ACCRUAL, _SHELF = Stage.ACCRUAL, Stage.SHELF


def find_offers(tally: Tally) -> None:
    """Look up which offers the lines touch, and sort out those that can't be had."""
    if not tally.goods:
        raise Beyond
    programme = tally.prepared.programme
    by_sku, by_brand, by_tag = programme.by_sku, programme.by_brand, programme.by_tag
    alike: dict[tuple[str, ...], list[int]] = {}
    for fold, line in enumerate(tally.lines):
        hits = by_sku.get(line.sku)
        if hits is not None:
            _touch(tally, hits, fold)
        if by_brand and line.brand and (hits := by_brand.get(line.brand)) is not None:
            _touch(tally, hits, fold)
        if by_tag and line.tags:
            for tag in line.tags:
                _touch(tally, by_tag.get(tag, ()), fold)
        group = alike.get(line.categories)
        if group is None:
            alike[line.categories] = [fold]
        else:
            group.append(fold)
    _find_by_categories(tally, alike)
    _find_broad(tally)
    _admit_all(tally)


def _touch(tally: Tally, hits: Hits, fold: int) -> None:
    found, odd = tally.found, tally.odd
    for offer, alone in hits:
        if (alone and fold not in odd) or _takes(tally, offer, fold, alone):
            touched = found.get(offer)
            if touched is None:
                found[offer] = [fold]
            elif touched[-1] != fold:
                touched.append(fold)


def _find_by_categories(tally: Tally, alike: dict[tuple[str, ...], list[int]]) -> None:
    found, odd, prepared = tally.found, tally.odd, tally.prepared
    several = prepared.keys_several
    for categories, group in alike.items():
        for offer, alone in prepared.hits_of(categories):
            mine = group
            if odd or not alone:
                mine = [
                    fold
                    for fold in group
                    if (alone and fold not in odd) or _takes(tally, offer, fold, alone)
                ]
                if not mine:
                    continue
            known = found.get(offer)
            if known is None:
                found[offer] = mine
            elif offer in several:
                found[offer] = known + [fold for fold in mine if fold not in known]
            else:
                found[offer] = known + mine


def _find_broad(tally: Tally) -> None:
    """Add the offers that no key of a line finds: on everything, and by coupon."""
    found, prepared = tally.found, tally.prepared
    for offer, everything in prepared.broad:
        if everything:
            found[offer] = tally.eligible(offer)
        elif offer not in found:
            found[offer] = []
    for code in tally.basket.coupons:
        for offer in prepared.programme.by_coupon.get(code, ()):
            found[offer] = tally.eligible(offer)


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


def _admit_all(tally: Tally) -> None:
    prepared, member, refused = tally.prepared, tally.member, tally.refused
    conditions, ways = prepared.conditions, prepared.ways
    for offer, folds in tally.found.items():
        asked = conditions[offer]
        if asked:
            if asked == 1:
                reason = MEMBERS_ONLY if member is None else ""
            else:
                reason = _refusal(tally, offer)
            if reason:
                refused[offer.place] = refusal_of(offer, reason)
                continue
            if offer.needs and not _meets_shelf(tally, offer):
                continue
        way = ways[offer]
        if not way:
            raise Beyond
        if not folds:
            refused[offer.place] = refusal_of(offer, NOTHING_SELECTED)
        elif way == UNIT_WAY:
            tally.unit.append(offer)
        elif way == BASKET_WAY:
            tally.on_basket.append(offer)
        else:
            assert way == ACCRUAL_WAY
            tally.accrual.append(offer)
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
    # A limit has to be counted, and a reward that could be chosen is asked for.
    if (not reason and offer.limits) or (reason == NOT_CHOSEN and not prepared.ways[offer]):
        raise Beyond
    return reason


def _meets_shelf(tally: Tally, offer: Offer) -> bool:
    if not tally.prepared.ways[offer]:
        raise Beyond
    return all(need.at is not _SHELF or tally.meets(need, offer) for need in offer.needs)
