"""The sections of a programme besides its offers: settings, units, tiers, categories, groups.

Owns: their keys and defaults. Must never: read an offer.
"""

import re
from collections.abc import Mapping as Map
from dataclasses import fields
from fractions import Fraction

from tessera.core.money import Rounding
from tessera.rules.model import Group, GroupKind
from tessera.rules.reading import Reader, propose
from tessera.rules.sections import Settings, Tier, UnitDefinition
from tessera.rules.yaml_nodes import Mapping, Node, Scalar

SETTING_CHOICES: dict[str, tuple[str, ...]] = {
    "rounding": ("half-away", "half-down", "half-even", "floor"),
    "rounding_level": ("fold", "unit", "offer"),
    "exclusive": ("unit", "line"),
    "between_groups": ("best", "first"),
    "basket_order": ("amount-first", "percent-first", "listed"),
    "amounts_off": ("as-priced", "with-tax"),
    "thresholds": ("as-priced", "without-tax", "with-tax"),
    "stacked_base": ("current", "shelf"),
    "cheapest_free": ("best-groups", "cheapest-overall"),
    "set_price_units": ("dearest", "cheapest"),
    "limited_units": ("dearest", "cheapest"),
    "accrual_basis": ("after-discounts", "after-line-offers", "shelf"),
    "units_paid_earn": ("no", "yes"),
    "multipliers": ("highest", "add", "multiply"),
    "units_rounding": ("after-multiplying", "before-multiplying"),
    "units_fraction": ("down", "nearest"),
    "attribution": ("all-units", "reward-only"),
    "return_policy": ("allocated", "repriced"),
    "gift_kept": ("charge", "keep"),
    "spent_short": ("owed", "reduce-refund"),
    "spend_reads": ("before-sale", "with-sale"),
    "minimum_price_rest": ("given-up", "other-goods"),
}
"""Every setting of a programme, its default first."""

UNIT_KEYS = (
    "name",
    "value",
    "redeem",
    "step",
    "at_least",
    "at_most",
    "expires",
    "available_after",
    "issuer",
    "completes",
    "reward",
    "stored_value",
)
YEARS_MAX = 1_000
_SPAN = re.compile(r"(\d{1,4}) (days?|months?|years?)\Z", re.ASCII)
_TIER = re.compile(r"([\d.]+) (\S+)(?: in (\d{1,3}) months?)?\Z", re.ASCII)


def read_settings(reader: Reader, node: Node | None) -> Settings:
    """Read the section `settings`."""
    if node is None:
        return Settings()
    assert {field.name for field in fields(Settings)} == set(SETTING_CHOICES)
    chosen: dict[str, str] = {}
    for name, item in reader.mapping(node, "settings", SETTING_CHOICES).entries.items():
        if name in SETTING_CHOICES:
            known = SETTING_CHOICES[name]
            chosen[name] = reader.choice(item, f"settings.{name}", known, known[0])
    rounding = Rounding(chosen.pop("rounding", "half-away"))
    return Settings(rounding=rounding, **chosen)


def read_units(reader: Reader, node: Node | None) -> dict[str, UnitDefinition]:
    """Read the section `units`."""
    units: dict[str, UnitDefinition] = {}
    if node is None:
        return units
    section = reader.mapping(node, "units")
    for name, item in section.entries.items():
        field = f"units.{name}"
        reader.check_identifier(section.keys[name], field, name)
        if isinstance(item, Scalar) and not item.text:
            units[name] = UnitDefinition(unit=name)
            continue
        units[name] = _read_unit(reader, name, field, reader.mapping(item, field, UNIT_KEYS))
    return units


def _read_unit(reader: Reader, name: str, field: str, node: Mapping) -> UnitDefinition:
    entries = node.entries
    whole = {
        key: reader.whole(entries[key], f"{field}.{key}", 1, 10**9)
        for key in ("step", "at_least", "completes")
        if key in entries
    }
    months, days = _span(reader, entries.get("expires"), f"{field}.expires")
    wait_months, wait = _span(reader, entries.get("available_after"), f"{field}.available_after")
    redeem = ""
    if (item := entries.get("redeem")) is not None:
        redeem = reader.choice(item, f"{field}.redeem", ("discount", "tender", "no"), "no")
        redeem = "" if redeem == "no" else redeem
    value = None
    if (item := entries.get("value")) is not None:
        path = f"{field}.value"
        numerator, denominator = reader.ratio_of(item, path, reader.text(item, path))
        money = Fraction(numerator, denominator) * 10**reader.digits
        value = (money.numerator, money.denominator)
    if redeem and value is None:
        message = "a unit that can be redeemed needs a value"
        reader.problem(node, field, message, "value: 0.01")
        redeem = ""
    stored = entries.get("stored_value")
    most = entries.get("at_most")
    text = {
        key: reader.text(entries[key], f"{field}.{key}")
        for key in ("issuer", "reward")
        if key in entries
    }
    return UnitDefinition(
        unit=name,
        names=reader.texts(entries["name"], f"{field}.name") if "name" in entries else (),
        value=value,
        redeem=redeem,
        step=whole.get("step", 1),
        least=whole.get("at_least", 0),
        most=(
            reader.percent_of(most, f"{field}.at_most", reader.text(most, f"{field}.at_most"))
            if most is not None
            else (1, 1)
        ),
        expires_months=months,
        expires_days=days,
        available_days=wait + 30 * wait_months,
        issuer=text.get("issuer", ""),
        completes=whole.get("completes", 0),
        completes_offer=text.get("reward", ""),
        stored_value=stored is not None and reader.yes(stored, f"{field}.stored_value"),
    )


def _span(reader: Reader, node: Node | None, field: str) -> tuple[int, int]:
    """Read a stretch of time as (months, days)."""
    if node is None:
        return 0, 0
    text = reader.text(node, field)
    if text == "never":
        return 0, 0
    match = _SPAN.match(text)
    if match is None:
        reader.problem(node, field, f"{text[:40]!r} is no stretch of time", "write 24 months")
        return 0, 0
    count = int(match[1])
    if match[2].startswith("year") and count > YEARS_MAX:
        message = f"{text} is above {YEARS_MAX} years"
        reader.problem(node, field, message, f"write {YEARS_MAX} years, or never")
        return 0, 0
    if match[2].startswith("day"):
        return 0, count
    return (count * 12, 0) if match[2].startswith("year") else (count, 0)


def read_tiers(
    reader: Reader, node: Node | None, units: Map[str, UnitDefinition]
) -> dict[str, Tier]:
    """Read the section `tiers`: `gold: {from: 1500.00 spent in 12 months}`, lowest first."""
    tiers: dict[str, Tier] = {}
    if node is None:
        return tiers
    for level, (name, item) in enumerate(reader.mapping(node, "tiers").entries.items(), start=1):
        field = f"tiers.{name}"
        entries = reader.mapping(item, field, ("from", "name")).entries
        names = reader.texts(entries["name"], f"{field}.name") if "name" in entries else ()
        if "from" not in entries:
            tiers[name] = Tier(tier=name, level=level, by="", threshold=0, names=names)
            continue
        start = entries["from"]
        text = reader.text(start, f"{field}.from")
        match = _TIER.match(text)
        known = ("spent", "visits", *units)
        if match is None or match[2] not in known:
            proposal = propose(match[2], known) if match else "write 500.00 spent in 12 months"
            reader.problem(start, f"{field}.from", f"{text[:40]!r} is no threshold", proposal)
            continue
        if match[2] == "spent":
            threshold = reader.minor_of(start, f"{field}.from", match[1])
        else:
            threshold = reader.ratio_of(start, f"{field}.from", match[1])[0]
        months = int(match[3] or 0)
        tiers[name] = Tier(
            tier=name, level=level, by=match[2], threshold=threshold, months=months, names=names
        )
    return tiers


def read_categories(reader: Reader, node: Node | None) -> dict[str, str]:
    """Read the section `categories` (child: parent) and refuse circles."""
    if node is None:
        return {}
    section = reader.mapping(node, "categories")
    parents = {
        name: reader.text(item, f"categories.{name}") for name, item in section.entries.items()
    }
    for name in find_circles(parents):
        message = f"category {name!r} is its own ancestor"
        reader.problem(section.keys[name], f"categories.{name}", message, "break the circle")
        del parents[name]
    return parents


def find_circles(parents: Map[str, str]) -> list[str]:
    """Give the names on a circle, sorted; each is looked at once."""
    clear: set[str] = set()
    circles: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        name = start
        while name in parents and name not in clear and name not in path:
            path[name] = None
            name = parents[name]
        if name in path:
            walked = list(path)
            circles.update(walked[walked.index(name) :])
        clear.update(path)
    return sorted(circles)


GROUP_KINDS = tuple(kind.value for kind in GroupKind)


def read_groups(reader: Reader, node: Node | None) -> dict[str, Group]:
    """Read the section `groups`: `weekly: best`, or {kind: best, in: other-group}."""
    groups: dict[str, Group] = {}
    if node is None:
        return groups
    section = reader.mapping(node, "groups")
    for rank, (name, item) in enumerate(section.entries.items()):
        field = f"groups.{name}"
        reader.check_identifier(section.keys[name], field, name)
        parent = ""
        if isinstance(item, Mapping):
            entries = reader.mapping(item, field, ("kind", "in")).entries
            kind_node = entries.get("kind", item)
            if "in" in entries:
                parent = reader.text(entries["in"], f"{field}.in")
        else:
            kind_node = item
        kind = reader.choice(kind_node, field, GROUP_KINDS, "best")
        groups[name] = Group(group_id=name, kind=GroupKind(kind), rank=rank, parent=parent)
    for name, group in groups.items():
        if group.parent and group.parent not in groups:
            message = f"there is no group {group.parent!r}"
            proposal = propose(group.parent, list(groups))
            reader.problem(section.keys[name], f"groups.{name}.in", message, proposal)
    circles = find_circles({name: group.parent for name, group in groups.items() if group.parent})
    for name in circles:
        message = f"group {name!r} contains itself"
        reader.problem(section.keys[name], f"groups.{name}", message, "break the circle")
    return groups
