"""What the quick way asks of each offer before any basket comes: its way, and its conditions.

Owns: which offers and settings the quick way knows, and what a verdict on conditions hangs on. Must
never: see a basket.
"""

from dataclasses import dataclass, fields

from tessera.core.quote import Stage
from tessera.rules.model import (
    Bundle,
    Each,
    Earn,
    Issue,
    Multiply,
    Off,
    Offer,
    Spend,
)
from tessera.rules.programme import Programme
from tessera.rules.quick_keys import (
    ACCRUAL_WAY,
    ASKED,
    BASKET_WAY,
    FREE,
    ISSUE_WAY,
    OF_MEMBERS,
    SPEND_WAY,
    UNIT_WAY,
)
from tessera.rules.read_offer import needs_member
from tessera.rules.sections import Settings

# The settings whose every choice the quick way follows, or that only later steps read.
_KNOWN_SETTINGS = frozenset(
    {
        "rounding",
        "exclusive",
        "between_groups",
        "basket_order",
        "limited_units",
        "accrual_basis",
        "units_paid_earn",
        "multipliers",
        "units_rounding",
        "attribution",
        "return_policy",
        "gift_kept",
        "minimum_price_rest",
        "spent_short",
    }
)


# Conditions on a member that hang on nothing but what the key of a verdict holds.
_STEADY_WHO = frozenset(
    {"members", "guests", "tier", "segment", "entitlement", "staff", "customers", "personal"}
)


Earning = tuple[tuple[str, str], int, int]
"""The account (unit and issuer) that an offer fills; and, for plain whole steps of an amount, the
units of each step and its size, else 0 and 0."""


def earning_of(programme: Programme, offer: Offer, reward: Earn) -> Earning:
    """Give the account that an offer fills, and its whole steps where they are plain."""
    issuer = offer.funding.partner if offer.funding else programme.units[reward.unit].issuer
    number, denominator = reward.count
    plain = (
        reward.per == "amount"
        and reward.whole
        and denominator == 1
        and number > 0
        and reward.cap is None
        and not (reward.by_line or offer.undiscounted_only)
    )
    return (reward.unit, issuer), *((number, reward.step) if plain else (0, 0))


def conditions_of(programme: Programme, offer: Offer) -> int:
    """Give what is asked before an offer can be had: something, a member, or nothing."""
    conditions = offer.trigger or offer.who or offer.when or offer.where or offer.needs
    if conditions or offer.limits or offer.offline != "allow":
        return ASKED
    if offer.offer_id in programme.stopped:
        return ASKED
    return OF_MEMBERS if needs_member(offer.reward) else FREE


def is_quick(programme: Programme) -> bool:
    """Tell whether all settings that the quick way does not know are the usual ones."""
    return all(
        one.name in _KNOWN_SETTINGS or getattr(programme.settings, one.name) == one.default
        for one in fields(Settings)
    )


def way_of(offer: Offer, first: str) -> int:
    """Give the way that an offer goes; 0 where only the full way can apply it."""
    reward = offer.reward
    if isinstance(reward, (Earn, Multiply, Issue, Spend)) and _reads_later(offer):
        return 0
    if isinstance(reward, (Earn, Multiply)):
        return ACCRUAL_WAY
    if isinstance(reward, Issue):
        return ISSUE_WAY
    if isinstance(reward, Spend):
        return SPEND_WAY
    if isinstance(reward, Each):
        return 0 if reward.measure or first else UNIT_WAY
    if isinstance(reward, Bundle):
        plain = len(reward.parts) == 1 and reward.aim in {"all", "cheapest"}
        return UNIT_WAY if plain or not first else 0
    if isinstance(reward, Off) and not (offer.undiscounted_only or _by_item(reward)):
        return BASKET_WAY
    return 0


def _reads_later(offer: Offer) -> bool:
    """Tell whether a threshold is read on what offers leave to pay."""
    return any(need.at is not Stage.SHELF for need in offer.needs)


def _by_item(reward: Off) -> bool:
    """Tell whether the steps of a ladder look at single items."""
    return reward.marginal and reward.reads == "quantity"


def hangs_on_key(offer: Offer) -> bool:
    """Tell whether an offer's conditions hang on nothing but the key of a verdict."""
    return (
        offer.trigger is None
        and not offer.limits
        and all(need.at is not Stage.SHELF for need in offer.needs)
        and all(who.kind in _STEADY_WHO for who in offer.who)
    )


@dataclass(frozen=True, slots=True)
class Edges:
    """What the verdicts on some offers hang on: the minutes at which windows turn, and more."""

    minutes: tuple[int, ...]
    dates: bool
    places: bool


def edges_of(offers: tuple[Offer, ...]) -> Edges:
    """Give what the verdicts on some offers hang on."""
    windows = [window for offer in offers for window in offer.when]
    minutes = {
        edge
        for window in windows
        if window.minutes is not None
        for edge in (window.minutes[0], window.minutes[1] + 1)
    }
    return Edges(
        minutes=tuple(sorted(minutes)),
        dates=any(window.dates != (None, None) for window in windows),
        places=any(offer.where is not None for offer in offers),
    )
