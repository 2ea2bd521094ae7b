"""Which units a bundle takes in each use, and which of them it rewards.

Owns: the units that are open to a bundle as runs, and the picking of uses from them, those alike at
once. Must never: take anything off; `bundles` books what was picked.
"""

from collections.abc import Iterator
from fractions import Fraction

from tessera.rules.folds import Fold, Parcel
from tessera.rules.model import Bundle, Kind, Offer
from tessera.rules.work import Work

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


class Use:
    """One use of a bundle: all units it takes, those of them that it rewards; `times`: so often."""

    __slots__ = ("picks", "rewarded", "times")

    def __init__(self, picks: list[Pick], rewarded: list[Pick], times: int = 1) -> None:
        self.picks = picks
        self.rewarded = rewarded
        self.times = times


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


def run_sets(work: Work, offer: Offer, reward: Bundle) -> list[list[Run]]:
    """Give the open units, the dearest first; one list, or one for each item of its own."""
    is_open = work.is_open
    runs = [
        Run(fold, parcel, price_of(parcel))
        for fold in work.found[offer]
        for parcel in (fold.parcels or fold.all_parcels)
        if not parcel.offers or is_open(parcel, offer)
    ]
    if len(runs) > 1:
        runs.sort(key=lambda run: (-run.price, run.fold.rank, run.parcel.discount))
    if not reward.same_item:
        return [runs]
    by_sku: dict[str, list[Run]] = {}
    for run in runs:
        by_sku.setdefault(run.fold.line.sku, []).append(run)
    return [by_sku[sku] for sku in sorted(by_sku)]


def uses_by_turn(work: Work, offer: Offer, runs: list[Run], most: int | None) -> list[Use]:
    """Pick the uses of a bundle from runs, one after the other, at most so many."""
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
    """Plan a bundle of several parts: in each use the scarcest part chooses first.

    Goods that bring one part its reward are the last to be taken for the others.
    """
    fitting = [[run for run in runs if run.fold.number in there] for there in numbers]
    if reward.aim.startswith("part:"):
        wanted = int(reward.aim.removeprefix("part:"))
        for part, fits in enumerate(fitting):
            if part != wanted:
                fits.sort(key=lambda run: run.fold.number in numbers[wanted])
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
