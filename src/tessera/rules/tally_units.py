"""The unit stage of the quick way: the best offer for each fold, bundles in the merchant's order.

Owns: unit offers of which no two may meet. Must never: choose between bundles that compete; the
full way does that for the folds concerned, and what it chose is remembered for equal ones.
"""

from tessera.core.money import Rounding, divided, share
from tessera.rules.admitting import refusal_of
from tessera.rules.model import Bundle, Kind, Offer
from tessera.rules.reasons import BETTER_OFFER, GOODS_TAKEN, NO_SAVING, QUANTITY_SHORT
from tessera.rules.tally import Became, Beyond, Tally
from tessera.rules.tally_search import leave_to_search
from tessera.rules.work import BY_PLACE, BY_RANK

Slot = tuple[list[Offer], list[Offer], list[Offer], list[Offer]]
"""Offers of a slot by their role, see `prepared`."""

Run = tuple[int, int]
"""The price of a unit turned round, and the fold: sorts the dearest first."""

Pick = tuple[int, int, int]
"""Units that a use takes: the fold, how many, and the price of one."""

Use = tuple[list[Pick], int]
"""What one use takes, and how many that are alike are booked as one."""

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
    lone = _lone(tally, offers, bundles) if bundles else []
    if bound or len(lone) < len(bundles):
        if lone:
            offers = [offer for offer in offers if offer not in lone]
            bundles = [offer for offer in bundles if offer not in lone]
        before = sum([_most_work(tally, offer) for offer in lone])
        taken = leave_to_search(tally, offers, bundles + bound, before)
    for offer in lone:
        _apply_alone(tally, offer)
    _fill(tally, fills, taken)


def _lone(tally: Tally, offers: list[Offer], bundles: list[Offer]) -> list[Offer]:
    """Give the bundles of one part that nobody competes with for any of their goods.

    Units of a price that is no whole number are left to the search.
    """
    found, counts, amounts = tally.found, tally.counts, tally.amounts
    seen: set[int] = set()
    shared: set[int] = set()
    for offer in offers:
        for fold in found[offer]:
            (shared if fold in seen or amounts[fold] % counts[fold] else seen).add(fold)
    return [
        offer
        for offer in bundles
        if shared.isdisjoint(found[offer])
        and len(_bundle(offer).parts) == 1
        and _bundle(offer).aim in {"all", "cheapest"}
    ]


def _bundle(offer: Offer) -> Bundle:
    assert isinstance(offer.reward, Bundle)
    return offer.reward


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
    owners, found, free_amounts = tally.owners, tally.found, tally.free_amounts
    each, floor = tally.prepared.each, tally.prepared.programme.settings.rounding is _FLOOR
    for offer in fills:
        kind, number, denominator = each[offer]
        plain = floor and kind is _PERCENT and number <= denominator
        for fold in found[offer]:
            if fold in taken:
                continue
            if fold in owners and _is_closed(tally, fold, offer):
                saving = -1
            elif plain:
                saving = free_amounts[fold] * number // denominator
            else:
                saving = _saving(tally, offer, tally.free[fold], free_amounts[fold])
            known = best.get(fold)
            if known is None:
                best[fold] = (saving, offer)
            elif saving > known[0] and saving > 0:
                lost.add(known[1])
                best[fold] = (saving, offer)
            else:
                lost.add(offer)
    _take_best(tally, best)
    became, refused = tally.became, tally.refused
    for offer in lost:
        if offer not in became and offer.place not in refused:
            refused[offer.place] = refusal_of(offer, BETTER_OFFER)


def _take_best(tally: Tally, best: dict[int, tuple[int, Offer]]) -> None:
    """Take off what the best offers save; a saving below zero stands for goods that are taken."""
    idle: dict[Offer, bool] = {}
    became, free, free_amounts, owners = tally.became, tally.free, tally.free_amounts, tally.owners
    dues, cuts, line_off, off = tally.dues, tally.cuts, tally.line_off, tally.off
    for fold, (saving, offer) in best.items():
        if saving <= 0:
            idle[offer] = idle.get(offer, False) or saving == 0
            continue
        known = became.get(offer)
        if known is None:
            known = became[offer] = Became()
        known.uses += free[fold]
        known.discount += saving
        dues[fold] -= saving
        off += saving
        if offer.of_a_line:
            line_off[fold] = line_off[fold] + saving if fold in line_off else saving
        if fold in cuts:
            cuts[fold].append((offer, 1, saving))
        else:
            cuts[fold] = [(offer, 1, saving)]
        free[fold] = free_amounts[fold] = 0
        owners[fold] = (*owners[fold], offer) if fold in owners else (offer,)
    tally.off = off
    for offer, opened in idle.items():
        if offer not in became:
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
    first_groups = tally.prepared.first_groups
    if len({first_groups[offer] for offer in offers}) > 1:
        raise Beyond
    for offer in sorted(offers, key=BY_RANK):
        _apply_alone(tally, offer)


def _apply_alone(tally: Tally, offer: Offer) -> None:
    """Apply a bundle of one part."""
    reward, size, there = _bundle(offer), _size(offer), _pieces(tally, offer)
    if there < size:
        tally.short[offer] = (QUANTITY_SHORT, 0, size - there)
    else:
        _apply_bundle(tally, offer, reward, size)


def _most_work(tally: Tally, offer: Offer) -> int:
    """The most work that a bundle of one part can be for the full way."""
    size = _size(offer)
    return 10 + 4 * len(tally.found[offer]) + 12 * (1 + size) * (_pieces(tally, offer) // size)


def _size(offer: Offer) -> int:
    return _bundle(offer).parts[0][1]


def _pieces(tally: Tally, offer: Offer) -> int:
    """All units that an offer found, free or not."""
    counts, folds = tally.counts, tally.found[offer]
    return counts[folds[0]] if len(folds) == 1 else sum([counts[fold] for fold in folds])


def _apply_bundle(tally: Tally, offer: Offer, reward: Bundle, size: int) -> None:
    """Apply a bundle to what is open to it, the dearest units first."""
    folds, free, free_amounts = tally.found[offer], tally.free, tally.free_amounts
    owners, there = tally.owners, 0
    runs: list[Run] = []
    for fold in folds:
        count = free[fold]
        if (fold in owners and _is_closed(tally, fold, offer)) or not count:
            continue
        price, uneven = divmod(free_amounts[fold], count)
        if uneven:
            raise Beyond
        runs.append((-price, fold))
        there += count
    uses: list[Use] = []
    if there >= size:
        runs.sort()
        if len({run[0] for run in runs}) < len(runs):
            runs.sort(key=lambda run: (run[0], tally.order_of(run[1])))
        uses = _uses(tally, reward, size, runs)
    if not uses:
        taken = any(fold in owners for fold in folds)
        tally.say(offer, GOODS_TAKEN if taken else NO_SAVING)
        return
    _book(tally, offer, reward, uses)


def _uses(tally: Tally, reward: Bundle, size: int, runs: list[Run]) -> list[Use]:
    """Give the picks of each use: fold, count and price, the dearest first."""
    by_sku: dict[str, list[Run]] = {}
    if reward.same_item:
        for run in runs:
            by_sku.setdefault(tally.lines[run[1]].sku, []).append(run)
    else:
        by_sku[""] = runs
    together, uses = tally.together, []
    for sku in sorted(by_sku):
        mine = by_sku[sku]
        units = [[fold, tally.free[fold], -price] for price, fold in mine]
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
            times = 1
            if together and len(picks) == 1:
                unit = next(unit for unit in units if unit[0] == picks[0][0])
                times += unit[1] // size
                left -= unit[1] // size * size
                unit[1] %= size
            uses.append((picks, times))
    return uses


def _worth(picks: list[Pick]) -> int:
    return sum([count * price for _, count, price in picks])


def _rewarded(reward: Bundle, picks: list[Pick]) -> list[int]:
    """What those of the picked units cost that are rewarded, pick by pick."""
    costs = [count * price for _, count, price in picks]
    if reward.aim == "all":
        return costs
    left = reward.count
    for place in range(len(picks) - 1, -1, -1):
        part = min(left, picks[place][1])
        costs[place] = part * picks[place][2]
        left -= part
    return costs


def _book(tally: Tally, offer: Offer, reward: Bundle, uses: list[Use]) -> None:
    """Take off what each use saves; percentages are rounded once over all of them."""
    settings = tally.prepared.programme.settings
    by_reward = reward.aim == "all" or settings.attribution == "reward-only"
    number, denominator = reward.value
    exact = before = group = taken = off = 0
    touched: list[int] = []
    for picks, times in uses:
        rewarded = _rewarded(reward, picks)
        cost = sum(rewarded) * times
        if reward.kind is _PERCENT:
            exact += cost * number
            after = divided(exact, denominator, settings.rounding)
            minor, before = after - before, after
        else:
            fixed = number * times
            minor = max(0, cost - fixed) if reward.kind is _PRICE else min(cost, fixed)
        if minor <= 0:
            continue
        group += 1
        weights = rewarded if by_reward else [count * price for _, count, price in picks]
        parts = [(minor, *picks[0])]
        if len(picks) > 1:
            ordered = list(zip(weights, picks, strict=True))
            ordered.sort(key=lambda one: tally.order_of(one[1][0]))
            shares = share(minor, [weight for weight, _ in ordered])
            parts = [(part, *pick) for part, (_, pick) in zip(shares, ordered, strict=True)]
        for part, fold, count, price in parts:
            if part:
                tally.cut(offer, group, fold, part)
            _close(tally, fold, offer, count * times, count * times * price)
            touched.append(fold)
        taken += times
        off += minor
    if group:
        became = tally.became_of(offer)
        became.uses += taken
        became.discount += off
    if offer.of_a_line and tally.prepared.by_line:
        for fold in set(touched):
            _close(tally, fold, offer, tally.free[fold], tally.free_amounts[fold])
