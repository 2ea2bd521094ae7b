"""What pricing prepares of a programme once, so that a basket asks tables and not conditions.

Owns: slots, the offers of a list of categories, verdicts on conditions that hold for many baskets,
ladders of thresholds. Must never: depend on a basket; what it remembers is bounded.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import OfferOutcome
from tessera.rules.admitting import Moment, is_refused, refusal_of
from tessera.rules.indexing import Hits
from tessera.rules.model import Each, Earn, Multiply, Offer
from tessera.rules.programme import Programme
from tessera.rules.quick_keys import (
    ACCRUAL_WAY,
    BASKET_WAY,
    ISSUE_WAY,
    SPEND_WAY,
    UNIT_WAY,
    Key,
)
from tessera.rules.quick_ladders import Ladder, ladder_of
from tessera.rules.quick_ways import (
    conditions_of,
    earning_of,
    edges_of,
    hangs_on_key,
    is_quick,
    way_of,
)
from tessera.rules.stacking import first_group_of, none_may_share
from tessera.rules.work import BY_PLACE, Work

FILL, BOUND, BUNDLE, FIRST = 0, 1, 2, 3
"""What a unit offer is: on single units; the same, but with a cap on all of them; a bundle; a
bundle in a group that says `first`."""

REMEMBERED_MAX = 10_000
"""Most entries of each table that grows with what is asked; when full it starts anew."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The offers on everything that may be had, by stage, and the outcomes of those that may not.

    `issuing` grant rights, `spends` are rewards for units, `others` are those that the quick way
    leaves alone. `slots` holds those of the basket stage by
    slot, in the documented order, and `ladders` the slots that are one.
    """

    unit: tuple[Offer, ...]
    basket: tuple[Offer, ...]
    accrual: tuple[Offer, ...]
    issuing: tuple[Offer, ...]
    spends: tuple[Offer, ...]
    others: tuple[Offer, ...]
    refused: dict[int, OfferOutcome]
    slots: dict[tuple[int, int], list[Offer]]
    ladders: dict[tuple[int, int], Ladder]


class Prepared:
    """The tables of one programme; see `prepared_of`.

    `products` and `categories` are the keys that were asked for so far. `rules` is an evaluation of
    nothing, asked only who may meet whom. `conditions` tells for every offer what is asked before
    it can be had. `factors` are the multipliers: numerator, denominator, and whether on all goods.
    `quick` is false where settings want the other way.
    """

    __slots__ = (
        "_edges",
        "_verdicts",
        "broad",
        "by_line",
        "categories",
        "competing",
        "completing",
        "conditions",
        "each",
        "earning",
        "factors",
        "first_groups",
        "groups_first",
        "lonely_slots",
        "meetings",
        "products",
        "programme",
        "quick",
        "roles",
        "rules",
        "scans",
        "slots",
        "solved",
        "steady",
        "third_party",
        "ways",
        "whole_first",
    )

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        settings = programme.settings
        basket = Basket(currency=programme.currency)
        self.rules = Work(programme, None, basket, Place(at=_EPOCH, business_day=_EPOCH.date()))
        self.quick = is_quick(programme)
        self.completing = any(unit.completes for unit in programme.units.values())
        self.third_party = any(
            offer.funding is not None and offer.funding.third_party_paid
            for offer in programme.offers
        )
        self.by_line = settings.exclusive == "line"
        self.groups_first = settings.between_groups == "first"
        self.first_groups = {
            offer: first_group_of(self.rules, offer) if offer.path else ""
            for offer in programme.offers
        }
        self.ways = {offer: way_of(offer, self.first_groups[offer]) for offer in programme.offers}
        self.conditions = {offer: conditions_of(programme, offer) for offer in programme.offers}
        self.slots = {offer: self._slot_of(offer) for offer in programme.offers}
        self.each = {
            offer: (offer.reward.kind, *offer.reward.value)
            for offer in programme.offers
            if isinstance(offer.reward, Each)
        }
        self.earning = {
            offer: earning_of(programme, offer, reward)
            for offer in programme.offers
            if isinstance(reward := offer.reward, Earn)
        }
        self.factors = {
            offer: (*offer.reward.factor, offer.what.everything)
            for offer in programme.offers
            if isinstance(offer.reward, Multiply)
        }
        self.whole_first = settings.units_rounding == "before-multiplying"
        self.scans = tuple(hit for hit in programme.broad if not hit[1])
        steady = [offer for offer, everything in programme.broad if everything]
        self.steady = tuple(one for one in steady if self.conditions[one] and hangs_on_key(one))
        settled = frozenset(self.steady)
        self.broad = tuple(hit for hit in programme.broad if hit[0] not in settled)
        self.meetings: dict[tuple[Offer, ...], bool] = {}
        self.competing: dict[tuple[Offer, ...], bool] = {}
        self.roles = {
            offer: (self.slots[offer], self._role_of(offer))
            for offer in programme.offers
            if self.ways[offer] == UNIT_WAY
        }
        self.lonely_slots = self._lonely_slots()
        self.solved: dict[object, object] = {}
        self.categories: dict[tuple[str, ...], Key] = {}
        self.products: dict[str, Key] = {}
        self._verdicts: dict[object, Verdict] = {}
        self._edges = edges_of(self.steady)

    def _slot_of(self, offer: Offer) -> tuple[int, int]:
        if not self.groups_first:
            return (0, 0)
        path = offer.path
        return (0, self.programme.groups[path[-1]].rank) if path else (1, offer.rank)

    def _role_of(self, offer: Offer) -> int:
        reward = offer.reward
        if self.first_groups[offer]:
            return FIRST
        if isinstance(reward, Each):
            return FILL if reward.cap_minor is None else BOUND
        return BUNDLE

    def _lonely_slots(self) -> frozenset[tuple[int, int]]:
        """Give the slots of which no two unit offers may meet, where that is plain to see."""
        by_slot: dict[tuple[int, int], list[Offer]] = {}
        for offer, (slot, role) in self.roles.items():
            if role != FIRST:
                by_slot.setdefault(slot, []).append(offer)
        return frozenset(
            slot
            for slot, offers in by_slot.items()
            if len({(one.group, one.stacks_all, one.stacks_with) for one in offers}) == 1
            and not offers[0].stacks_with
            and none_may_share(self.rules, offers)
        )

    def under(self, categories: tuple[str, ...]) -> Key:
        """Give the offers under a list of categories, each once, and those that look at lines."""
        known = self.categories.get(categories)
        if known is None:
            found: dict[Offer, bool] = {}
            for offer, alone in self.programme.hits_of(categories)[1] + self.scans:
                found[offer] = found.get(offer, False) or alone
            known = self._key(tuple(found.items()))
            if len(self.categories) >= REMEMBERED_MAX:
                self.categories.clear()
            self.categories[categories] = known
        return known

    def on_product(self, sku: str) -> Key:
        """Give the offers on a product that some offer names."""
        known = self.products.get(sku)
        if known is None:
            known = self.products[sku] = self._key(self.programme.by_sku[sku])
        return known

    def _key(self, hits: Hits) -> Key:
        return Key(hits, self.ways.__getitem__, self.conditions.__getitem__)

    def verdict(self, moment: Moment, basket: Basket, member: MemberState | None) -> Verdict:
        """Tell which of the `steady` offers may be had; decided once for all who are alike."""
        place = moment.place
        key = (
            moment.day if self._edges.dates else None,
            moment.weekday,
            bisect_right(self._edges.minutes, moment.minute),
            (place.store, place.region, place.register) if self._edges.places else None,
            place.offline,
            place.guarded,
            None
            if member is None
            else (member.status, member.tier, member.segments, member.entitlements, member.staff),
        )
        known = self._verdicts.get(key)
        if known is None:
            known = self._judged(moment, basket, member)
            if len(self._verdicts) >= REMEMBERED_MAX:
                self._verdicts.clear()
            self._verdicts[key] = known
        return known

    def _judged(self, moment: Moment, basket: Basket, member: MemberState | None) -> Verdict:
        refused: dict[int, OfferOutcome] = {}
        had: dict[int, list[Offer]] = {}
        for offer in self.steady:
            reason = is_refused(self.programme, offer, moment, basket, member)
            if reason:
                refused[offer.place] = refusal_of(offer, reason)
            else:
                had.setdefault(self.ways[offer], []).append(offer)
        unit, on_basket, accrual, issuing, spends, others = (
            tuple(had.get(way, ()))
            for way in (UNIT_WAY, BASKET_WAY, ACCRUAL_WAY, ISSUE_WAY, SPEND_WAY, 0)
        )
        slots: dict[tuple[int, int], list[Offer]] = {}
        for offer in sorted(on_basket, key=BY_PLACE):
            slots.setdefault(self.slots[offer], []).append(offer)
        ladders = {
            slot: ladder
            for slot, offers in slots.items()
            if len(offers) > 1
            and (ladder := ladder_of(self.rules, self.first_groups, offers)) is not None
        }
        return Verdict(unit, on_basket, accrual, issuing, spends, others, refused, slots, ladders)

    def may_meet(self, first: Offer, second: Offer) -> bool:
        """Tell whether two offers may meet on the same unit; looked up after the first time."""
        pair = (first, second)
        known = self.meetings.get(pair)
        if known is None:
            if len(self.meetings) >= REMEMBERED_MAX:
                self.meetings.clear()
            known = self.meetings[pair] = self.rules.may_share(first, second)
        return known

    def compete(self, offers: Sequence[Offer]) -> bool:
        """Tell whether no two of the offers may meet on the same unit."""
        key = tuple(offers)
        known = self.competing.get(key)
        if known is None:
            if len(self.competing) >= REMEMBERED_MAX:
                self.competing.clear()
            known = self.competing[key] = none_may_share(self.rules, key)
        return known


def prepared_of(programme: Programme) -> Prepared:
    """Give a programme's tables; the first basket makes them."""
    kept = programme.kept
    found = kept.get("prepared")
    if found is None:
        found = kept["prepared"] = Prepared(programme)
    assert isinstance(found, Prepared)
    return found
