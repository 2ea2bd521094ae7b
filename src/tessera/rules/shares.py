"""Limits over all members, as far as one register may use them.

Owns: the keys under which offers' totals and budgets are shared out, and what a place is told of
them. Must never: count, or know who has how much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tessera.core.basket import Place, Share
from tessera.core.quote import Quote
from tessera.core.uses import SHARED
from tessera.rules.conditions import counter_key
from tessera.rules.model import Limit, Offer
from tessera.rules.programme import Programme


def shared_limits(programme: Programme, place: Place) -> Iterator[tuple[str, Offer, Limit]]:
    """Give each limit over all members with its key and its offer."""
    for offer in programme.shared:
        for limit in offer.limits:
            if limit.period in SHARED:
                yield counter_key(offer, limit, place.business_day), offer, limit


def with_shares(programme: Programme, place: Place, left: Mapping[str, int]) -> Place:
    """Give the place with what is left there, by key; nothing of what is not named.

    What a register may go beyond its share is added.
    """
    found = shared_limits(programme, place)
    shares = tuple(Share(key=key, left=left.get(key, 0) + limit.risk) for key, _, limit in found)
    return replace(place, shares=shares)


def without_shares(programme: Programme, place: Place) -> Place:
    """Give the place where nothing of such limits is left, as for what is worked out afterwards."""
    found = shared_limits(programme, place)
    return replace(place, shares=tuple(Share(key=key) for key, _, _ in found))


def as_recorded(programme: Programme, place: Place, quote: Quote) -> Place:
    """Give the place with the shares of those offers alone that the basket touched."""
    if not place.shares:
        return place
    touched = {one.offer for one in quote.offers}
    keys = {key for key, offer, _ in shared_limits(programme, place) if offer.offer_id in touched}
    return replace(place, shares=tuple(one for one in place.shares if one.key in keys))


def risk_of(programme: Programme | None, place: Place, key: str) -> int:
    """Give how far a register may go beyond its share of a limit."""
    if programme is None:
        return 0
    return next((limit.risk for of, _, limit in shared_limits(programme, place) if of == key), 0)
