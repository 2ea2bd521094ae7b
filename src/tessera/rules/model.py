"""A programme as values: groups, and offers with their conditions and rewards.

Owns: the compiled form that `evaluate` runs on; all amounts are whole minor units and all rates are
pairs of whole numbers. What stands beside the offers is in `sections`. Must never: read text (see
`programme`) or price a basket.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from tessera.core.quote import OfferOutcome, Stage

Texts = tuple[tuple[str, str], ...]
"""Texts by language, as (language, text) pairs; the language "" stands for any."""


class Kind(StrEnum):
    """How much off: a percentage, an amount, or down to a price."""

    PERCENT = "percent"
    AMOUNT = "amount"
    PRICE = "price"


class GroupKind(StrEnum):
    """`all`: its offers may meet on the same goods; `best` and `first`: they compete for them."""

    ALL = "all"
    BEST = "best"
    FIRST = "first"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Selector:
    """Which goods. Every part that is given must match; `any_of` wants one of its selectors.

    `price` is the range of the unit price in minor units, ends included. `not_of`: what is left out
    again. Nothing given at all: everything. `only`: the one part that is given, where it is skus,
    categories, brands, tags or price and there is no other.
    """

    skus: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    attributes: frozenset[tuple[str, str]] = frozenset()
    kinds: frozenset[str] = frozenset()
    price: tuple[int, int] | None = None
    any_of: tuple["Selector", ...] = ()
    not_of: tuple["Selector", ...] = ()
    only: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given = [name for name in ("skus", "categories", "brands", "tags") if getattr(self, name)]
        given += ["price"] if self.price is not None else []
        more = self.attributes or self.kinds or self.any_of or self.not_of
        object.__setattr__(self, "only", given[0] if len(given) == 1 and not more else "")

    @property
    def everything(self) -> bool:
        """Tell whether it selects all goods."""
        return self is EVERYTHING or not (
            self.skus
            or self.categories
            or self.brands
            or self.tags
            or self.attributes
            or self.kinds
            or self.price
            or self.any_of
            or self.not_of
        )


EVERYTHING = Selector()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Window:
    """A stretch of time in the store's own clock; ends are inclusive, empty means always.

    `minutes` counts from midnight; a stretch whose end lies before its start passes midnight and
    belongs to the weekday on which it starts.
    """

    dates: tuple[date | None, date | None] = (None, None)
    weekdays: frozenset[int] = frozenset()
    minutes: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Where:
    """Stores, regions and registers; every list that is given must contain the place.

    `any_of`: beside that, one of these must (the countries of a draw); empty, none has to.
    """

    stores: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    registers: frozenset[str] = frozenset()
    any_of: tuple["Where", ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Who:
    """One condition on the member: `kind` names it, the rest are its values.

    Kinds: members, tier, segment, entitlement, staff, customers (no staff), new, lapsed, birthday,
    visit, spent, balance, share.
    """

    kind: str
    values: frozenset[str] = frozenset()
    low: int = 0
    high: int = 0
    salt: str = ""
    negated: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Need:
    """A threshold: at least so much money or so many items of a selection, read at a stage.

    `minor_most` and `quantity_most` are the most that there may be, of what the shelf says.
    """

    minor: int = 0
    quantity: int = 0
    minor_most: int | None = None
    quantity_most: int | None = None
    of: Selector = EVERYTHING
    at: Stage = Stage.SHELF


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trigger:
    """What must have been shown: a coupon code, a chosen reward, an event; empty: automatic."""

    coupons: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    single_use: bool = False
    chosen: bool = False
    events: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Limit:
    """At most `most` uses (or minor units, for a budget and line_amount) within a period.

    Periods: line, line_amount, basket, day, week, month, year, ever (of one member), total, budget.
    `risk`: what each register may use of a total or budget beyond its share.
    """

    period: str
    most: int
    risk: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Funding:
    """Who pays for an offer: a partner's share, as numerator and denominator.

    `before_tax_base`: the partner pays like a third party, and the tax base stays what it was.
    """

    partner: str = ""
    share: tuple[int, int] = (1, 1)
    third_party_paid: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Each:
    """Something off every selected unit. `measure`: the amount is for each kg, l, … of it.

    `value` is a percentage as (numerator, denominator), or (minor, 1). Of equal lines together at
    most `line_units` units are rewarded and `line_minor` taken off; they stand among the offer's
    limits, too.
    """

    kind: Kind
    value: tuple[int, int]
    cap_minor: int | None = None
    measure: str = ""
    line_units: int | None = None
    line_minor: int | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bundle:
    """So many units taken together: n for a price, buy and get, the cheapest free, a set.

    `parts`: (selection, count) that one use takes. `aim` says which of the units are rewarded: all,
    the `count` cheapest or dearest, or those of the `part` of that number.
    """

    parts: tuple[tuple[Selector, int], ...]
    kind: Kind
    value: tuple[int, int]
    aim: str = "all"
    count: int = 0
    same_item: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Gift:
    """`count` units of one of the `choices` (skus) for nothing, or for `price_minor` each."""

    choices: tuple[str, ...]
    count: int = 1
    price_minor: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Step:
    """A step of a ladder: from this much money (or this many items) on, this much off."""

    start: int
    kind: Kind
    value: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Off:
    """Something off the basket or a part of it, in one sum that is shared over its lines.

    `ladder` steps replace `value`; the highest that is reached counts for the whole, or each for
    its own slice (of money, or the first, second and further items) when `marginal`. `reads`:
    basket, quantity, lifetime or period spend.
    `repeats`: the one step counts again for every whole `start`, at most `times` times (0: any).
    """

    kind: Kind = Kind.PERCENT
    value: tuple[int, int] = (0, 1)
    cap_minor: int | None = None
    ladder: tuple[Step, ...] = ()
    marginal: bool = False
    reads: str = "basket"
    repeats: bool = False
    times: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Earn:
    """Units earned: `count` for every `step` of what `per` names.

    per: amount (step in minor units), quantity, measure (step in thousandths), or basket. `whole`:
    only whole steps count. `by_line`: steps are counted on each line rather than over the sale.
    """

    unit: str
    count: tuple[int, int]
    per: str = "basket"
    step: int = 1
    whole: bool = False
    by_line: bool = False
    measure: str = ""
    issuer: str = ""
    cap: int | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Multiply:
    """Units of one kind times a factor, over the selected goods."""

    unit: str
    factor: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spend:
    """Units that buy something: `count` units stand for `minor` money, or for a gift.

    `most` caps the part of the amount due that may be paid so. `plus_minor` is the money that a
    gift costs besides the units. `whole`: only whole lots of `count`.
    """

    unit: str
    count: int
    minor: int = 0
    tender: bool = False
    most: tuple[int, int] = (1, 1)
    least: int = 0
    whole: bool = True
    gift: Gift | None = None
    donate: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Issue:
    """A right that the sale grants: coupon, draw entry, access, referral, donation, instant win.

    `chance` (for instant wins) is one win in so many, as (wins, draws).
    """

    kind: str
    name: str
    count: int = 1
    days: int = 0
    starts_in_days: int = 0
    chance: tuple[int, int] = (0, 1)
    prizes: tuple[str, ...] = ()


Reward = Each | Bundle | Gift | Off | Earn | Multiply | Spend | Issue


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Offer:
    """One rule: when, where, who, what, trigger, reward, limits, stacking, funding.

    `rank` is its place in the file, which only groups that say `first` look at; `order` is the
    documented order that breaks ties: higher priority first, then the id. `label` is the name as
    the arguments of a message, `tier_label` the tiers that `who` names. `place` is the offer's
    number in the documented order of the whole programme, `manner` one number for all offers that
    stack alike, `path` the groups that it stands in, the nearest first. `of_a_line`: it acts on
    single items rather than on a mix of several. `refusals` keeps the outcomes that never differ.
    """

    offer_id: str
    rank: int
    line: int
    names: Texts
    receipt: Texts
    stage: Stage
    reward: Reward
    when: tuple[Window, ...] = ()
    where: Where | None = None
    who: tuple[Who, ...] = ()
    what: Selector = EVERYTHING
    needs: tuple[Need, ...] = ()
    trigger: Trigger | None = None
    limits: tuple[Limit, ...] = ()
    offline: str = "allow"
    group: str = ""
    priority: int = 0
    stacks_all: bool = False
    stacks_with: frozenset[str] = frozenset()
    funding: Funding | None = None
    changed_prices: bool = False
    undiscounted_only: bool = False
    free_to_all: bool = True
    label: tuple[tuple[str, str | int], ...] = ()
    receipt_label: tuple[tuple[str, str | int], ...] = ()
    tier_label: tuple[tuple[str, str | int], ...] = ()
    place: int = 0
    manner: int = -1
    path: tuple[str, ...] = ()
    of_a_line: bool = False
    refusals: dict[str, OfferOutcome] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, str]:
        """The documented order of offers that are otherwise equal."""
        return (-self.priority, self.offer_id)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Group:
    """How its offers and child groups meet; `parent` empty: it stands at the root."""

    group_id: str
    kind: GroupKind
    rank: int
    parent: str = ""
