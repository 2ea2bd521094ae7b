"""Goods that bundles compete for: solved by the full way, part by part, and remembered.

Owns: the parts of a basket that share no goods, and what equal parts came to before. Must never:
choose; and where parts might not come to the same alone as together, they are solved together.
"""

from collections.abc import Sequence

from tessera.core.basket import Basket
from tessera.core.quote import Stage
from tessera.rules.assign import settle_units
from tessera.rules.folds import Fold
from tessera.rules.model import Bundle, Offer
from tessera.rules.prepared import REMEMBERED_MAX
from tessera.rules.spending import WORK_MAX, Meter
from tessera.rules.tally import Beyond, Cut, Tally
from tessera.rules.work import Outcome, Work

REMEMBERED_FOLDS_MAX = 4
"""Most folds in a competition that is remembered."""
ALONE_NODES_MAX = 300
"""Most nodes of all parts together up to which no part can notice that it is solved alone."""
ALONE_WORK_MAX = WORK_MAX // 10
"""The same for work, of each part too: the limits of a search are far away, whoever else has
searched before, and what the full way has to do again has not cost much."""
PIECES_BEFORE_MAX = 60
"""Most pieces of a basket in which offers of an earlier slot can't have come near those limits."""

FoldLeft = tuple[list[Cut], tuple[Offer, ...], int, int]
"""What was taken off a fold, by whom, and the units that are left free, with what they cost."""

Part = tuple[list[Offer], list[int]]
"""Offers that compete, in the documented order, and the folds they compete for, in that of ties."""


class _ShortMeter(Meter):
    """The work of one part; one that takes more, or has plans tried out, is left to the full way.

    How much may be tried depends on the whole basket.
    """

    __slots__ = ()

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < WORK_MAX - ALONE_WORK_MAX:
            raise Beyond

    def try_plans(self) -> None:
        raise Beyond


class Solved:
    """What the full way chose for some folds: by fold what was taken and left, by offer why."""

    __slots__ = ("by_fold", "nodes", "optimal", "outcomes", "spent")

    def __init__(self, work: Work, folds: Sequence[Fold], offers: list[Offer]) -> None:
        self.by_fold = [_left_on(fold) for fold in folds]
        self.outcomes = [(offer, work.outcomes[offer]) for offer in offers]
        self.nodes = work.nodes
        self.optimal = work.optimal
        self.spent = WORK_MAX - work.meter.left


def _left_on(fold: Fold) -> FoldLeft:
    free = [parcel for parcel in fold.all_parcels if not parcel.offers]
    if len(free) > 1 or any(parcel.discount for parcel in free):
        raise Beyond
    owners = dict.fromkeys(one for parcel in fold.all_parcels for one in parcel.offers)
    cuts = [(offer, group, minor) for (offer, group), minor in fold.shares.items()]
    count, amount = (free[0].count, free[0].amount) if free else (0, 0)
    return cuts, tuple(owners), count, amount


def leave_to_search(tally: Tally, offers: list[Offer], bound: list[Offer], before: int) -> set[int]:
    """Have the full way settle the goods that bundles compete for; give their folds.

    `offers` are all unit offers of the slot in the documented order, `bound` those of them that act
    on several units or are held together by a cap. `before`: the work that others have been.
    """
    taken = {fold for offer in bound for fold in tally.found[offer]}
    if tally.owners and tally.pieces > PIECES_BEFORE_MAX:
        raise Beyond
    if not taken.isdisjoint(tally.owners):
        raise Beyond
    if any(isinstance(one.reward, Bundle) and len(one.reward.parts) > 1 for one in bound):
        parts = [(offers, tally.in_order(list(taken)))]
    else:
        parts = _parts(tally, offers, bound)
    solved: list[Solved] = []
    nodes, spent = tally.nodes, before
    alone = len(parts) == 1 and not nodes and not before
    for part in parts:
        one = _solved(tally, part)
        if not one.optimal:
            raise Beyond  # how much it may miss is judged over the whole basket
        solved.append(one)
        nodes, spent = nodes + one.nodes, spent + one.spent
        if not alone and (nodes > ALONE_NODES_MAX or spent > ALONE_WORK_MAX):
            raise Beyond
    for part, one in zip(parts, solved, strict=True):
        _take_over(tally, part[1], one)
    return taken


def _parts(tally: Tally, offers: list[Offer], bound: list[Offer]) -> list[Part]:
    """Split into parts that share no goods, in the order in which the full way comes to them."""
    found = tally.found
    joined: list[set[int]] = []
    for offer in bound:
        mine = set(found[offer])
        if any(not mine.isdisjoint(other) for other in joined):
            for other in [one for one in joined if not mine.isdisjoint(one)]:
                joined.remove(other)
                mine |= other
        joined.append(mine)
    part_of = {fold: number for number, goods in enumerate(joined) for fold in goods}
    mine_of: list[list[Offer]] = [[] for _ in joined]
    for offer in offers:
        folds = found[offer]
        if not part_of.keys().isdisjoint(folds):
            for number in {part_of[fold] for fold in folds if fold in part_of}:
                mine_of[number].append(offer)
    return [
        (mine, tally.in_order(list(goods))) for mine, goods in zip(mine_of, joined, strict=True)
    ]


def _solved(tally: Tally, part: Part) -> Solved:
    offers, folds = part
    key = _key(tally, offers, folds)
    if key is None:
        return _solve(tally, offers, folds)
    remembered = tally.prepared.solved
    known = remembered.get(key)
    if known is None:
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        known = remembered[key] = _solve(tally, offers, folds)
    assert isinstance(known, Solved)
    return known


def _take_over(tally: Tally, folds: list[int], solved: Solved) -> None:
    for fold, (cuts, owners, count, amount) in zip(folds, solved.by_fold, strict=True):
        for offer, group, minor in cuts:
            tally.cut(offer, group, fold, minor)
        tally.free[fold], tally.free_amounts[fold] = count, amount
        if owners:
            tally.owners[fold] = owners
    for offer, outcome in solved.outcomes:
        if outcome.uses:
            became = tally.became_of(offer)
            became.uses += outcome.uses
            became.discount += outcome.discount
        elif outcome.missing_quantity:
            tally.short[offer] = (outcome.reason, 0, outcome.missing_quantity)
        elif outcome.reason:
            tally.say(offer, outcome.reason)
    tally.nodes += solved.nodes


def _key(tally: Tally, offers: list[Offer], folds: list[int]) -> object:
    """What the choice hangs on, None where it may hang on more.

    Never on a weighed quantity: offers that read it are not for the quick way.
    """
    lines, counts, amounts = tally.lines, tally.counts, tally.amounts
    if any(isinstance(one.reward, Bundle) and len(one.reward.parts) > 1 for one in offers):
        return None
    if len(folds) == 1:
        fold = folds[0]
        return (tuple(offers), counts[fold], amounts[fold], tally.together)
    if len(folds) > REMEMBERED_FOLDS_MAX:
        return None
    numbers, found = sorted(folds), tally.found
    return (
        tuple(offers),
        tally.together,
        tuple(
            [
                (
                    numbers.index(fold),
                    lines[fold].sku,
                    counts[fold],
                    amounts[fold],
                    tuple([offer for offer in offers if fold in found[offer]]),
                )
                for fold in folds
            ]
        ),
    )


def _solve(tally: Tally, offers: list[Offer], folds: list[int]) -> Solved:
    """Run the full way on some folds alone."""
    basket, prepared = tally.basket, tally.prepared
    wanted = sorted(folds)
    members = [
        member
        for fold in wanted
        for member in (tally.folds[fold].members if tally.folds else [fold])
    ]
    alone = Basket(
        currency=basket.currency,
        lines=tuple(basket.lines[member] for member in sorted(members)),
        coupons=basket.coupons,
        chosen=basket.chosen,
        events=basket.events,
    )
    work = Work(prepared.programme, tally.member, alone, tally.place)
    assert len(work.folds) == len(wanted), wanted
    work.pieces = tally.pieces
    number_of = dict(zip(wanted, work.folds, strict=True))
    for offer in offers:
        there = {number_of[fold].number for fold in tally.found[offer] if fold in number_of}
        work.found[offer] = [fold for fold in work.ranked if fold.number in there]
        work.outcomes[offer] = Outcome()
    work.available[Stage.UNIT] = list(offers)
    work.meter = _ShortMeter()
    settle_units(work, offers)
    return Solved(work, [number_of[fold] for fold in folds], offers)
