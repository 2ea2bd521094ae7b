"""What bundles take off: n for a price, buy and get, the cheapest free, sets of several parts.

Owns: what a use takes off, and the discount's share on each unit; `bundle_uses` picks the units.
Must never: choose between offers; whoever calls says which offer is next and how often.
"""

from tessera.core.money import divided, rounded, share
from tessera.rules.bundle_uses import Price, Use, fitting_of, run_sets, uses_by_turn, worth
from tessera.rules.folds import Fold, join_alike, take
from tessera.rules.model import Bundle, Kind, Offer
from tessera.rules.unit_offers import close_line, most_of
from tessera.rules.with_tax import price_share
from tessera.rules.work import BUDGET_USED, GOODS_TAKEN, NO_SAVING, Work

PIECES_APART = 300
"""In a basket of more pieces, uses of a bundle that are alike are booked as one group."""


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
    for runs in run_sets(work, offer, reward):
        allowed = None if most_uses is None else most_uses - sum([use.times for use in uses])
        uses += uses_by_turn(work, offer, runs, allowed)
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
