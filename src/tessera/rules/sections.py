"""What a programme says beside its offers, as values: units, tiers, draws, settings.

Owns: their compiled form; all amounts are whole minor units. Must never: read text (see
`read_sections`, `read_draws`) or price a basket.
"""

from dataclasses import dataclass

from tessera.core.money import Rounding
from tessera.rules.model import Texts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UnitDefinition:
    """A unit of account: what one is worth, how long it lives and how it may be spent.

    `value` is minor units of money for one, as (numerator, denominator), None when it has none.
    `redeem`: discount, tender or "" (only through offers). `step`: spent only in lots of so many.
    """

    unit: str
    names: Texts = ()
    value: tuple[int, int] | None = None
    redeem: str = ""
    step: int = 1
    least: int = 0
    most: tuple[int, int] = (1, 1)
    expires_months: int = 0
    expires_days: int = 0
    available_days: int = 0
    issuer: str = ""
    completes: int = 0
    completes_offer: str = ""
    stored_value: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tier:
    """A level that members reach by what they spent or earned; central holds who is where.

    `by`: spent, visits, or a unit's name; `months` is the period over which it counts (0: ever).
    """

    tier: str
    level: int
    by: str
    threshold: int
    months: int = 0
    names: Texts = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Draw:
    """The terms of a draw. `free_entry`: how to take part without buying; empty, there is no way.

    `prizes` is empty where an instant win names them itself; `countries` are codes of two letters.
    """

    draw_id: str
    line: int
    names: Texts
    organiser: str
    prizes: tuple[str, ...]
    free_entry: Texts
    countries: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Settings:
    """Where the trade knows two answers: the one chosen. Field names are the settings' names."""

    rounding: Rounding = Rounding.HALF_AWAY
    rounding_level: str = "fold"
    exclusive: str = "unit"
    between_groups: str = "best"
    basket_order: str = "amount-first"
    amounts_off: str = "as-priced"
    thresholds: str = "as-priced"
    stacked_base: str = "current"
    cheapest_free: str = "best-groups"
    set_price_units: str = "dearest"
    limited_units: str = "dearest"
    accrual_basis: str = "after-discounts"
    units_paid_earn: str = "no"
    multipliers: str = "highest"
    units_rounding: str = "after-multiplying"
    units_fraction: str = "down"
    attribution: str = "all-units"
    return_policy: str = "allocated"
    gift_kept: str = "charge"
    spent_short: str = "owed"
    spend_reads: str = "before-sale"
    minimum_price_rest: str = "given-up"
