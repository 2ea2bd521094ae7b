"""The keys of a reward: `{buy: 2, get: 1 free}`, `{set: [...], for: 5.00}`, `{spend: ...}`.

Owns: which keys belong together and what they mean. Must never: apply a reward.
"""

import re
from collections.abc import Callable

from tessera.rules.model import (
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
from tessera.rules.read_bundle_keys import read_any, read_buy, read_set
from tessera.rules.read_values import (
    Units,
    read_days,
    read_minor,
    read_percent,
    read_value,
    read_whole,
)
from tessera.rules.reading import Reader, propose
from tessera.rules.yaml_nodes import Mapping, Node

BUY_NOTHING = "the units buy nothing"


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
        cap_minor=read_minor(reader, node, field, "at_most"),
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
    cap = read_minor(reader, node, field, "at_most")
    if (step := node.entries.get("for_every")) is not None:
        text = reader.text(step, f"{field}.for_every").removeprefix("whole ")
        times = read_whole(reader, node, field, "times", 0, 1)
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
        parts = word.removeprefix("sku ").replace(" or ", ",")
        words += reader.split(item, f"{field}.gift", parts)
    if not words:
        reader.problem(item, f"{field}.gift", "no gift is named", "gift: sku 4006381333931")
    return Gift(
        choices=tuple(dict.fromkeys(words)),
        count=read_whole(reader, node, field, "count", 1, 1),
        price_minor=read_minor(reader, node, field, "for") or 0,
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
    minor = read_minor(reader, node, field, "for") or 0
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
        most=read_percent(reader, node, field, "at_most", (1, 1)),
        least=read_whole(reader, node, field, "at_least", 0),
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
            count=read_whole(reader, node, field, "count", 1, 1),
            days=read_days(reader, node, field, "days"),
            starts_in_days=read_days(reader, node, field, "starts_in_days"),
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
    "buy": (("get", "of", "which", "same_item"), read_buy),
    "any": (("for", "off", "cheapest", "same_item"), read_any),
    "set": (("for", "off", "cheapest"), read_set),
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
