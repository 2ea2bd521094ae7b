"""What a release of a programme changes against the last one, field by field.

Owns: which fields are compared, in which order they are told, and that only a change of meaning
is a difference: the same thing spelled otherwise is none, nor are comments and case files.
Must never: read a file or judge whether a change is a good one.
"""

from collections.abc import Callable
from collections.abc import Mapping as Map
from collections.abc import Sequence as Seq
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeVar

from tessera.core.errors import Problem
from tessera.rules.folders import Joined
from tessera.rules.model import GroupKind, Offer
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.read_guard import GUARD_KEYS
from tessera.rules.read_sections import SETTING_CHOICES
from tessera.rules.sections import Draw, Tier, UnitDefinition
from tessera.rules.yaml_nodes import Mapping, Node, Scalar, read_nodes

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
Entry = TypeVar("Entry")

OFFER_FIELDS: dict[str, tuple[str, Callable[[Offer], object]]] = {
    "name": ("none", lambda one: one.names),
    "receipt": ("the name", lambda one: one.receipt),
    "when": ("always", lambda one: frozenset(map(meaning, one.when))),
    "where": ("everywhere", lambda one: one.where),
    "who": ("anyone", lambda one: frozenset(map(meaning, one.who))),
    "what": ("everything", lambda one: one.what),
    "needs": ("nothing", lambda one: frozenset(map(meaning, one.needs))),
    "trigger": ("automatic", lambda one: one.trigger),
    "give": ("nothing", lambda one: one.reward),
    "limits": ("none", lambda one: frozenset(map(meaning, one.limits))),
    "offline": ("allow", lambda one: one.offline),
    "in": ("no group", lambda one: one.group),
    "priority": ("0", lambda one: one.priority),
    "stacks": ("no", lambda one: (one.stacks_all, one.stacks_with)),
    "funding": ("none", lambda one: one.funding),
    "changed_prices": ("no", lambda one: one.changed_prices),
    "undiscounted_only": ("no", lambda one: one.undiscounted_only),
}
"""Each field of an offer in the order told: what is said where it is not written, its meaning."""

UNIT_FIELDS: dict[str, tuple[str, Callable[[UnitDefinition], object]]] = {
    "name": ("none", lambda one: one.names),
    "value": ("none", lambda one: one.value),
    "redeem": ("no", lambda one: one.redeem),
    "step": ("1", lambda one: one.step),
    "at_least": ("0", lambda one: one.least),
    "at_most": ("100 %", lambda one: one.most),
    "expires": ("never", lambda one: (one.expires_months, one.expires_days)),
    "available_after": ("at once", lambda one: one.available_days),
    "issuer": ("none", lambda one: one.issuer),
    "completes": ("none", lambda one: one.completes),
    "reward": ("none", lambda one: one.completes_offer),
    "stored_value": ("no", lambda one: one.stored_value),
}
TIER_FIELDS: dict[str, tuple[str, Callable[[Tier], object]]] = {
    "from": ("decided by central", lambda one: (one.by, one.threshold, one.months)),
    "name": ("none", lambda one: one.names),
}
DRAW_FIELDS: dict[str, tuple[str, Callable[[Draw], object]]] = {
    "name": ("none", lambda one: one.names),
    "organiser": ("none", lambda one: one.organiser),
    "prizes": ("those of its offer", lambda one: one.prizes),
    "free_entry": ("none", lambda one: one.free_entry),
    "countries": ("none", lambda one: one.countries),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a release changes.

    `section`: programme, setting, unit, tier, category, partner, group, offer, guard, draw, country
    or stopped. `field` is empty where the whole entry was added or removed. `before` and `after`
    are as they are written.
    """

    section: str
    name: str
    change: str
    field: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """A sound programme with the text that it was read from, as nodes."""

    programme: Programme
    top: Mapping

    def entries(self, section: str) -> dict[str, Node]:
        """Give the entries of a section as they are written."""
        return _entries(self.top.entries.get(section))

    def text(self, key: str) -> str:
        """Give what is written under a key at the top."""
        return written(self.top.entries.get(key))


def read_release(text: str, *, file: str) -> tuple[Release | None, list[Problem]]:
    """Read a programme to compare; None when it is not sound."""
    programme, problems = parse_programme(text, file=file)
    root, _ = read_nodes(text, file=file)
    if programme is None or not isinstance(root, Mapping):
        return None, problems
    return Release(programme, root), problems


def joined_release(joined: Joined) -> tuple[Release | None, list[Problem]]:
    """Read a programme that stands in several files; None when it is not sound."""
    programme, problems = joined.parse()
    return (None if programme is None else Release(programme, joined.root)), problems


def differences(old: Release, new: Release) -> list[Difference]:
    """Give all that changes: the programme itself first, then section by section, then by name."""
    before, after = old.programme, new.programme
    found = _of_programme(old, new)
    for name in SETTING_CHOICES:
        was, becomes = (str(getattr(one.settings, name)) for one in (before, after))
        found += _changed("setting", "", name, was, becomes)
    found += _of_entries("unit", (old, before.units), (new, after.units), UNIT_FIELDS)
    found += _of_entries("tier", (old, before.tiers), (new, after.tiers), TIER_FIELDS)
    found += _order("tier", list(before.tiers), list(after.tiers))
    for name in sorted({*before.parents, *after.parents}):
        was, becomes = (one.parents.get(name, "") for one in (before, after))
        found += _changed("category", name, "above it", was or "none", becomes or "none")
    found += _of_names("partner", before.partners, after.partners)
    found += _of_groups(before, after)
    offers = (old, before.by_id), (new, after.by_id)
    found += _of_entries("offer", *offers, OFFER_FIELDS)
    if _reads_order(before) or _reads_order(after):
        found += _order("group", list(before.groups), list(after.groups))
        found += _order("offer", list(before.by_id), list(after.by_id))
    found += _of_guard(old, new)
    found += _of_entries("draw", (old, before.draws), (new, after.draws), DRAW_FIELDS)
    found += _of_countries(old, new)
    return found + _of_names("stopped", before.stopped, after.stopped)


def meaning(value: object) -> object:
    """Give a value that is equal for equal rules, whatever they were read from."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = tuple(meaning(getattr(value, one.name)) for one in fields(value))
        return (type(value).__name__, parts)
    if isinstance(value, tuple):
        return tuple(meaning(one) for one in value)
    return value


def written(node: Node | None) -> str:
    """Give a node on one line, as it may stand in a file; empty for what is not there."""
    if node is None:
        return ""
    if isinstance(node, Scalar):
        return " ".join(node.text.split())
    if isinstance(node, Mapping):
        parts = [f"{key}: {written(item)}" for key, item in node.entries.items()]
        return "{" + ", ".join(parts) + "}"
    return "[" + ", ".join(written(item) for item in node.items) + "]"


def _entries(node: Node | None) -> dict[str, Node]:
    return node.entries if isinstance(node, Mapping) else {}


def _changed(section: str, name: str, field: str, before: str, after: str) -> list[Difference]:
    if before == after:
        return []
    return [
        Difference(
            section=section, name=name, change=CHANGED, field=field, before=before, after=after
        )
    ]


def _of_programme(old: Release, new: Release) -> list[Difference]:
    found = []
    for key in ("programme", "name", "version", "currency", "languages", "seed_hash", "note"):
        default = "en" if key == "languages" else "none"
        was, becomes = old.text(key) or default, new.text(key) or default
        if key == "languages" and old.programme.languages == new.programme.languages:
            continue
        found += _changed("programme", "", "id" if key == "programme" else key, was, becomes)
    return found


def _of_guard(old: Release, new: Release) -> list[Difference]:
    found = []
    for key in GUARD_KEYS:
        rules = [getattr(one.programme.guard, key, None) or None for one in (old, new)]
        if meaning(rules[0]) != meaning(rules[1]):
            was, becomes = (written(one.entries("guard").get(key)) or "none" for one in (old, new))
            found += _changed("guard", "", key, was, becomes)
    return found


def _of_names(
    section: str, before: Seq[str] | frozenset[str], after: Seq[str] | frozenset[str]
) -> list[Difference]:
    gone, fresh = set(before) - set(after), set(after) - set(before)
    return [
        Difference(section=section, name=name, change=ADDED if name in fresh else REMOVED)
        for name in sorted(gone | fresh)
    ]


def _of_countries(old: Release, new: Release) -> list[Difference]:
    before, after = old.programme.countries, new.programme.countries
    texts = old.entries("countries"), new.entries("countries")
    found = []
    for code in sorted({*before, *after}):
        was, becomes = (written(one.get(code)) for one in texts)
        if code not in before or code not in after:
            change = REMOVED if code in before else ADDED
            found.append(
                Difference(section="country", name=code, change=change, before=was, after=becomes)
            )
        elif meaning(before[code]) != meaning(after[code]):
            found += _changed("country", code, "places", was, becomes)
    return found


def _of_groups(before: Programme, after: Programme) -> list[Difference]:
    def said(programme: Programme, name: str) -> str:
        group = programme.groups[name]
        return f"{group.kind.value} in {group.parent}" if group.parent else group.kind.value

    found = []
    for name in sorted({*before.groups, *after.groups}):
        if name not in before.groups:
            said_now = said(after, name)
            found.append(Difference(section="group", name=name, change=ADDED, after=said_now))
        elif name not in after.groups:
            said_then = said(before, name)
            found.append(Difference(section="group", name=name, change=REMOVED, before=said_then))
        else:
            found += _changed("group", name, "kind", said(before, name), said(after, name))
    return found


def _of_entries(
    section: str,
    old: tuple[Release, Map[str, Entry]],
    new: tuple[Release, Map[str, Entry]],
    known: dict[str, tuple[str, Callable[[Entry], object]]],
) -> list[Difference]:
    """Compare the entries of one section, by name and then field by field."""
    texts = old[0].entries(f"{section}s"), new[0].entries(f"{section}s")
    found = []
    for name in sorted({*old[1], *new[1]}):
        was, becomes = (_entries(one.get(name)) for one in texts)
        if name not in old[1]:
            said = _whole(becomes, known)
            found.append(Difference(section=section, name=name, change=ADDED, after=said))
        elif name not in new[1]:
            said = _whole(was, known)
            found.append(Difference(section=section, name=name, change=REMOVED, before=said))
        else:
            for key, (default, of) in known.items():
                # Goods narrow what a bundle takes: its reward differs though nobody touched it.
                if meaning(of(old[1][name])) != meaning(of(new[1][name])):
                    before, after = written(was.get(key)), written(becomes.get(key))
                    found += _changed(section, name, key, before or default, after or default)
            notes = (written(was.get("note")) or "none", written(becomes.get("note")) or "none")
            found += _changed(section, name, "note", *notes)
    return found


def _whole(entries: Map[str, Node], known: Map[str, object]) -> str:
    """Give an entry as a sentence: its fields in the order they are told."""
    return "; ".join(f"{key} {written(entries[key])}" for key in known if key in entries)


def _order(section: str, before: list[str], after: list[str]) -> list[Difference]:
    """Compare the order of what stands in both; what was added or removed says so itself."""
    was = [name for name in before if name in after]
    becomes = [name for name in after if name in before]
    return _changed(section, "", "order", ", ".join(was), ", ".join(becomes))


def _reads_order(programme: Programme) -> bool:
    """Tell whether the order in the file decides anything."""
    settings = programme.settings
    listed = settings.between_groups == "first" or settings.basket_order == "listed"
    return listed or any(group.kind is GroupKind.FIRST for group in programme.groups.values())
