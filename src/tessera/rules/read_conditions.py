"""The words of an offer's conditions: when, where, who, what and trigger.

Owns: their grammar. Must never: know about rewards or evaluate a condition (see `conditions`).
"""

import re

from tessera.rules.model import EVERYTHING, Selector, Trigger, Where, Who, Window
from tessera.rules.reading import Reader, propose
from tessera.rules.yaml_nodes import Mapping, Node, Sequence

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\.\.(\d{1,2}):(\d{2})\Z", re.ASCII)
_DATES = re.compile(r"(\d{4}-\d\d?-\d\d?)?\.\.(\d{4}-\d\d?-\d\d?)?\Z", re.ASCII)
_DAY_FIRST = re.compile(r"(\d\d?)[./](\d\d?)[./](\d{4})\Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?\Z", re.ASCII)


def read_when(reader: Reader, node: Node, field: str) -> tuple[Window, ...]:
    """Read `mon..wed, sat 16:00..18:00 2026-11-01..2026-11-30`; a list holds alternatives."""
    nodes = node.items if isinstance(node, Sequence) else [node]
    return tuple(_read_window(reader, item, field) for item in nodes)


def _read_window(reader: Reader, node: Node, field: str) -> Window:
    if isinstance(node, Mapping):
        reader.mapping(node, field, ("dates", "days", "hours"))
        text = " ".join(reader.text(item, field) for item in node.entries.values())
    else:
        text = reader.text(node, field)
    dates: tuple[object, object] = (None, None)
    weekdays: set[int] = set()
    minutes: tuple[int, int] | None = None
    for word in text.replace(",", " ").split():
        lower = word.lower()
        if clock := _CLOCK.match(word):
            minutes = _read_clock(reader, node, field, clock)
        elif (span := _DATES.match(word)) and word != "..":
            dates = tuple(  # type: ignore[assignment]
                reader.date_of(node, field, end) if end else None for end in span.groups()
            )
            if dates[0] and dates[1] and dates[0] > dates[1]:  # type: ignore[operator]
                reader.problem(node, field, f"{word} ends before it begins", "swap the dates")
        elif _DATE.match(word):
            day = reader.date_of(node, field, word)
            dates = (day, day)
        elif lower in DAYS:
            weekdays.add(DAYS.index(lower))
        elif (ends := lower.split("..")) and len(ends) == 2 and set(ends) <= set(DAYS):
            first, last = DAYS.index(ends[0]), DAYS.index(ends[1])
            weekdays.update((first + n) % 7 for n in range((last - first) % 7 + 1))
        else:
            proposal = propose(lower, DAYS) if "." not in lower and ":" not in lower else ""
            if (day_first := _DAY_FIRST.match(word)) is not None:
                proposal = "write {2}-{1:0>2}-{0:0>2}".format(*day_first.groups())
            message = f"{word[:40]!r} is no weekday, date or time of day"
            proposal = proposal or "write mon..wed, 16:00..18:00 or 2026-11-01..2026-11-30"
            reader.problem(node, field, message, proposal)
    return Window(dates=dates, weekdays=frozenset(weekdays), minutes=minutes)  # type: ignore[arg-type]


def _read_clock(
    reader: Reader, node: Node, field: str, clock: re.Match[str]
) -> tuple[int, int] | None:
    hours = [int(part) for part in clock.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if hours[1] > 59 or hours[3] > 59 or start >= 1440 or end > 1440:
        reader.problem(node, field, f"{clock[0]} is no time of day", "write 16:00..18:00")
        return None
    return (start, end)


def read_where(reader: Reader, node: Node, field: str) -> Where:
    """Read `store 1, 2` or {stores, regions, registers}."""
    if isinstance(node, Mapping):
        keys = ("stores", "regions", "registers")
        reader.mapping(node, field, keys)
        found = {
            name: frozenset(reader.words(item, f"{field}.{name}"))
            for name, item in node.entries.items()
            if name in keys
        }
        return _where(found)
    word, _, rest = reader.text(node, field).partition(" ")
    names = {"store": "stores", "region": "regions", "register": "registers"}
    names |= {name: name for name in names.values()}
    if word not in names or not rest:
        reader.problem(node, field, f"{word!r} is no kind of place", propose(word, list(names)))
        return Where()
    return _where({names[word]: frozenset(reader.split(node, field, rest))})


def _where(found: dict[str, frozenset[str]]) -> Where:
    stores, regions, registers = (
        found.get(name, frozenset()) for name in ("stores", "regions", "registers")
    )
    return Where(stores=stores, regions=regions, registers=registers)


# -- who

_WHO_PLAIN = {
    "members": "members",
    "staff": "staff",
    "no staff": "customers",
    "guests": "guests",
    "known persons": "personal",
}
_WHO_WORDS = "anyone, members, guests, staff, no staff, tier X, segment X, access X, new N days"
_WHO_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("tier", re.compile(r"(no |)tiers? (.+)\Z")),
    ("segment", re.compile(r"(no |)segments? (.+)\Z")),
    ("entitlement", re.compile(r"(no |)access (.+)\Z")),
    ("new", re.compile(r"()new (?:within )?(\d+) days?\Z", re.ASCII)),
    ("lapsed", re.compile(r"()lapsed (?:for )?(\d+) days?\Z", re.ASCII)),
    ("birthday", re.compile(r"()birthday within (\d+) days?\Z", re.ASCII)),
    ("visit", re.compile(r"()visits? (\d+)(?:\.\.(\d+))?\Z", re.ASCII)),
    ("spent", re.compile(r"()spent from ([\d.]+)\Z", re.ASCII)),
    ("period-spent", re.compile(r"()spent this period from ([\d.]+)\Z", re.ASCII)),
    ("balance", re.compile(r"()balance from (\d+) (\S+)\Z", re.ASCII)),
    ("share", re.compile(r"(no |)share (\d+)\.\.(\d+) of (\S+)\Z", re.ASCII)),
)


def read_who(reader: Reader, node: Node, field: str) -> tuple[Who, ...]:
    """Read the conditions on the member; a list, or `and` between them: all must hold."""
    nodes = node.items if isinstance(node, Sequence) else [node]
    found = []
    for item in nodes:
        text = reader.text(item, field)
        for part in text.split(" and "):
            who = _read_one_who(reader, item, field, part.strip())
            if who is not None:
                found.append(who)
    return tuple(found)


def _read_one_who(reader: Reader, node: Node, field: str, text: str) -> Who | None:
    if text == "anyone":
        return None
    if text in _WHO_PLAIN:
        return Who(kind=_WHO_PLAIN[text])
    for kind, form in _WHO_FORMS:
        if match := form.match(text):
            return _who_of(reader, node, field, kind, match)
    known = [*_WHO_PLAIN, "anyone", *(kind for kind, _ in _WHO_FORMS)]
    proposal = propose(text, known)
    if "known are" in proposal:
        proposal = f"known are {_WHO_WORDS}, …"
    reader.problem(node, field, f"{text[:60]!r} says nothing about a member", proposal)
    return None


def _who_of(reader: Reader, node: Node, field: str, kind: str, match: re.Match[str]) -> Who:
    negated = bool(match[1])
    if kind in {"tier", "segment", "entitlement"}:
        return Who(
            kind=kind, values=frozenset(reader.split(node, field, match[2])), negated=negated
        )
    if kind == "visit":
        low = int(match[2])
        return Who(kind=kind, low=low, high=int(match[3] or low))
    if kind in {"spent", "period-spent"}:
        return Who(kind=kind, low=reader.minor_of(node, field, match[2]))
    if kind == "balance":
        return Who(kind=kind, low=int(match[2]), values=frozenset({match[3]}))
    if kind == "share":
        low, high = int(match[2]), int(match[3])
        if not low < high <= 100:
            reader.problem(node, field, f"{match[0]!r}: a share lies within 0..100")
        return Who(kind=kind, low=low, high=high, salt=match[4], negated=negated)
    return Who(kind=kind, low=int(match[2]))


# -- what

_SELECTOR_KEYS = {
    "sku": "skus",
    "skus": "skus",
    "category": "categories",
    "categories": "categories",
    "brand": "brands",
    "brands": "brands",
    "tag": "tags",
    "tags": "tags",
    "attribute": "attributes",
    "attributes": "attributes",
    "kind": "kinds",
    "price": "price",
}
_CLAUSE = re.compile(r"(\S+)\s+(.+)\Z", re.DOTALL)
_PRICE = re.compile(r"([\d.]+?)?\.\.([\d.]+)?\Z", re.ASCII)


def read_selector(reader: Reader, node: Node, field: str) -> Selector:
    """Read `category dairy and brand X except tag organic`, or the same as a mapping.

    A YAML list holds alternatives. Mapping keys: sku, category, brand, tag, attribute, price, any,
    except.
    """
    if isinstance(node, Sequence):
        parts = tuple(read_selector(reader, item, field) for item in node.items)
        return parts[0] if len(parts) == 1 else Selector(any_of=parts)
    if isinstance(node, Mapping):
        return _selector_of_mapping(reader, node, field)
    text = reader.text(node, field, longest=4_000)
    wanted, _, unwanted = text.partition(" except ")
    fields = _read_clauses(reader, node, field, wanted)
    if unwanted:
        fields["not_of"] = tuple(
            Selector(**_read_clauses(reader, node, field, part))  # type: ignore[arg-type]
            for part in unwanted.split(" or ")
        )
    return Selector(**fields) if fields else EVERYTHING  # type: ignore[arg-type]


def _selector_of_mapping(reader: Reader, node: Mapping, field: str) -> Selector:
    reader.mapping(node, field, (*_SELECTOR_KEYS, "any", "except"))
    fields: dict[str, object] = {}
    for name, item in node.entries.items():
        path = f"{field}.{name}"
        if name == "any":
            items = item.items if isinstance(item, Sequence) else [item]
            fields["any_of"] = tuple(read_selector(reader, one, path) for one in items)
        elif name == "except":
            items = item.items if isinstance(item, Sequence) else [item]
            fields["not_of"] = tuple(read_selector(reader, one, path) for one in items)
        elif name == "price":
            fields["price"] = _read_price(reader, item, path, reader.text(item, path))
        elif name in _SELECTOR_KEYS:
            words = reader.words(item, path)
            if not words:
                reader.problem(item, path, "the list is empty", "name at least one")
            _put_words(reader, item, path, fields, _SELECTOR_KEYS[name], words)
    return Selector(**fields)  # type: ignore[arg-type]


def _read_clauses(reader: Reader, node: Node, field: str, text: str) -> dict[str, object]:
    fields: dict[str, object] = {}
    for part in text.split(" and "):
        clause = part.strip()
        if clause in {"everything", "basket", "the basket", "all goods"}:
            continue
        match = _CLAUSE.match(clause)
        if match is None or match[1] not in _SELECTOR_KEYS:
            word = clause.split(" ", maxsplit=1)[0] if clause else ""
            message = f"{clause[:60]!r} selects nothing: it starts with no known word"
            reader.problem(node, field, message, propose(word, [*_SELECTOR_KEYS, "everything"]))
            fields.setdefault("skus", frozenset({""}))
            continue
        name = _SELECTOR_KEYS[match[1]]
        if name == "price":
            fields["price"] = _read_price(reader, node, field, match[2])
        else:
            _put_words(reader, node, field, fields, name, reader.split(node, field, match[2]))
    return fields


def _put_words(
    reader: Reader,
    node: Node,
    field: str,
    fields: dict[str, object],
    name: str,
    words: list[str],
) -> None:
    if name != "attributes":
        fields[name] = frozenset(words)
        return
    pairs = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            reader.problem(node, field, f"{word!r} is no attribute", "write color=red")
        pairs.append((key.strip(), value.strip()))
    fields[name] = frozenset(pairs)


def _read_price(reader: Reader, node: Node, field: str, text: str) -> tuple[int, int]:
    match = _PRICE.match(text.strip())
    if match is None:
        reader.problem(node, field, f"{text!r} is no range of prices", "write 1.00..5.00")
        return (0, 0)
    low = reader.minor_of(node, field, match[1]) if match[1] else 0
    high = reader.minor_of(node, field, match[2]) if match[2] else 10**12
    if low > high:
        reader.problem(node, field, f"{text} ends before it begins", "swap the prices")
    return (low, high)


# -- trigger


def read_trigger(reader: Reader, node: Node, field: str) -> Trigger:
    """Read `coupon CODE, CODE`, `coupon PREFIX*`, `chosen`, `event review`, or a mapping."""
    if isinstance(node, Mapping):
        reader.mapping(node, field, ("coupon", "single_use", "chosen", "event"))
        entries = node.entries
        codes = reader.words(entries["coupon"], f"{field}.coupon") if "coupon" in entries else []
        events = reader.words(entries["event"], f"{field}.event") if "event" in entries else []
        single = entries.get("single_use")
        chosen = entries.get("chosen")
        return _trigger_of(
            codes,
            single_use=single is not None and reader.yes(single, f"{field}.single_use"),
            chosen=chosen is not None and reader.yes(chosen, f"{field}.chosen"),
            events=events,
        )
    text = reader.text(node, field)
    if text == "chosen":
        return Trigger(chosen=True)
    word, _, rest = text.partition(" ")
    if word == "coupon" and rest:
        return _trigger_of(
            reader.split(node, field, rest), single_use=False, chosen=False, events=[]
        )
    if word == "event" and rest:
        return Trigger(events=frozenset(reader.split(node, field, rest)))
    known = ("coupon CODE", "chosen", "event NAME")
    reader.problem(node, field, f"{text[:40]!r} is no trigger", propose(text, known))
    return Trigger()


def _trigger_of(codes: list[str], *, single_use: bool, chosen: bool, events: list[str]) -> Trigger:
    return Trigger(
        coupons=frozenset(code for code in codes if not code.endswith("*")),
        prefixes=tuple(sorted(code[:-1] for code in codes if code.endswith("*"))),
        single_use=single_use,
        chosen=chosen,
        events=frozenset(events),
    )
