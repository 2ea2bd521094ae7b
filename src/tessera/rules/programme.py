"""A programme: read from YAML, checked as a whole, compiled into indexes.

Owns: the top level of a programme's text, and what refers to what. Must never: price a basket,
read a file or a clock.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from tessera.core.errors import Problem
from tessera.core.money import currency
from tessera.core.uses import SHARED
from tessera.rules.guard import Guard
from tessera.rules.indexing import Hits, index_offers
from tessera.rules.model import Group, Issue, Offer, Texts, Where
from tessera.rules.read_draws import (
    check_draws,
    in_their_countries,
    read_countries,
    read_draws,
    warn_of_undescribed,
)
from tessera.rules.read_guard import read_guard
from tessera.rules.read_offer import read_offer
from tessera.rules.read_sections import (
    read_categories,
    read_groups,
    read_settings,
    read_tiers,
    read_units,
)
from tessera.rules.read_values import Units
from tessera.rules.reading import LANGUAGES, Reader, propose
from tessera.rules.sections import Draw, Settings, Tier, UnitDefinition
from tessera.rules.tier_names import with_tiers_named
from tessera.rules.yaml_nodes import Mapping, Node, read_nodes

TOP_KEYS = (
    "programme",
    "name",
    "version",
    "currency",
    "languages",
    "settings",
    "units",
    "tiers",
    "categories",
    "partners",
    "groups",
    "offers",
    "guard",
    "draws",
    "countries",
    "stopped",
    "seed_hash",
    "cases",
    "note",
)
OFFERS_MAX = 50_000
CATEGORY_LISTS_MAX = 10_000
"""Most different lists of categories for which the offers found are remembered."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Programme:
    """All the rules of one loyalty scheme, ready to price with.

    `by_sku` … `by_tag` find the offers that may touch a line; `broad` are those that no key finds.
    `by_coupon` are those of the latter that only a coupon's code brings into play.
    `parents` maps a category to the one above it, besides the slashes in category names.
    `seed_hash` is the SHA-256 of the seed of its instant wins (64 hex digits), or empty.
    `shared` are the offers with a limit over all members.
    `kept` is a place for what pricing prepares from it, `found_by_categories` what `hits_of`
    remembers; a changed copy starts with empty ones.
    """

    programme_id: str
    currency: str
    version: str = ""
    names: Texts = ()
    digits: int = 2
    languages: tuple[str, ...] = ("en",)
    settings: Settings = field(default_factory=Settings)
    units: dict[str, UnitDefinition] = field(default_factory=dict)
    tiers: dict[str, Tier] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    partners: tuple[str, ...] = ()
    groups: dict[str, Group] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()
    guard: Guard | None = None
    draws: dict[str, Draw] = field(default_factory=dict)
    countries: dict[str, Where] = field(default_factory=dict)
    stopped: frozenset[str] = frozenset()
    seed_hash: str = ""
    cases: tuple[str, ...] = ()
    by_id: dict[str, Offer] = field(default_factory=dict)
    by_sku: dict[str, Hits] = field(default_factory=dict)
    by_category: dict[str, Hits] = field(default_factory=dict)
    by_brand: dict[str, Hits] = field(default_factory=dict)
    by_tag: dict[str, Hits] = field(default_factory=dict)
    broad: Hits = ()
    by_coupon: dict[str, tuple[Offer, ...]] = field(default_factory=dict)
    shared: tuple[Offer, ...] = ()
    settings_used: tuple[tuple[str, str], ...] = ()
    found_by_categories: dict[tuple[str, ...], tuple[frozenset[str], Hits]] = field(
        default_factory=dict, init=False
    )
    kept: dict[str, object] = field(default_factory=dict, init=False)

    def hits_of(self, categories: tuple[str, ...]) -> tuple[frozenset[str], Hits]:
        """Give the categories with all above them, and the offers found under any of them.

        Remembered for each list of categories: shops have few, and every line of a basket asks.
        """
        known = self.found_by_categories.get(categories)
        if known is None:
            above = frozenset(name for category in categories for name in self.ancestors(category))
            hits = tuple(hit for name in sorted(above) for hit in self.by_category.get(name, ()))
            known = (above, hits)
            if len(self.found_by_categories) < CATEGORY_LISTS_MAX:
                self.found_by_categories[categories] = known
        return known

    def ancestors(self, category: str) -> list[str]:
        """Give a category and all above it: by slashes in its name, then by `parents`."""
        found = [category]
        for name in found:
            if "/" in name and (above := name.rpartition("/")[0]) and above not in found:
                found.append(above)
            if (parent := self.parents.get(name)) is not None and parent not in found:
                found.append(parent)
        return found


def parse_programme(text: str, *, file: str) -> tuple[Programme | None, list[Problem]]:
    """Read a programme; None when any of the problems is an error. `file` only names it."""
    root, problems = read_nodes(text, file=file)
    if root is None:
        return None, problems
    return parse_root(root, problems, file=file)


def parse_root(
    root: Node, problems: Sequence[Problem], *, file: str
) -> tuple[Programme | None, list[Problem]]:
    """Read a programme from its nodes; `problems` are those found on the way to them."""
    reader = Reader(file)
    reader.problems.extend(problems)
    programme = _read_programme(reader, root)
    ordered = sorted(reader.problems, key=lambda problem: (problem.line, problem.column))
    if programme is None or any(problem.severity == "error" for problem in ordered):
        return None, ordered
    return programme, ordered


def _read_programme(reader: Reader, root: Node) -> Programme | None:
    top = reader.mapping(root, "", TOP_KEYS)
    get = top.entries.get
    if not top.entries:
        return None
    code = _read_currency(reader, top)
    units = read_units(reader, get("units"))
    groups = read_groups(reader, get("groups"))
    countries = read_countries(reader, get("countries"))
    draws = read_draws(reader, get("draws"), countries)
    offers = in_their_countries(
        _read_offers(reader, get("offers"), Units(frozenset(units))), draws, countries
    )
    tiers = read_tiers(reader, get("tiers"), units)
    words = {
        key: tuple(reader.words(item, key)) if (item := get(key)) is not None else ()
        for key in ("languages", "partners", "stopped", "cases")
    }
    for word in words["languages"]:
        if word not in LANGUAGES:
            message = f"{word!r} is no language that receipts are printed in"
            reader.problem(top.entries["languages"], "languages", message, propose(word, LANGUAGES))
    for word in words["partners"]:
        reader.check_identifier(top.entries["partners"], "partners", word)
    programme = compile_programme(
        Programme(
            programme_id=_read_id(reader, top),
            version=reader.text(item, "version") if (item := get("version")) is not None else "",
            names=reader.texts(item, "name") if (item := get("name")) is not None else (),
            currency=code,
            digits=reader.digits,
            languages=words["languages"] or ("en",),
            settings=read_settings(reader, get("settings")),
            units=units,
            tiers=tiers,
            parents=read_categories(reader, get("categories")),
            partners=words["partners"],
            groups=groups,
            offers=tuple(with_tiers_named(offers, tiers)),
            guard=read_guard(reader, get("guard")),
            draws=draws,
            countries=countries,
            stopped=frozenset(words["stopped"]),
            seed_hash=_read_seed_hash(reader, get("seed_hash")),
            cases=words["cases"],
        )
    )
    _check_references(reader, top, programme)
    check_draws(reader, top, programme.offers, draws)
    if not reader.problems:
        _check_seed(reader, top, programme)
        warn_of_undescribed(reader, top, programme.offers, draws)
    return programme


def _check_seed(reader: Reader, top: Mapping, programme: Programme) -> None:
    """Warn of instant wins that nobody could check afterwards: central releases none of them."""
    if programme.seed_hash:
        return
    if any(isinstance(one.reward, Issue) and one.reward.kind == "win" for one in programme.offers):
        message = "the programme has an instant win and announces no seed; central won't release it"
        reader.warning(top, "seed_hash", message, "tessera central seed prints the line")


def _read_id(reader: Reader, top: Mapping) -> str:
    if "programme" not in top.entries:
        reader.problem(top, "programme", "the programme has no id", "programme: my-shop")
        return ""
    return reader.identifier(top.entries["programme"], "programme")


def _read_seed_hash(reader: Reader, node: Node | None) -> str:
    if node is None:
        return ""
    word = reader.text(node, "seed_hash").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", word):
        message = f"{word[:80]!r} is no SHA-256 of a seed"
        reader.problem(node, "seed_hash", message, "write its 64 hexadecimal digits")
        return ""
    return word


def _read_currency(reader: Reader, top: Mapping) -> str:
    node = top.entries.get("currency")
    if node is None:
        reader.problem(top, "currency", "the programme names no currency", "currency: EUR")
        return "EUR"
    try:
        money = currency(reader.text(node, "currency"))
    except ValueError as error:
        reader.problem(node, "currency", str(error), "write EUR")
        return "EUR"
    reader.digits = money.digits
    return money.code


def _read_offers(reader: Reader, node: Node | None, units: Units) -> list[Offer]:
    if node is None:
        return []
    section = reader.mapping(node, "offers")
    if len(section.entries) > OFFERS_MAX:
        message = f"{len(section.entries)} offers, at most {OFFERS_MAX} are allowed"
        reader.problem(node, "offers", message, "remove what has ended")
        return []
    offers = []
    for rank, (offer_id, item) in enumerate(section.entries.items()):
        reader.check_identifier(section.keys[offer_id], f"offers.{offer_id}"[:80], offer_id)
        offer = read_offer(reader, offer_id, rank, item, units)
        if offer is not None:
            offers.append(offer)
    return offers


# -- what refers to what


def _check_references(reader: Reader, top: Mapping, programme: Programme) -> None:
    section = top.entries.get("offers")
    entries = section.entries if isinstance(section, Mapping) else {}
    ids = set(entries)
    for offer in programme.offers:
        node = entries[offer.offer_id]
        assert isinstance(node, Mapping)
        for key, message, name, known in _dangling(programme, offer, ids):
            _refer(reader, node, key, f"offers.{offer.offer_id}", message, name, known)
    stopped = top.entries.get("stopped")
    for name in sorted(programme.stopped - ids):
        assert stopped is not None
        message = f"there is no offer {name!r} to stop"
        reader.problem(stopped, "stopped", message, propose(name, ids) or "remove it")


def _dangling(
    programme: Programme, offer: Offer, ids: set[str]
) -> Iterator[tuple[str, str, str, Iterable[str]]]:
    """Give what an offer refers to and the programme does not have: key, message, name, known."""
    groups = programme.groups
    if offer.group and offer.group not in groups:
        yield "in", f"there is no group {offer.group!r}", offer.group, groups
    for name in sorted(offer.stacks_with - ids - set(groups)):
        yield "stacks", f"there is no offer or group {name!r}", name, ids | set(groups)
    for who in offer.who:
        known: Iterable[str] = programme.units if who.kind == "balance" else programme.tiers
        if who.kind in {"balance", "tier"}:
            word = "tier" if who.kind == "tier" else "unit"
            for name in sorted(who.values - set(known)):
                yield "who", f"there is no {word} {name!r}", name, known
    reward = offer.reward
    if isinstance(reward, Issue) and reward.kind == "coupon" and reward.name not in ids:
        message = f"there is no offer {reward.name!r} that the coupon could stand for"
        yield "give", message, reward.name, ids
    partner = offer.funding.partner if offer.funding else ""
    if partner and partner not in programme.partners:
        yield "funding", f"there is no partner {partner!r}", partner, programme.partners


def _refer(
    reader: Reader,
    node: Mapping,
    key: str,
    where: str,
    message: str,
    name: str,
    known: Iterable[str],
) -> None:
    reader.problem(
        node.entries.get(key, node), f"{where}.{key}", message, propose(name, list(known))
    )


# -- compiling


def compile_programme(programme: Programme) -> Programme:
    """Give the programme with its indexes built from its offers, which are numbered anew."""
    found = index_offers(programme.offers, programme.groups)
    return replace(
        programme,
        by_id={offer.offer_id: offer for offer in programme.offers},
        by_sku=found.by_sku,
        by_category=found.by_category,
        by_brand=found.by_brand,
        by_tag=found.by_tag,
        broad=found.broad,
        by_coupon=found.by_coupon,
        shared=tuple(
            offer
            for offer in programme.offers
            if any(limit.period in SHARED for limit in offer.limits)
        ),
        settings_used=tuple(
            (one.name, str(getattr(programme.settings, one.name))) for one in fields(Settings)
        ),
    )
