"""The unit stage of the quick way: the best offer for each fold, bundles in the merchant's order.

Owns: unit offers of which no two may meet. Must never: choose between bundles that compete; the
full way does that for the folds concerned, and what it chose is remembered for equal ones.
"""

from collections.abc import Sequence

from tessera.core.basket import Basket
from tessera.core.money import Rounding, divided, share
from tessera.core.quote import Stage
from tessera.rules.assign import settle_units
from tessera.rules.bundles import PIECES_APART
from tessera.rules.folds import Fold
from tessera.rules.model import Bundle, Kind, Offer
from tessera.rules.prepared import REMEMBERED_MAX
from tessera.rules.reasons import BETTER_OFFER, GOODS_TAKEN, NO_SAVING, QUANTITY_SHORT
from tessera.rules.tally import Beyond, Cut, Tally
from tessera.rules.work import BY_PLACE, BY_RANK, Outcome, Work

REMEMBERED_FOLDS_MAX = 4
"""Most folds in a competition that is remembered."""

Slot = tuple[list[Offer], list[Offer], list[Offer], list[Offer]]
"""Offers of a slot by their role, see `prepared`."""

Run = tuple[int, tuple[object, ...], int]
"""The price of a unit turned round, the order of ties, and the fold: sorts the dearest first."""

Pick = tuple[int, int, int]
"""Units that a use takes: the fold, how many, and the price of one."""

FoldLeft = tuple[list[Cut], tuple[Offer, ...], int, int]
"""What was taken off a fold, by whom, and the units that are left free, with what they cost."""

_FLOOR = Rounding.FLOOR
_PERCENT, _AMOUNT, _PRICE = Kind.PERCENT, Kind.AMOUNT, Kind.PRICE


def tally_units(tally: Tally) -> None:
    """Apply the unit offers, slot by slot."""
    offers = tally.unit
    if not offers:
        return
    offers.sort(key=BY_PLACE)
    roles = tally.prepared.roles
    slots: dict[tuple[int, int], Slot] = {}
    for offer in offers:
        slot, role = roles[offer]
        lists = slots.get(slot)
        if lists is None:
            lists = slots[slot] = ([], [], [], [])
        lists[role].append(offer)
    for slot in sorted(slots):
        fills, bound, bundles, firsts = slots[slot]
        if firsts:
            if fills or bound or bundles:
                raise Beyond
            _apply_in_turn(tally, firsts)
        else:
            _settle(tally, slot, fills, bound, bundles)


def _settle(
    tally: Tally,
    slot: tuple[int, int],
    fills: list[Offer],
    bound: list[Offer],
    bundles: list[Offer],
) -> None:
    prepared = tally.prepared
    offers = fills
    if bound or bundles:
        fills = sorted(fills + bound, key=BY_PLACE)
        offers = sorted(fills + bundles, key=BY_PLACE)
    if slot not in prepared.lonely_slots and not prepared.compete(offers):
        raise Beyond
    taken: set[int] = set()
    if bound or bundles:
        taken = _leave_to_search(tally, offers, bundles + bound)
    _fill(tally, fills, taken)


def _is_closed(tally: Tally, fold: int, offer: Offer) -> bool:
    """Tell whether nothing of a fold is left to an offer."""
    owners = tally.owners.get(fold)
    if owners is None:
        return False
    for owner in owners:
        if tally.prepared.may_meet(owner, offer):
            raise Beyond
    return not tally.free[fold]


def _close(tally: Tally, fold: int, offer: Offer, count: int, amount: int) -> None:
    """Take units of a fold out of the free ones."""
    tally.free[fold] -= count
    tally.free_amounts[fold] -= amount
    tally.owners[fold] = (*tally.owners.get(fold, ()), offer)


# -- offers on single units


def _fill(tally: Tally, fills: list[Offer], taken: set[int]) -> None:
    """Give every fold the best of the offers on single units; ties to the documented order."""
    best: dict[int, tuple[int, Offer]] = {}
    lost: set[Offer] = set()
    owners = tally.owners
    for offer in fills:
        for fold in tally.found[offer]:
            if fold in taken:
                continue
            if owners and fold in owners and _is_closed(tally, fold, offer):
                saving = -1
            else:
                saving = _saving(tally, offer, tally.free[fold], tally.free_amounts[fold])
            known = best.get(fold)
            if known is None:
                best[fold] = (saving, offer)
            elif saving > known[0] and saving > 0:
                lost.add(known[1])
                best[fold] = (saving, offer)
            else:
                lost.add(offer)
    _take_best(tally, best)
    for offer in lost:
        if offer not in tally.became and offer.place not in tally.refused:
            tally.say(offer, BETTER_OFFER)


def _take_best(tally: Tally, best: dict[int, tuple[int, Offer]]) -> None:
    """Take off what the best offers save; a saving below zero stands for goods that are taken."""
    open_to: dict[Offer, bool] = {}
    for fold, (saving, offer) in best.items():
        open_to[offer] = open_to.get(offer, False) or saving >= 0
        if saving > 0:
            became = tally.became_of(offer)
            became.uses += tally.free[fold]
            became.discount += saving
            tally.cut(offer, 1, fold, saving)
            _close(tally, fold, offer, tally.free[fold], tally.free_amounts[fold])
    for offer, opened in open_to.items():
        if offer not in tally.became:
            tally.say(offer, NO_SAVING if opened else GOODS_TAKEN)


def _saving(tally: Tally, offer: Offer, count: int, base: int) -> int:
    """What an offer on single units takes off `count` of them that cost `base` together."""
    kind, number, denominator = tally.prepared.each[offer]
    if kind is _PERCENT:
        rounding = tally.prepared.programme.settings.rounding
        if rounding is _FLOOR:
            return min(base, base * number // denominator)
        return min(base, divided(base * number, denominator, rounding))
    if kind is _AMOUNT:
        return min(base, number * count)
    return max(0, base - number * count)


# -- bundles in the merchant's order


def _apply_in_turn(tally: Tally, offers: list[Offer]) -> None:
    """Apply bundles of one part, each as often as it saves."""
    prepared, counts, found = tally.prepared, tally.counts, tally.found
    if len({prepared.first_groups[offer] for offer in offers}) > 1:
        raise Beyond
    for offer in sorted(offers, key=BY_RANK):
        reward = offer.reward
        assert isinstance(reward, Bundle)
        size = reward.parts[0][1]
        there = sum([counts[fold] for fold in found[offer]])
        if there < size:
            tally.short[offer] = (QUANTITY_SHORT, 0, size - there)
        else:
            _apply_bundle(tally, offer, reward, size)


def _apply_bundle(tally: Tally, offer: Offer, reward: Bundle, size: int) -> None:
    """Apply a bundle to what is open to it, the dearest units first."""
    folds, free = tally.found[offer], tally.free
    owners = tally.owners
    runs: list[Run] = []
    for fold in folds:
        if (fold in owners and _is_closed(tally, fold, offer)) or not free[fold]:
            continue
        price, uneven = divmod(tally.free_amounts[fold], free[fold])
        if uneven:
            raise Beyond
        runs.append((-price, tally.order_of(fold), fold))
    runs.sort()
    if sum(tally.counts) > PIECES_APART:
        raise Beyond
    there = sum([free[run[2]] for run in runs])
    uses = _uses(tally, reward, size, runs) if there >= size else []
    if not uses:
        taken = any(fold in owners for fold in folds)
        tally.say(offer, GOODS_TAKEN if taken else NO_SAVING)
        return
    _book(tally, offer, reward, uses)


def _uses(tally: Tally, reward: Bundle, size: int, runs: list[Run]) -> list[list[Pick]]:
    """Give the picks of each use: fold, count and price, the dearest first."""
    by_sku: dict[str, list[Run]] = {}
    if reward.same_item:
        for run in runs:
            by_sku.setdefault(tally.lines[run[2]].sku, []).append(run)
    else:
        by_sku[""] = runs
    uses: list[list[Pick]] = []
    for sku in sorted(by_sku):
        mine = by_sku[sku]
        units = [[fold, tally.free[fold], -price] for price, _, fold in mine]
        left = sum([unit[1] for unit in units])
        while left >= size:
            picks, wanted = [], size
            for unit in units:
                part = min(unit[1], wanted)
                if part:
                    unit[1] -= part
                    wanted -= part
                    picks.append((unit[0], part, unit[2]))
                    if not wanted:
                        break
            left -= size
            if reward.kind is _PRICE and _worth(picks) <= reward.value[0]:
                break  # the dearest units that are left cost less one by one
            uses.append(picks)
    return uses


def _worth(picks: list[Pick]) -> int:
    return sum([count * price for _, count, price in picks])


def _rewarded(reward: Bundle, picks: list[Pick]) -> int:
    """What those of the picked units cost that are rewarded."""
    if reward.aim == "all":
        return _worth(picks)
    left, cost = reward.count, 0
    for _, count, price in reversed(picks):
        part = min(left, count)
        cost += part * price
        left -= part
    return cost


def _book(tally: Tally, offer: Offer, reward: Bundle, uses: list[list[Pick]]) -> None:
    """Take off what each use saves; percentages are rounded once over all of them."""
    settings = tally.prepared.programme.settings
    if reward.aim != "all" and settings.attribution == "reward-only":
        raise Beyond
    number, denominator = reward.value
    exact = before = done = group = 0
    touched: set[int] = set()
    for picks in uses:
        cost = _rewarded(reward, picks)
        if reward.kind is _PERCENT:
            exact += cost * number
            after = divided(exact, denominator, settings.rounding)
            minor, before = after - before, after
        else:
            minor = max(0, cost - number) if reward.kind is _PRICE else min(cost, number)
        if minor <= 0:
            continue
        done += 1
        group += 1
        if len(picks) > 1:
            picks.sort(key=lambda pick: tally.order_of(pick[0]))
        parts = share(minor, [count * price for _, count, price in picks])
        for (fold, count, price), part in zip(picks, parts, strict=True):
            if part:
                tally.cut(offer, group, fold, part)
            _close(tally, fold, offer, count, count * price)
            touched.add(fold)
        became = tally.became_of(offer)
        became.uses += 1
        became.discount += minor
    if not done:
        tally.say(offer, NO_SAVING)
    elif offer.of_a_line and tally.prepared.by_line:
        for fold in touched:
            _close(tally, fold, offer, tally.free[fold], tally.free_amounts[fold])


# -- bundles that compete


class Solved:
    """What the full way chose for some folds: by fold what was taken and left, by offer why."""

    __slots__ = ("by_fold", "gap_minor", "nodes", "optimal", "outcomes")

    def __init__(self, work: Work, folds: Sequence[Fold], offers: list[Offer]) -> None:
        self.by_fold = [_left_on(fold) for fold in folds]
        self.outcomes = [(offer, work.outcomes[offer]) for offer in offers]
        self.nodes = work.nodes
        self.optimal = work.optimal
        self.gap_minor = work.gap_minor


def _left_on(fold: Fold) -> FoldLeft:
    free = [parcel for parcel in fold.all_parcels if not parcel.offers]
    if len(free) > 1 or any(parcel.discount for parcel in free):
        raise Beyond
    owners = dict.fromkeys(one for parcel in fold.all_parcels for one in parcel.offers)
    cuts = [(offer, group, minor) for (offer, group), minor in fold.shares.items()]
    count, amount = (free[0].count, free[0].amount) if free else (0, 0)
    return cuts, tuple(owners), count, amount


def _leave_to_search(tally: Tally, offers: list[Offer], bound: list[Offer]) -> set[int]:
    """Have the full way settle the goods that bundles compete for; give their folds."""
    taken = {fold for offer in bound for fold in tally.found[offer]}
    if not taken.isdisjoint(tally.owners):
        raise Beyond
    folds = tally.in_order(list(taken))
    key = _key(tally, offers, folds)
    solved = tally.prepared.solved.get(key) if key is not None else None
    if solved is None:
        solved = _solve(tally, offers, folds, key)
    assert isinstance(solved, Solved)
    for fold, (cuts, owners, count, amount) in zip(folds, solved.by_fold, strict=True):
        for offer, group, minor in cuts:
            tally.cut(offer, group, fold, minor)
        tally.free[fold], tally.free_amounts[fold] = count, amount
        if owners:
            tally.owners[fold] = owners
    for offer, outcome in solved.outcomes:
        if outcome.uses:
            became = tally.became_of(offer)
            became.uses, became.discount = outcome.uses, outcome.discount
        elif outcome.missing_quantity:
            tally.short[offer] = (outcome.reason, 0, outcome.missing_quantity)
        elif outcome.reason:
            tally.say(offer, outcome.reason)
    tally.nodes = solved.nodes
    tally.optimal = tally.optimal and solved.optimal
    tally.gap_minor += solved.gap_minor
    return taken


def _key(tally: Tally, offers: list[Offer], folds: list[int]) -> object:
    """What the choice hangs on, None where it may hang on more."""
    lines = [tally.lines[fold] for fold in folds]
    if len(folds) > REMEMBERED_FOLDS_MAX or any(line.measure for line in lines):
        return None
    if any(isinstance(one.reward, Bundle) and len(one.reward.parts) > 1 for one in offers):
        return None
    numbers, found = sorted(folds), tally.found
    return (
        tally.nodes,
        tuple(offers),
        tuple(
            [
                (
                    numbers.index(fold),
                    line.sku,
                    tally.counts[fold],
                    tally.amounts[fold],
                    tuple([offer for offer in offers if fold in found[offer]]),
                )
                for fold, line in zip(folds, lines, strict=True)
            ]
        ),
    )


def _solve(tally: Tally, offers: list[Offer], folds: list[int], key: object) -> Solved:
    """Run the full way on some folds alone; what it chose is remembered under the key."""
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
    number_of = dict(zip(wanted, work.folds, strict=True))
    for offer in offers:
        there = {number_of[fold].number for fold in tally.found[offer] if fold in number_of}
        work.found[offer] = [fold for fold in work.ranked if fold.number in there]
        work.outcomes[offer] = Outcome()
    work.available[Stage.UNIT] = list(offers)
    work.nodes = tally.nodes
    settle_units(work, offers)
    if work.tried:
        raise Beyond  # how much is tried depends on the whole basket
    solved = Solved(work, [number_of[fold] for fold in folds], offers)
    if key is not None:
        if len(prepared.solved) >= REMEMBERED_MAX:
            prepared.solved.clear()
        prepared.solved[key] = solved
    return solved
