"""What bundles take off: n for a price, buy and get, the cheapest free, sets of several parts.

Owns: which units one use takes, which of them it rewards, and the discount's share on each unit.
Must never: choose between offers; whoever calls says which offer is next and how often.
"""

from collections.abc import Iterator
from fractions import Fraction

from tessera.core.money import divided, rounded, share
from tessera.rules.folds import Fold, Parcel, join_alike, take
from tessera.rules.model import Bundle, Kind, Offer
from tessera.rules.unit_offers import close_line, most_of
from tessera.rules.with_tax import price_share
from tessera.rules.work import BUDGET_USED, GOODS_TAKEN, NO_SAVING, Work

Price = int | Fraction


def price_of(parcel: Parcel) -> Price:
    """What one unit of a parcel costs: a whole number nearly always."""
    due, count = parcel.due, parcel.count
    return due // count if due % count == 0 else Fraction(due, count)


class Run:
    """Units of one parcel that a bundle may take: the price of one, and how many are left."""

    __slots__ = ("fold", "left", "parcel", "price")

    def __init__(self, fold: Fold, parcel: Parcel, price: Price) -> None:
        self.fold = fold
        self.parcel = parcel
        self.price = price
        self.left = parcel.count


Pick = tuple[Run, int]

PIECES_APART = 300
"""In a basket of more pieces, uses of a bundle that are alike are booked as one group."""


class Use:
    """One use of a bundle: all units it takes, those of them that it rewards; `times`: so often."""

    __slots__ = ("picks", "rewarded", "times")

    def __init__(self, picks: list[Pick], rewarded: list[Pick], times: int = 1) -> None:
        self.picks = picks
        self.rewarded = rewarded
        self.times = times


def apply_bundle(work: Work, offer: Offer, most_uses: int | None = None) -> int:
    """Apply a bundle as often as it saves and is allowed; give the number of uses."""
    reward = offer.reward
    assert isinstance(reward, Bundle)
    size = sum([count for _, count in reward.parts])
    if sum([fold.count for fold in work.found[offer]]) < size:
        say_short(work, offer, reward)
        return 0
    left = work.left.get(offer)
    if left is not None:
        left -= work.outcomes[offer].uses
        most_uses = left if most_uses is None else min(left, most_uses)
    uses: list[Use] = []
    work.meter.left -= 10 + 3 * sum([len(fold.all_parcels) for fold in work.found[offer]])
    for runs in _run_sets(work, offer, reward):
        allowed = None if most_uses is None else most_uses - sum([use.times for use in uses])
        uses += _plan(work, offer, runs, allowed)
    if not uses:
        if most_uses != 0:
            say_short(work, offer, reward)
        return 0
    return book_uses(work, offer, uses)


def book_uses(work: Work, offer: Offer, uses: list[Use]) -> int:
    """Take off what some uses save, within the offer's budget; give how many saved anything."""
    reward, outcome = offer.reward, work.outcomes[offer]
    assert isinstance(reward, Bundle)
    if work.pieces <= PIECES_APART:
        uses = [Use(use.picks, use.rewarded) for use in uses for _ in range(use.times)]
    work.meter.left -= 12 * sum([1 + len(use.picks) for use in uses])
    discounts = _discounts(work, reward, uses)
    budget = most_of(work, offer, None)
    if budget is not None:
        discounts = _within(budget, discounts, uses)
    done = 0
    for use, minor in zip(uses, discounts, strict=True):
        if minor <= 0:
            continue
        done += use.times
        outcome.groups += 1
        _commit(work, offer, use, minor, outcome.groups)
    if work.pieces > PIECES_APART:
        for fold in {run.fold.number: run.fold for use in uses for run, _ in use.picks}.values():
            join_alike(fold)
    outcome.uses += done
    if not done:
        outcome.reason = NO_SAVING if budget is None else BUDGET_USED
    return done


def _within(budget: int, discounts: list[int], uses: list[Use]) -> list[int]:
    """Cut what uses save to what the budget has left; of uses alike only those that it reaches."""
    kept = []
    for minor, use in zip(discounts, uses, strict=True):
        part = min(minor, budget)
        budget -= part
        kept.append(part)
        if 0 < part < minor:
            use.times = -(-part * use.times // minor)
    return kept


def say_short(work: Work, offer: Offer, reward: Bundle) -> None:
    """Say how many items are missing for the next use, or that others have taken them."""
    outcome = work.outcomes[offer]
    work.meter.left -= len(work.found[offer]) * len(reward.parts)
    missing = 0
    matching: list[Fold] = []
    for place, (_, count) in enumerate(reward.parts):
        fitting = fitting_of(work, offer, reward)[place]
        folds = [fold for fold in work.found[offer] if fold.number in fitting]
        missing += max(0, count - sum([fold.count for fold in folds]))
        matching += folds
    if missing:
        outcome.reason = "quantity-short"
        outcome.missing_quantity = missing
    else:
        taken = any(parcel.offers for fold in matching for parcel in fold.all_parcels)
        outcome.reason = GOODS_TAKEN if taken else NO_SAVING


def fitting_of(work: Work, offer: Offer, reward: Bundle) -> list[frozenset[int]]:
    """The numbers of the folds that each part of a bundle may take from."""
    known = work.fitting.get(offer)
    if known is None and len(reward.parts) == 1:  # it takes all that was found
        known = work.fitting[offer] = [frozenset([fold.number for fold in work.found[offer]])]
    elif known is None:
        work.meter.left -= 3 * len(reward.parts) * len(work.found[offer])
        known = work.fitting[offer] = [
            frozenset([fold.number for fold in work.matching(selector, work.found[offer])])
            for selector, _ in reward.parts
        ]
    return known


def _run_sets(work: Work, offer: Offer, reward: Bundle) -> list[list[Run]]:
    """Give the open units, the dearest first; one list, or one for each item of its own."""
    runs = [
        Run(fold, parcel, price_of(parcel))
        for fold in work.found[offer]
        for parcel in work.open_parcels(fold, offer)
    ]
    if len(runs) > 1:
        runs.sort(key=lambda run: (-run.price, run.fold.rank, run.parcel.discount))
    if not reward.same_item:
        return [runs]
    by_sku: dict[str, list[Run]] = {}
    for run in runs:
        by_sku.setdefault(run.fold.line.sku, []).append(run)
    return [by_sku[sku] for sku in sorted(by_sku)]


def _plan(work: Work, offer: Offer, runs: list[Run], most: int | None) -> list[Use]:
    reward = offer.reward
    assert isinstance(reward, Bundle)
    if len(reward.parts) > 1:
        return _plan_parts(reward, fitting_of(work, offer, reward), runs, most)
    size = reward.parts[0][1]
    there = sum(run.left for run in runs)
    count = there // size if most is None else min(there // size, most)
    if reward.aim == "cheapest" and work.settings.cheapest_free == "cheapest-overall":
        return _plan_overall(reward, runs, count)
    if reward.kind is Kind.PRICE and work.settings.set_price_units == "cheapest":
        return _plan_cheap(reward, list(reversed(runs)), count)
    uses: list[Use] = []
    while count:
        picks = _pick(runs, size)
        if reward.kind is Kind.PRICE and worth(picks) <= reward.value[0]:
            break  # the dearest units that are left cost less one by one
        times = _again([picks], count)
        uses.append(Use(picks, aimed(reward, picks), times))
        count -= times
    return uses


def _again(groups: list[list[Pick]], most: int) -> int:
    """Take what was picked again while it is there; give how often it was taken in all.

    Only what comes from one run each may be taken again: two runs in one group mean that the first
    of them has no units left.
    """
    wanted: dict[Run, int] = {}
    for group in groups:
        if len(group) != 1:
            return 1
        run, count = group[0]
        wanted[run] = wanted.get(run, 0) + count
    more = min([most - 1, *(run.left // count for run, count in wanted.items())])
    for run, count in wanted.items():
        run.left -= more * count
    return 1 + more


def _plan_cheap(reward: Bundle, runs: list[Run], count: int) -> list[Use]:
    """The merchant's reading of a set price: the cheapest units with which it saves anything."""
    size = reward.parts[0][1]
    uses: list[Use] = []
    while count and sum(run.left for run in runs) >= size:
        picks = _pick(runs, size)
        if worth(picks) > reward.value[0]:
            times = _again([picks], count)
            uses.append(Use(picks, picks, times))
            count -= times
            continue
        _put_back(picks)
        cheapest = picks[0][0]  # is no help, but the next dearer ones may be
        cheapest.left = min(cheapest.left - 1, size - 1)
    return uses


def _plan_overall(reward: Bundle, runs: list[Run], count: int) -> list[Use]:
    """The merchant's reading: of everything taken together the cheapest are rewarded."""
    size = reward.parts[0][1]
    cheap = _pick(list(reversed(runs)), count * reward.count)
    dear = _pick(runs, count * (size - reward.count))
    return [
        Use([*others, *rewarded], rewarded, times)
        for (others, rewarded), times in in_groups(
            [dear, cheap], [size - reward.count, reward.count], count
        )
    ]


def in_groups(
    lists: list[list[Pick]], sizes: list[int], count: int
) -> Iterator[tuple[list[list[Pick]], int]]:
    """Take `count` groups off the front of some lists: those alike at once, with how often."""
    while count > 0:
        alike = [
            found[0][1] // size for found, size in zip(lists, sizes, strict=True) if size and found
        ]
        times = max(1, min([count, *alike]))
        groups = [split_picks(found, size) for found, size in zip(lists, sizes, strict=True)]
        if times > 1:
            for found, size in zip(lists, sizes, strict=True):
                split_picks(found, size * (times - 1))
        yield groups, times
        count -= times


def split_picks(picks: list[Pick], count: int) -> list[Pick]:
    """Take `count` units off the front of some picks."""
    found: list[Pick] = []
    while count and picks:
        run, there = picks[0]
        part = min(there, count)
        found.append((run, part))
        count -= part
        if part == there:
            picks.pop(0)
        else:
            picks[0] = (run, there - part)
    return found


def _plan_parts(
    reward: Bundle, numbers: list[frozenset[int]], runs: list[Run], most: int | None
) -> list[Use]:
    """Plan a bundle of several parts: in each use the scarcest part chooses first."""
    fitting = [[run for run in runs if run.fold.number in there] for there in numbers]
    order = sorted(
        range(len(reward.parts)), key=lambda part: (sum(run.left for run in fitting[part]), part)
    )
    uses: list[Use] = []
    left = sum(run.left for run in runs) if most is None else most
    while left > 0:
        picked: dict[int, list[Pick]] = {}
        for part in order:
            count = reward.parts[part][1]
            found = _pick(fitting[part], count)
            picked[part] = found
            if sum(number for _, number in found) < count:
                _put_back([pick for picks in picked.values() for pick in picks])
                return uses
        picks = [pick for part in sorted(picked) for pick in picked[part]]
        if reward.kind is Kind.PRICE and worth(picks) <= reward.value[0]:
            _put_back(picks)
            return uses
        rewarded = picks
        if reward.aim.startswith("part:"):
            rewarded = picked[int(reward.aim.removeprefix("part:"))]
        elif reward.aim != "all":
            rewarded = aimed(reward, sorted(picks, key=lambda pick: -pick[0].price))
        times = _again([picked[part] for part in sorted(picked)], left)
        uses.append(Use(picks, rewarded, times))
        left -= times
    return uses


def _pick(runs: list[Run], count: int) -> list[Pick]:
    found: list[Pick] = []
    while runs and not runs[0].left:
        runs.pop(0)
    for run in runs:
        if not count:
            break
        part = min(run.left, count)
        if part:
            run.left -= part
            count -= part
            found.append((run, part))
    return found


def _put_back(picks: list[Pick]) -> None:
    for run, count in picks:
        run.left += count


def worth(picks: list[Pick]) -> Price:
    """What the picked units cost together."""
    return sum([run.price * count for run, count in picks])


def aimed(reward: Bundle, picks: list[Pick]) -> list[Pick]:
    """Give the rewarded ones of picks that are sorted, the dearest first."""
    if reward.aim == "all":
        return picks
    ordered = list(reversed(picks)) if reward.aim == "cheapest" else list(picks)
    return split_picks(ordered, reward.count)


def _discounts(work: Work, reward: Bundle, uses: list[Use]) -> list[int]:
    """Give what each use takes off; percentages are rounded once over all of them."""
    number, denominator = reward.value
    if reward.kind is not Kind.PERCENT:
        found = []
        taken: dict[int, int] = {}
        for use in uses:
            cost = int(worth(use.rewarded)) * use.times
            if reward.aim == "all":
                cost = _exact_cost(use, taken)
            if reward.kind is Kind.PRICE:
                found.append(max(0, cost - number * use.times))
                continue
            parts = [(run.fold, int(run.price * count)) for run, count in use.rewarded]
            share_number, share_denominator = price_share(work.settings, parts)
            minor = divided(number * share_number, share_denominator, work.settings.rounding)
            found.append(min(cost, minor * use.times))
        return found
    total: Price = 0
    found, before, rounding = [], 0, work.settings.rounding
    for use in uses:
        total += worth(use.rewarded) * use.times
        if isinstance(total, int):
            after = divided(total * number, denominator, rounding)
        else:
            after = rounded(total * number / denominator, rounding)
        found.append(after - before)
        before = after
    return found


def _exact_cost(use: Use, taken: dict[int, int]) -> int:
    """What picked units cost to the minor unit: of an uneven parcel the dearer ones go first.

    `taken` counts what earlier uses have taken of each run, and is counted on.
    """
    cost = 0
    for run, once in use.picks:
        count = once * use.times
        unit, dearer = divmod(run.parcel.due, run.parcel.count)
        before = taken.get(id(run), 0)
        taken[id(run)] = before + count
        cost += unit * count + min(before + count, dearer) - min(before, dearer)
    return cost


def _commit(work: Work, offer: Offer, use: Use, minor: int, group: int) -> None:
    """Split the units off their parcels and share the discount over them."""
    only_rewarded = work.settings.attribution == "reward-only"
    rewarded = {id(run) for run, _ in use.rewarded}
    times = use.times
    pieces = [
        (run.fold, take(run.fold, run.parcel, count * times), run) for run, count in use.picks
    ]
    if only_rewarded:
        left = {id(run): count * times for run, count in use.rewarded}
        weights = []
        for _, parcel, run in pieces:
            part = min(left.get(id(run), 0), parcel.count) if id(run) in rewarded else 0
            left[id(run)] = left.get(id(run), 0) - part
            weights.append(parcel.due * part // parcel.count)
    else:
        weights = [parcel.due for _, parcel, _ in pieces]
    places = sorted(range(len(pieces)), key=lambda place: (pieces[place][0].rank, place))
    parts = _no_more_than(
        share(minor, [weights[place] for place in places]),
        [pieces[place][1].due for place in places],
    )
    for place, part in zip(places, parts, strict=True):
        fold, parcel, _ = pieces[place]
        work.put(offer, group, fold, parcel, part)
    if offer.of_a_line:
        for fold in {fold.number: fold for fold, _, _ in pieces}.values():
            close_line(work, offer, fold)


def _no_more_than(parts: list[int], dues: list[int]) -> list[int]:
    """Move what a unit can't bear on to the next that can."""
    over = 0
    for place, (part, due) in enumerate(zip(parts, dues, strict=True)):
        if part > due:
            over += part - due
            parts[place] = due
    for place, due in enumerate(dues):
        room = min(over, due - parts[place])
        parts[place] += room
        over -= room
    return parts
