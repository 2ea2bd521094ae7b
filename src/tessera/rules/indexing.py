"""Indexes over a programme's offers: which of them a line, or a coupon's code, may bring into play.

Owns: the look-up by product, category, brand and tag, and the documented order of offers. Must
never: decide whether an offer applies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tessera.core.quote import Stage
from tessera.rules.model import Gift, Group, Offer, Selector
from tessera.rules.read_offer import all_selectors

Hits = tuple[tuple[Offer, bool], ...]
"""Offers found under a key, and whether the key alone decides that their selection matches."""

_Found = dict[str, list[tuple[Offer, bool]]]


@dataclass(frozen=True, slots=True)
class Indexes:
    """Offers by what finds them; the names are those of `Programme`."""

    by_sku: dict[str, Hits]
    by_category: dict[str, Hits]
    by_brand: dict[str, Hits]
    by_tag: dict[str, Hits]
    broad: Hits
    by_coupon: dict[str, tuple[Offer, ...]]


def index_offers(offers: Sequence[Offer], groups: Mapping[str, Group]) -> Indexes:
    """Number the offers in the documented order, and enter each under what finds it.

    The numbers (`place`, `manner`) and the `path` are written into the offers themselves.
    """
    by: dict[str, _Found] = {"skus": {}, "categories": {}, "brands": {}, "tags": {}}
    broad: list[tuple[Offer, bool]] = []
    manners: dict[tuple[object, ...], int] = {}
    stages = {stage: place for place, stage in enumerate(Stage)}
    ordered = sorted(offers, key=lambda offer: (stages[offer.stage], offer.order))
    for place, offer in enumerate(ordered):
        object.__setattr__(offer, "place", place)
        path = _path_of(offer.group, groups)
        manner = (path, offer.stacks_all, offer.stacks_with, offer.undiscounted_only)
        object.__setattr__(offer, "path", path)
        object.__setattr__(offer, "manner", manners.setdefault(manner, len(manners)))
        _enter(offer, by, broad)
    by_coupon: dict[str, list[Offer]] = {}
    for offer, everything in broad:
        if _waits_for_coupon(offer, everything):
            assert offer.trigger is not None
            for code in sorted(offer.trigger.coupons):
                by_coupon.setdefault(code, []).append(offer)
    return Indexes(
        by_sku=_frozen(by["skus"]),
        by_category=_frozen(by["categories"]),
        by_brand=_frozen(by["brands"]),
        by_tag=_frozen(by["tags"]),
        broad=tuple(hit for hit in broad if not _waits_for_coupon(*hit)),
        by_coupon={code: tuple(waiting) for code, waiting in by_coupon.items()},
    )


def _path_of(group: str, groups: Mapping[str, Group]) -> tuple[str, ...]:
    """Give a group and those around it, the nearest first."""
    path: list[str] = []
    while group in groups and group not in path:
        path.append(group)
        group = groups[group].parent
    return tuple(path)


def _waits_for_coupon(offer: Offer, everything: bool) -> bool:  # noqa: FBT001 — a hit taken apart
    trigger = offer.trigger
    return everything and trigger is not None and bool(trigger.coupons) and not trigger.prefixes


def _frozen(found: _Found) -> dict[str, Hits]:
    return {key: tuple(hits) for key, hits in found.items()}


def _enter(
    offer: Offer,
    by: dict[str, _Found],
    broad: list[tuple[Offer, bool]],
) -> None:
    entries: dict[tuple[str, str], bool] = {}
    for selector in all_selectors(offer):
        parts = _alternatives(selector)
        for part in parts:
            narrowest = next(
                (name for name in ("skus", "categories", "brands", "tags") if getattr(part, name)),
                "",
            )
            if not narrowest:
                broad.append((offer, part.everything))
                return
            # Goods that one part of a bundle takes are the bundle's; a gift's occasion is not one.
            alone = parts == (selector,) and _is_alone(part, narrowest)
            alone = alone and not isinstance(offer.reward, Gift)
            for key in getattr(part, narrowest):
                entries[narrowest, key] = entries.get((narrowest, key), False) or alone
    for (name, key), alone in entries.items():
        by[name].setdefault(key, []).append((offer, alone))


def _alternatives(selector: Selector) -> tuple[Selector, ...]:
    """Give the selectors under whose keys goods may be found, any one of them."""
    own = selector.skus or selector.categories or selector.brands or selector.tags
    if selector.any_of and not own:
        return tuple(part for one in selector.any_of for part in _alternatives(one))
    return (selector,)


def _is_alone(selector: Selector, name: str) -> bool:
    others = {"skus", "categories", "brands", "tags", "attributes", "kinds", "any_of", "not_of"}
    return selector.price is None and not any(getattr(selector, key) for key in others - {name})
