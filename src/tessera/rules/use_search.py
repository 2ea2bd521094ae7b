"""The best assignment of units where an amount off may exceed what it is taken off.

Then it matters which units come together in one use, and the search along rows does not hold.

Owns: an exact search over the units of one competition, with a relaxed bound and a limit that
counts steps (never time, so that two machines agree). Must never: apply anything; it gives a plan.

Units of one parcel are alike, so a state is how many of each are left. They are settled from the
dearest on: either the rest of a parcel goes to the best offer on single units, or some bundle
takes one of its units together with units that are not dearer. The value of a state does not
depend on how it was reached and is remembered. The bound of a unit is the most that any offer
could save on it: a set price saves what the unit costs above its part of the price, and the
cheapest of n saves at most the n-th part of its rate on every unit.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from tessera.core.money import rounded
from tessera.rules.bundle_uses import Pick, Run, Use, aimed, price_of, worth
from tessera.rules.folds import Fold
from tessera.rules.model import Bundle, Each, Kind, Offer, Selector
from tessera.rules.spending import OutOfWork
from tessera.rules.unit_offers import each_discount
from tessera.rules.work import Work

STEPS_MAX = 4_000
"""Most bundle uses that are looked at in one competition before the search gives up."""
SCALE = 1_000
MATCH_STEPS = 3
USE_STEPS = 20
"""The work of asking whether a selection finds goods, and of looking at one use."""

Chosen = tuple[int, tuple[tuple[int, int], ...]]
"""One use: the bundle's number, and (run, count) of what it takes."""


class Exhausted(Exception):
    """The limit of steps was reached."""


class Search:
    """One competition for pristine units."""

    def __init__(
        self, work: Work, bundles: Sequence[Offer], fills: Sequence[Offer], folds: Sequence[Fold]
    ) -> None:
        self.work = work
        self.bundles = bundles
        self.fills = fills
        self.runs = sorted(
            (
                Run(fold, parcel, price_of(parcel))
                for fold in folds
                for parcel in fold.all_parcels
                if not parcel.offers
            ),
            key=lambda run: (-run.price, run.fold.rank),
        )
        self.steps = 0
        self.memo: dict[tuple[int, ...], tuple[int, Chosen | None]] = {}
        self.limited = [place for place, one in enumerate(bundles) if one in work.left]
        self.rewards = [one.reward for one in bundles if isinstance(one.reward, Bundle)]
        self.fitting = [
            [self._fitting(offer, part, alone=len(reward.parts) == 1) for part, _ in reward.parts]
            for offer, reward in zip(bundles, self.rewards, strict=True)
        ]
        self.fill_of = [self._fill_table(place) for place in range(len(self.runs))]
        self.bound_of = [self._bound(place) for place in range(len(self.runs))]

    def _fitting(self, offer: Offer, part: Selector, *, alone: bool) -> list[int]:
        """Give the runs that a part of a bundle selects; a part alone takes all that was found."""
        numbers = {fold.number for fold in self.work.found[offer]}
        there = [place for place, run in enumerate(self.runs) if run.fold.number in numbers]
        if alone:
            return there
        self.work.meter.left -= MATCH_STEPS * len(there)
        return [place for place in there if self.work.matches(part, self.runs[place].fold)]

    # -- what single units can save

    def _fill_table(self, place: int) -> list[int]:
        """What the best offer on single units saves on 0, 1, 2 … units of a run."""
        run = self.runs[place]
        here = [one for one in self.fills if run.fold in self.work.found[one]]
        table = [0]
        unit, dearer = divmod(run.parcel.due, run.parcel.count)
        for count in range(1, run.left + 1):
            # Bundles take the dearer units of an uneven parcel, so the cheaper ones are left.
            base = unit * count + max(0, dearer - (run.left - count))
            savings = [0]
            for one in here:
                reward = one.reward
                assert isinstance(reward, Each)
                savings.append(min(base, each_discount(self.work, reward, run.fold, count, base)))
            table.append(max(savings))
        return table

    def _bound(self, place: int) -> int:
        """An upper bound, in thousandths, of what one unit of a run can save."""
        run, table = self.runs[place], self.fill_of[place]
        self.work.meter.left -= len(table) * (1 + len(self.fills))
        most = max(-(-SCALE * saving // count) for count, saving in enumerate(table) if count)
        for number, reward in enumerate(self.rewards):
            for part, fitting in enumerate(self.fitting[number]):
                if place in fitting:
                    most = max(most, self._part_bound(reward, part, run))
        return most

    def _part_bound(self, reward: Bundle, part: int, run: Run) -> int:
        """The same for one part of a bundle, rounded up."""
        self.work.meter.left -= 2
        price, size = run.price * SCALE, sum([count for _, count in reward.parts])
        number, denominator = reward.value
        if reward.kind is Kind.PRICE and reward.aim == "all":
            return -((number * SCALE - price * size) // size)
        if reward.kind is not Kind.PERCENT:
            return -(-min(price, number * SCALE) // 1)
        if reward.aim == "cheapest":
            return -(-number * price * reward.count // (denominator * size))
        if reward.aim.startswith("part:") and int(reward.aim.removeprefix("part:")) != part:
            # The unit may belong to the rewarded part as well; its own entry bounds that.
            return 0
        return -(-number * price // denominator)

    def bound(self, start: int, counts: Sequence[int]) -> int:
        """An upper bound of what the units from `start` on can save, in minor units."""
        exact = sum(counts[place] * self.bound_of[place] for place in range(start, len(self.runs)))
        # One more for each parcel and use: what rounding half up can add to an exact value.
        return exact // SCALE + 1 + sum(counts[start:])

    # -- the search

    def solve(self) -> tuple[int, list[Chosen]] | None:
        """Give the greatest saving and the bundle uses that reach it; None at the limit."""
        counts = tuple(run.left for run in self.runs)
        left = tuple(self._left(place) for place in self.limited)
        try:
            saving = self._value(0, counts, left)
        except (Exhausted, OutOfWork, RecursionError):
            return None
        return saving, self._trace(counts, left)

    def _left(self, place: int) -> int:
        offer = self.bundles[place]
        left = self.work.left[offer]
        return 10**6 if left is None else left - self.work.outcomes[offer].uses

    def _value(self, start: int, counts: tuple[int, ...], left: tuple[int, ...]) -> int:
        while start < len(counts) and not counts[start]:
            start += 1
        if start == len(counts):
            return 0
        key = (start, *counts[start:], *left)
        known = self.memo.get(key)
        if known is not None:
            return known[0]
        best = self.fill_of[start][counts[start]] + self._value(start + 1, counts, left)
        choice: Chosen | None = None
        for chosen, saving in self._uses(start, counts, left):
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise Exhausted
            after, after_left = self._without(chosen, counts, left)
            if saving + self.bound(start, after) <= best:
                continue
            value = saving + self._value(start, after, after_left)
            if value > best:
                best, choice = value, chosen
        self.memo[key] = (best, choice)
        return best

    def _without(
        self, chosen: Chosen, counts: tuple[int, ...], left: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        after = list(counts)
        for place, count in chosen[1]:
            after[place] -= count
        if chosen[0] in self.limited:
            place = self.limited.index(chosen[0])
            left = (*left[:place], left[place] - 1, *left[place + 1 :])
        return tuple(after), left

    def _trace(self, counts: tuple[int, ...], left: tuple[int, ...]) -> list[Chosen]:
        found, start = [], 0
        while start < len(counts):
            if not counts[start]:
                start += 1
                continue
            choice = self.memo[start, *counts[start:], *left][1]
            if choice is None:
                start += 1
                continue
            found.append(choice)
            counts, left = self._without(choice, counts, left)
        return found

    # -- uses of bundles

    def _uses(
        self, start: int, counts: tuple[int, ...], left: tuple[int, ...]
    ) -> Iterator[tuple[Chosen, int]]:
        """Give every use that takes a unit of `start` and none before it, with its saving."""
        for number, reward in enumerate(self.rewards):
            if number in self.limited and left[self.limited.index(number)] <= 0:
                continue
            if not any(start in fitting for fitting in self.fitting[number]):
                continue
            for picks in self._part_picks(number, 0, start, counts):
                self.work.meter.spend(USE_STEPS + len(self.runs) // 4)
                flat: dict[int, int] = {}
                for part in picks:
                    for place, count in part:
                        flat[place] = flat.get(place, 0) + count
                if start not in flat:
                    continue
                saving = self._saving(reward, picks)
                if saving > 0:
                    yield (number, tuple(sorted(flat.items()))), saving

    def _part_picks(
        self, number: int, part: int, start: int, counts: Sequence[int]
    ) -> Iterator[list[list[tuple[int, int]]]]:
        """Give every way to serve the parts of a bundle from `part` on."""
        reward = self.rewards[number]
        self.work.meter.spend(3 + len(self.fitting[number][part - 1]) // 2)
        if part == len(reward.parts):
            yield []
            return
        sku = self.runs[start].fold.line.sku if reward.same_item else None
        allowed = [
            place
            for place in self.fitting[number][part]
            if place >= start and (sku is None or self.runs[place].fold.line.sku == sku)
        ]
        # A bundle of one part has to take a unit of `start`.
        least = 1 if len(reward.parts) == 1 else 0
        for picked in _choose(allowed, 0, reward.parts[part][1], counts, least):
            after = list(counts)
            for place, count in picked:
                after[place] -= count
            for rest in self._part_picks(number, part + 1, start, after):
                yield [picked, *rest]

    def _saving(self, reward: Bundle, picks: Sequence[Sequence[tuple[int, int]]]) -> int:
        whole: list[Pick] = [(self.runs[place], count) for part in picks for place, count in part]
        whole.sort(key=lambda pick: -pick[0].price)
        rewarded = whole
        if reward.aim.startswith("part:"):
            rewarded = [(self.runs[place], count) for place, count in picks[int(reward.aim[5:])]]
        elif reward.aim != "all":
            rewarded = aimed(reward, whole)
        number, denominator = reward.value
        cost = worth(rewarded)
        if reward.kind is Kind.PRICE:
            return int(cost) - number
        if reward.kind is Kind.AMOUNT:
            return min(int(cost), number)
        return rounded(Fraction(cost) * number / denominator, self.work.settings.rounding)


def _choose(
    allowed: Sequence[int], first: int, size: int, counts: Sequence[int], least: int = 0
) -> Iterator[list[tuple[int, int]]]:
    """Give every multiset of `size` units out of the allowed runs, `least` of the first."""
    if size == 0:
        yield []
        return
    if first == len(allowed):
        return
    place = allowed[first]
    for count in range(min(size, counts[place]), least - 1, -1):
        for rest in _choose(allowed, first + 1, size - count, counts):
            yield [(place, count), *rest] if count else rest


def uses_of(search: Search, chosen: Sequence[Chosen]) -> dict[Offer, list[Use]]:
    """Give the chosen uses by offer, ready to be booked."""
    found: dict[Offer, list[Use]] = {}
    for number, taken in chosen:
        offer, reward = search.bundles[number], search.rewards[number]
        picks: list[Pick] = [(search.runs[place], count) for place, count in taken]
        rewarded = picks
        if reward.aim.startswith("part:"):
            rewarded = _rewarded_part(search, number, taken, int(reward.aim[5:]))
        elif reward.aim != "all":
            rewarded = aimed(reward, picks)
        found.setdefault(offer, []).append(Use(picks, rewarded))
    return found


def _rewarded_part(
    search: Search, number: int, taken: Sequence[tuple[int, int]], part: int
) -> list[Pick]:
    """Give the dearest units of a use that can be its rewarded part, the others still served."""
    counts = [0] * len(search.runs)
    for place, count in taken:
        counts[place] = count
    best: list[tuple[int, int]] = []
    best_worth: Fraction | int = -1
    for picks in search._part_picks(number, 0, taken[0][0], counts):  # noqa: SLF001 — same module
        cost = worth([(search.runs[place], count) for place, count in picks[part]])
        if cost > best_worth:
            best, best_worth = picks[part], cost
    return [(search.runs[place], count) for place, count in best]
