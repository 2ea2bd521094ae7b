"""The keys of a reward: `{buy: 2, get: 1 free}`, `{set: [...], for: 5.00}`, `{spend: ...}`.

Owns: which keys belong together and what they mean. Must never: apply a reward.
"""

import re
from collections.abc import Callable

from tessera.rules.model import (
    EVERYTHING,
    Bundle,
    Each,
    Gift,
    Issue,
    Kind,
    Off,
    Reward,
    Selector,
    Spend,
    Step,
)
from tessera.rules.read_conditions import read_selector
from tessera.rules.reading import DAYS_MAX, PIECES_MAX, Reader, propose, split_words
from tessera.rules.yaml_nodes import Mapping, Node, Scalar, Sequence

BUY_NOTHING = "the units buy nothing"
_GET = re.compile(r"(\d+)(?: (free|(?:at )?.+ off))?\Z", re.ASCII)


class Units:
    """Finds a unit by the word a person uses for it: `point` is `points`, too."""

    __slots__ = ("known",)

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known

    def find(self, reader: Reader, node: Node, field: str, word: str) -> str:
        """Give the unit's name; a problem when the programme has none such."""
        for name in (word, f"{word}s", f"{word}es"):
            if name in self.known:
                return name
        message = f"the programme has no unit {word!r}"
        proposal = propose(word, sorted(self.known)) or "declare it under `units`"
        reader.problem(node, field, message, proposal)
        return word


def read_value(reader: Reader, node: Node, field: str, text: str) -> tuple[Kind, tuple[int, int]]:
    """Read `10 %` or `5.00` as a kind and a value."""
    text = text.removesuffix("off").strip()
    if text == "free":
        return Kind.PERCENT, (1, 1)
    if text.endswith("%"):
        return Kind.PERCENT, reader.percent_of(node, field, text)
    return Kind.AMOUNT, (reader.minor_of(node, field, text), 1)


def read_reward_keys(
    reader: Reader, node: Mapping, field: str, units: Units, what: Selector
) -> Reward | None:
    """Read a reward that is written as keys; the first known key says which form it is."""
    for key, (known, read) in _FORMS.items():
        if key in node.entries:
            reader.mapping(node, field, (key, *known))
            return read(reader, node, field, units, what)
    starts = sorted(_FORMS)
    first = next(iter(node.keys), "")
    reader.problem(node, field, "no reward starts with these keys", propose(first, starts))
    return None


_Read = Callable[[Reader, Mapping, str, Units, Selector], Reward | None]


def _whole(reader: Reader, node: Mapping, field: str, key: str, default: int, low: int = 0) -> int:
    item = node.entries.get(key)
    return default if item is None else reader.whole(item, f"{field}.{key}", low, PIECES_MAX)


def _days(reader: Reader, node: Mapping, field: str, key: str) -> int:
    item = node.entries.get(key)
    return 0 if item is None else reader.whole(item, f"{field}.{key}", 0, DAYS_MAX)


def _percent(
    reader: Reader, node: Mapping, field: str, key: str, default: tuple[int, int]
) -> tuple[int, int]:
    item = node.entries.get(key)
    if item is None:
        return default
    return reader.percent_of(item, f"{field}.{key}", reader.text(item, f"{field}.{key}"))


def _minor(reader: Reader, node: Mapping, field: str, key: str) -> int | None:
    item = node.entries.get(key)
    return None if item is None else reader.minor(item, f"{field}.{key}")


def _read_buy(
    reader: Reader, node: Mapping, field: str, _units: Units, what: Selector
) -> Reward | None:
    buy = _whole(reader, node, field, "buy", 1, 1)
    item = node.entries.get("get")
    if item is None:
        reader.problem(node, field, "`buy` without `get`", "write {buy: 2, get: 1 free}")
        return None
    match = re.match(
        r"(\d+)(?: (free|(?:at )?.+ off))?\Z", reader.text(item, f"{field}.get"), re.ASCII
    )
    if match is None or len(match[1]) > 6 or int(match[1]) < 1:
        reader.problem(item, f"{field}.get", "this is nothing to get", "write 1 free")
        return None
    kind, value = read_value(reader, item, f"{field}.get", (match[2] or "free").removeprefix("at "))
    get = int(match[1])
    other = node.entries.get("of")
    if other is not None:
        reader.said(other, f"{field}.of", "category hats")
        reward = read_selector(reader, other, f"{field}.of")
        return Bundle(
            parts=((what, buy), (reward, get)), kind=kind, value=value, aim="part:1", count=get
        )
    aim = "cheapest"
    if "which" in node.entries:
        aim = reader.choice(node.entries["which"], f"{field}.which", _AIMS, aim)
    same = node.entries.get("same_item")
    return Bundle(
        parts=((what, buy + get),),
        kind=kind,
        value=value,
        aim=aim,
        count=get,
        same_item=same is not None and reader.yes(same, f"{field}.same_item"),
    )


_AIMS = ("cheapest", "dearest")


def _one_price(reader: Reader, node: Mapping, field: str) -> None:
    """Note a problem where a bundle says twice what it gives."""
    said = [key for key in ("for", "off", "cheapest") if key in node.entries]
    if len(said) > 1:
        message = f"the bundle says {said[0]!r} and {said[1]!r}"
        reader.problem(node.keys[said[1]], f"{field}.{said[1]}", message, "keep one of the two")


def _bundle_price(reader: Reader, node: Mapping, field: str) -> tuple[Kind, tuple[int, int]]:
    """Read `for: 5.00` or `off: 20 %` of a bundle."""
    if (price := _minor(reader, node, field, "for")) is not None:
        return Kind.PRICE, (price, 1)
    if (item := node.entries.get("off")) is not None:
        return read_value(reader, item, f"{field}.off", reader.text(item, f"{field}.off"))
    reader.problem(node, field, "the bundle has no price", "add `for: 5.00` or `off: 20 %`")
    return Kind.AMOUNT, (0, 1)


def _read_any(
    reader: Reader, node: Mapping, field: str, _units: Units, what: Selector
) -> Reward | None:
    _one_price(reader, node, field)
    count = _whole(reader, node, field, "any", 2, 1)
    same = node.entries.get("same_item")
    same_item = same is not None and reader.yes(same, f"{field}.same_item")
    if (cheapest := node.entries.get("cheapest")) is not None:
        text = reader.text(cheapest, f"{field}.cheapest")
        kind, value = read_value(reader, cheapest, f"{field}.cheapest", text)
        return Bundle(
            parts=((what, count),),
            kind=kind,
            value=value,
            aim="cheapest",
            count=1,
            same_item=same_item,
        )
    kind, value = _bundle_price(reader, node, field)
    return Bundle(parts=((what, count),), kind=kind, value=value, same_item=same_item)


def _read_set(
    reader: Reader, node: Mapping, field: str, _units: Units, _what: Selector
) -> Reward | None:
    item = node.entries["set"]
    if not isinstance(item, Sequence) or not 0 < len(item.items) <= 12:
        reader.problem(item, f"{field}.set", "a set lists 1 to 12 parts", "- {what: sku 1}")
        return None
    _one_price(reader, node, field)
    parts = []
    for number, part in enumerate(item.items):
        path = f"{field}.set[{number}]"
        if isinstance(part, Scalar):
            parts.append((read_selector(reader, part, path), 1))
            continue
        known = reader.mapping(part, path, ("what", "count"))
        selector = EVERYTHING
        if "what" in known.entries:
            selector = read_selector(reader, known.entries["what"], f"{path}.what")
        parts.append((selector, _whole(reader, known, path, "count", 1, 1)))
    if (cheapest := node.entries.get("cheapest")) is not None:
        text = reader.text(cheapest, f"{field}.cheapest")
        kind, value = read_value(reader, cheapest, f"{field}.cheapest", text)
        return Bundle(parts=tuple(parts), kind=kind, value=value, aim="cheapest", count=1)
    kind, value = _bundle_price(reader, node, field)
    return Bundle(parts=tuple(parts), kind=kind, value=value)


def _read_steps(
    reader: Reader, node: Mapping, field: str, _units: Units, _what: Selector
) -> Reward | None:
    reads = "basket"
    if (item := node.entries.get("reads")) is not None:
        reads = reader.choice(item, f"{field}.reads", _READS, reads)
    steps = []
    ladder = reader.mapping(node.entries["steps"], f"{field}.steps")
    for name, item in ladder.entries.items():
        path = f"{field}.steps.{name}"
        key = ladder.keys[name]
        start = (
            reader.whole(key, path, 0, 10**9)
            if reads in {"quantity", "visits"}
            else reader.minor_of(key, path, name)
        )
        kind, value = read_value(reader, item, path, reader.text(item, path))
        steps.append(Step(start=start, kind=kind, value=value))
    if not steps:
        reader.problem(node, field, "a ladder without steps", "steps: {50.00: 5 %}")
        return None
    item = node.entries.get("marginal")
    marginal = item is not None and reader.yes(item, f"{field}.marginal")
    if item is not None and marginal and reads not in _SLICED:
        message = f"{reads!r} is no amount or number of this basket that could be cut into slices"
        reader.problem(item, f"{field}.marginal", message, "leave `marginal` or `reads` out")
    return Off(
        ladder=tuple(sorted(steps, key=lambda step: step.start)),
        marginal=marginal,
        reads=reads,
        cap_minor=_minor(reader, node, field, "at_most"),
    )


_SLICED = frozenset({"basket", "quantity"})
_READS = ("basket", "quantity", "lifetime", "period", "visits")


def repeated(
    reader: Reader,
    node: Node,
    field: str,
    off: tuple[Kind, tuple[int, int]],
    step: str,
    *,
    times: int,
    cap_minor: int | None,
) -> Off | None:
    """Give an amount off for every whole step: of money (`50.00`), or of items (`3 items`)."""
    kind, value = off
    count = re.match(r"(\d{1,6}) items?\Z", step, re.ASCII)
    noted = len(reader.problems)
    start = int(count[1]) if count else reader.minor_of(node, field, step)
    if len(reader.problems) > noted:
        return None
    if kind is not Kind.AMOUNT:
        message = "a share of the price is no amount for every step"
        reader.problem(node, field, message, "5.00 off for every 50.00, or a ladder of steps")
        return None
    if start <= 0:
        reader.problem(node, field, f"a step of {step} counts nothing", "write 1.00 or more")
        return None
    return Off(
        ladder=(Step(start=start, kind=kind, value=value),),
        reads="quantity" if count else "basket",
        repeats=True,
        times=times,
        cap_minor=cap_minor,
    )


def _read_off(
    reader: Reader, node: Mapping, field: str, _units: Units, _what: Selector
) -> Reward | None:
    item = node.entries["off"]
    kind, value = read_value(reader, item, f"{field}.off", reader.text(item, f"{field}.off"))
    cap = _minor(reader, node, field, "at_most")
    if (step := node.entries.get("for_every")) is not None:
        text = reader.text(step, f"{field}.for_every").removeprefix("whole ")
        times = _whole(reader, node, field, "times", 0, 1)
        path = f"{field}.for_every"
        if "over" in node.entries:
            message = "what is taken off for every step comes off the basket"
            reader.problem(node.keys["over"], f"{field}.over", message, "leave `over` out")
        return repeated(reader, step, path, (kind, value), text, times=times, cap_minor=cap)
    if "times" in node.entries:
        path = f"{field}.times"
        reader.problem(node.keys["times"], path, "`times` without `for_every`", "for_every: 50.00")
    over = "each"
    if (scope := node.entries.get("over")) is not None:
        over = reader.choice(scope, f"{field}.over", ("each", "basket"), over)
    if over == "basket":
        return Off(kind=kind, value=value, cap_minor=cap)
    return Each(kind=kind, value=value, cap_minor=cap)


def _read_gift(
    reader: Reader, node: Mapping, field: str, _units: Units, _what: Selector
) -> Reward | None:
    return _gift_of(reader, node, field)


def _gift_of(reader: Reader, node: Mapping, field: str) -> Gift:
    item = node.entries["gift"]
    words: list[str] = []
    for word in reader.words(item, f"{field}.gift"):
        words += split_words(word.removeprefix("sku ").replace(" or ", ","))
    if not words:
        reader.problem(item, f"{field}.gift", "no gift is named", "gift: sku 4006381333931")
    return Gift(
        choices=tuple(dict.fromkeys(words)),
        count=_whole(reader, node, field, "count", 1, 1),
        price_minor=_minor(reader, node, field, "for") or 0,
    )


def _read_spend(
    reader: Reader, node: Mapping, field: str, units: Units, _what: Selector
) -> Reward | None:
    item = node.entries["spend"]
    match = re.match(r"(\d{1,15}) (\S+)\Z", reader.text(item, f"{field}.spend"), re.ASCII)
    if match is None or int(match[1]) == 0:
        reader.problem(item, f"{field}.spend", "this is nothing to spend", "spend: 100 points")
        return None
    style, whole = "discount", True
    if (how := node.entries.get("as")) is not None:
        style = reader.choice(how, f"{field}.as", ("discount", "tender"), style)
    if (lots := node.entries.get("lots")) is not None:
        whole = reader.choice(lots, f"{field}.lots", ("whole", "any"), "whole") == "whole"
    donate = node.entries.get("donate")
    gift = _gift_of(reader, node, field) if "gift" in node.entries else None
    donated = donate is not None and reader.yes(donate, f"{field}.donate")
    minor = _minor(reader, node, field, "for") or 0
    if not (gift or donated or minor):
        proposal = "add `for: 5.00`, `gift: sku mug` or `donate: yes`"
        reader.problem(node, field, BUY_NOTHING, proposal)
    if "count" in node.entries and gift is None:
        path = f"{field}.count"
        reader.problem(node.keys["count"], path, "a count of gifts without one", "add `gift: mug`")
    return Spend(
        unit=units.find(reader, item, f"{field}.spend", match[2]),
        count=int(match[1]),
        minor=0 if gift else minor,
        tender=style == "tender",
        most=_percent(reader, node, field, "at_most", (1, 1)),
        least=_whole(reader, node, field, "at_least", 0),
        whole=whole,
        gift=gift,
        donate=donated,
    )


def _read_issue(kind: str) -> _Read:
    def read(
        reader: Reader, node: Mapping, field: str, _units: Units, _what: Selector
    ) -> Reward | None:
        return Issue(
            kind=kind,
            name=reader.text(node.entries[kind], f"{field}.{kind}"),
            count=_whole(reader, node, field, "count", 1, 1),
            days=_days(reader, node, field, "days"),
            starts_in_days=_days(reader, node, field, "starts_in_days"),
        )

    return read


def _read_win(
    reader: Reader, node: Mapping, field: str, _units: Units, _what: Selector
) -> Reward | None:
    item = node.entries["win"]
    match = re.match(r"1 in (\d{1,6})\Z", reader.text(item, f"{field}.win"), re.ASCII)
    if match is None or int(match[1]) == 0:
        reader.problem(item, f"{field}.win", "this is no chance", "win: 1 in 4")
        return None
    if int(match[1]) > 4:
        message = "fewer than one in four wins: members stop believing in the draw"
        reader.warning(item, f"{field}.win", message, "win: 1 in 4")
    prizes = (
        reader.words(node.entries["prizes"], f"{field}.prizes") if "prizes" in node.entries else []
    )
    if not prizes:
        reader.problem(node, field, "an instant win names its prizes", "prizes: [coffee]")
    return Issue(kind="win", name="", chance=(1, int(match[1])), prizes=tuple(prizes))


_FORMS: dict[str, tuple[tuple[str, ...], _Read]] = {
    "buy": (("get", "of", "which", "same_item"), _read_buy),
    "any": (("for", "off", "cheapest", "same_item"), _read_any),
    "set": (("for", "off", "cheapest"), _read_set),
    "steps": (("marginal", "reads", "at_most"), _read_steps),
    "spend": (
        ("for", "as", "at_most", "at_least", "lots", "gift", "count", "donate"),
        _read_spend,
    ),
    "gift": (("count", "for"), _read_gift),
    "coupon": (("count", "days", "starts_in_days"), _read_issue("coupon")),
    "draw": (("count", "days"), _read_issue("draw")),
    "access": (("days", "starts_in_days"), _read_issue("access")),
    "win": (("prizes",), _read_win),
    "off": (("at_most", "over", "for_every", "times"), _read_off),
}


def reward_forms() -> dict[str, tuple[str, ...]]:
    """Give the keys with which a reward can start, and what may stand beside each."""
    return {key: known for key, (known, _) in _FORMS.items()}
