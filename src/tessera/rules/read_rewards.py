"""The words of an offer's reward: what stands behind `give`.

Owns: the grammar of its sentences (`10 % off the basket`); its keys are in `read_reward_keys`.
Must never: apply a reward.
"""

import re

from tessera.core.money import UNITS_MAX
from tessera.rules.meant import reward_meant
from tessera.rules.model import (
    Bundle,
    Each,
    Earn,
    Issue,
    Kind,
    Multiply,
    Off,
    Reward,
    Selector,
    Spend,
)
from tessera.rules.read_reward_keys import BUY_NOTHING, read_reward_keys, repeated
from tessera.rules.read_values import Units, read_value
from tessera.rules.reading import DAYS_MAX, PIECES_MAX, Reader, propose
from tessera.rules.yaml_nodes import Mapping, Node, Sequence

_N = r"(\d+(?:\.\d+)?)"
_OFF = re.compile(
    rf"{_N} ?(%)? off(?: (each|the basket|them all)| per (kg|l|m|g|ml))?(?:,? at most {_N})?\Z",
    re.ASCII,
)
_STEPS = re.compile(
    rf"{_N} off(?: the basket)? for every (?:whole )?{_N}( items?)?"
    rf"(?:,? at most (?:(\d{{1,6}}) times|{_N}))?\Z",
    re.ASCII,
)
_PRICE = re.compile(rf"price {_N}(?: per (kg|l|m))?\Z", re.ASCII)
_ANY = re.compile(rf"any (\d+) for {_N}\Z", re.ASCII)
_BUY = re.compile(rf"buy (\d+),? get (\d+) (?:free|at {_N} ?% off)\Z", re.ASCII)
_CHEAPEST = re.compile(r"cheapest of (\d+) free\Z", re.ASCII)
_EARN = re.compile(
    rf"{_N} (\S+?) (?:for every (whole )?{_N}(?: (items?|kg|l|m))?|per (item|kg|l|m|visit))"
    r"(?:,? (by line))?(?:,? at most (\d+))?\Z",
    re.ASCII,
)
_ONCE = re.compile(r"(\d+) ([A-Za-z][\w-]*)\Z", re.ASCII)
_TIMES = re.compile(rf"(\S+) (?:x|×) ?{_N}\Z")
_SPEND = re.compile(rf"(\d+) (\S+) = {_N} (off|tender|paid)(?:,? at most {_N} ?%)?\Z", re.ASCII)
_COUPON = re.compile(r"coupon (\S+)(?: for (\d+) days?)?\Z", re.ASCII)
_DRAW = re.compile(r"(\d+) (?:entry|entries) in (\S+)\Z", re.ASCII)
_ACCESS = re.compile(r"access (\S+) for (\d+) days?\Z", re.ASCII)
_EXAMPLES = (
    "10 % off",
    "5.00 off the basket",
    "price 1.99",
    "any 3 for 5.00",
    "buy 2 get 1 free",
    "1 point for every whole 1.00",
    "points x 2",
    "100 points = 1.00 off",
)


def read_reward(
    reader: Reader, node: Node, field: str, units: Units, what: Selector
) -> Reward | None:
    """Read a reward; None with a problem when it is none. `what` is the offer's own selection."""
    if isinstance(node, Mapping):
        return read_reward_keys(reader, node, field, units, what)
    if isinstance(node, Sequence):
        reader.problem(node, field, "one offer gives one thing", "make an offer of each")
        return None
    text = " ".join(reader.text(node, field).split())
    reward = _discount_of(reader, node, field, text, what) or _units_of(
        reader, node, field, text, units
    )
    if reward is None:
        close = reward_meant(text) or propose(text, _EXAMPLES)
        if "known are" in close or not close:
            close = "write for example " + " · ".join(f"`{example}`" for example in _EXAMPLES[:5])
        reader.problem(node, field, f"{text[:60]!r} is no reward", close)
    return reward


def _discount_of(
    reader: Reader, node: Node, field: str, text: str, what: Selector
) -> Reward | None:
    if match := _OFF.match(text):
        value, percent, over, measure, cap = match.groups()
        kind, amount = read_value(reader, node, field, f"{value} %" if percent else value)
        most = reader.minor_of(node, field, cap) if cap else None
        if over in {"the basket", "them all"}:
            return Off(kind=kind, value=amount, cap_minor=most)
        return Each(kind=kind, value=amount, cap_minor=most, measure=measure or "")
    if text == "free":
        return Each(kind=Kind.PERCENT, value=(1, 1))
    if match := _PRICE.match(text):
        price = reader.minor_of(node, field, match[1])
        return Each(kind=Kind.PRICE, value=(price, 1), measure=match[2] or "")
    return _several_of(reader, node, field, text, what)


def _several_of(reader: Reader, node: Node, field: str, text: str, what: Selector) -> Reward | None:
    """Read what several units together give: steps of an amount, bundles."""
    if match := _STEPS.match(text):
        return _repeated_of(reader, node, field, match)
    if match := _ANY.match(text):
        count = reader.whole_of(node, field, match[1], 1, PIECES_MAX)
        price = reader.minor_of(node, field, match[2])
        return Bundle(parts=((what, count),), kind=Kind.PRICE, value=(price, 1))
    if match := _BUY.match(text):
        rate = reader.percent_of(node, field, match[3]) if match[3] else (1, 1)
        buy = reader.whole_of(node, field, match[1], 1, PIECES_MAX)
        return _buy_get(buy, reader.whole_of(node, field, match[2], 1, PIECES_MAX), rate, what)
    if match := _CHEAPEST.match(text):
        return _buy_get(reader.whole_of(node, field, match[1], 2, PIECES_MAX) - 1, 1, (1, 1), what)
    return None


def _repeated_of(reader: Reader, node: Node, field: str, match: re.Match[str]) -> Off | None:
    amount, step, items, times, cap = match.groups()
    return repeated(
        reader,
        node,
        field,
        (Kind.AMOUNT, (reader.minor_of(node, field, amount), 1)),
        f"{step}{items or ''}",
        times=int(times or 0),
        cap_minor=reader.minor_of(node, field, cap) if cap else None,
    )


def _buy_get(buy: int, get: int, rate: tuple[int, int], what: Selector) -> Bundle:
    return Bundle(
        parts=((what, buy + get),), kind=Kind.PERCENT, value=rate, aim="cheapest", count=get
    )


def _units_of(reader: Reader, node: Node, field: str, text: str, units: Units) -> Reward | None:
    if match := _EARN.match(text):
        return _earn_of(reader, node, field, match, units)
    if match := _SPEND.match(text):
        minor = reader.minor_of(node, field, match[3])
        if not match[3].strip("0."):
            reader.problem(node, field, BUY_NOTHING, "write 100 points = 1.00 off")
        return Spend(
            unit=units.find(reader, node, field, match[2]),
            count=reader.whole_of(node, field, match[1], 1, 10**15),
            minor=minor,
            tender=match[4] != "off",
            most=reader.percent_of(node, field, match[5]) if match[5] else (1, 1),
        )
    if match := _TIMES.match(text):
        factor = reader.ratio_of(node, field, match[2], 1_000)
        return Multiply(unit=units.find(reader, node, field, match[1]), factor=factor)
    return _right_of(reader, node, field, text) or _once_of(reader, node, field, text, units)


def _right_of(reader: Reader, node: Node, field: str, text: str) -> Issue | None:
    if match := _COUPON.match(text):
        days = reader.whole_of(node, field, match[2] or "0", 0, DAYS_MAX)
        return Issue(kind="coupon", name=match[1], days=days)
    if match := _DRAW.match(text):
        count = reader.whole_of(node, field, match[1], 1, PIECES_MAX)
        return Issue(kind="draw", name=match[2], count=count)
    if match := _ACCESS.match(text):
        days = reader.whole_of(node, field, match[2], 0, DAYS_MAX)
        return Issue(kind="access", name=match[1], days=days)
    if text == "nothing":
        return Issue(kind="private-access", name="")
    return None


def _once_of(reader: Reader, node: Node, field: str, text: str, units: Units) -> Earn | None:
    if (match := _ONCE.match(text)) and len(match[1]) < 16:
        unit = units.find(reader, node, field, match[2])
        return Earn(unit=unit, count=(int(match[1]), 1))
    return None


def _earn_of(
    reader: Reader, node: Node, field: str, match: re.Match[str], units: Units
) -> Earn | None:
    count, word, whole, step, counted, per, by_line, cap = match.groups()
    unit = units.find(reader, node, field, word)
    measure, size = "", 1
    if per == "visit":
        kind = "basket"
    elif per == "item" or (counted or "").startswith("item"):
        kind, size = "quantity", int(step or 1) if (step or "1").isdecimal() else 0
    elif per or counted:
        kind, measure = "measure", per or counted
        size = reader.ratio_of(node, field, step or "1")[0] * 1000
        size //= reader.ratio_of(node, field, step or "1")[1]
    else:
        kind, size = "amount", reader.minor_of(node, field, step)
    if size <= 0:
        reader.problem(node, field, f"a step of {step} counts nothing", "write 1.00 or more")
        return None
    return Earn(
        unit=unit,
        count=reader.ratio_of(node, field, count),
        per=kind,
        step=size,
        whole=bool(whole) or kind == "quantity",
        by_line=bool(by_line),
        measure=measure,
        cap=reader.whole_of(node, field, cap, 0, UNITS_MAX) if cap else None,
    )
