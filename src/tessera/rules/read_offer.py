"""One offer's entry in a programme: its keys, put together from conditions and reward.

Owns: which keys an offer has and what they default to. Must never: look at another offer; what
needs the whole programme (groups, names that are referred to) is checked in `programme`.
"""

import re
from dataclasses import replace

from tessera.core.quote import Stage
from tessera.core.uses import SHARED
from tessera.rules.conditions import OF_A_LINE
from tessera.rules.model import (
    EVERYTHING,
    Bundle,
    Each,
    Earn,
    Funding,
    Gift,
    Issue,
    Limit,
    Multiply,
    Need,
    Off,
    Offer,
    Reward,
    Selector,
    Spend,
    Texts,
    Where,
    Who,
    Window,
)
from tessera.rules.read_conditions import (
    read_selector,
    read_trigger,
    read_when,
    read_where,
    read_who,
)
from tessera.rules.read_needs import read_needs
from tessera.rules.read_rewards import read_reward
from tessera.rules.read_values import Units
from tessera.rules.reading import Reader, propose
from tessera.rules.yaml_nodes import Mapping, Node

OFFER_KEYS = frozenset(
    {
        "name",
        "receipt",
        "when",
        "where",
        "who",
        "what",
        "needs",
        "trigger",
        "give",
        "limits",
        "offline",
        "in",
        "priority",
        "stacks",
        "funding",
        "changed_prices",
        "undiscounted_only",
        "note",
    }
)
PER_MEMBER = frozenset({"day", "week", "month", "year", "ever"})
PERIODS = (
    "line",
    "line_amount",
    "basket",
    "day",
    "week",
    "month",
    "year",
    "ever",
    "total",
    "budget",
)
OFFLINE = ("allow", "refuse", "pending")
_COUNTED = frozenset(PERIODS) - {"line_amount", "budget"}
_MONEY = frozenset({"line_amount", "budget"})
_TOO_EARLY = (
    "offers on goods come first, so this threshold reads the goods at the shelf",
    "leave the stage out, or take the sum off the basket",
)
_NEVER_EMPTY = {
    "when": "mon..fri",
    "where": "store 7",
    "who": "members",
    "what": "category dairy",
    "needs": "basket from 50.00",
    "trigger": "coupon WELCOME10",
    "limits": "1 per basket",
    "in": "the name of a group",
    "stacks": "yes",
}
"""Keys that narrow an offer down, each with an example; empty ones would leave it wide open."""
_LIMIT = re.compile(r"(\d+)(?: times?)? (?:a |per |in )?(\w+)\Z", re.ASCII)


def read_offer(reader: Reader, offer_id: str, rank: int, node: Node, units: Units) -> Offer | None:
    """Read one offer; None when it has no reward that could be read."""
    field = f"offers.{offer_id}"
    entries = reader.mapping(node, field, OFFER_KEYS).entries
    for key in _NEVER_EMPTY.keys() & entries.keys():
        reader.said(entries[key], f"{field}.{key}", _NEVER_EMPTY[key])
    get = entries.get
    what, trigger = EVERYTHING, None
    if (item := get("what")) is not None:
        what = read_selector(reader, item, f"{field}.what")
    if (item := get("trigger")) is not None:
        trigger = read_trigger(reader, item, f"{field}.trigger")
    give = get("give")
    if give is None:
        reader.problem(node, field, "the offer gives nothing", "add `give: 10 % off`")
        return None
    reward = read_reward(reader, give, f"{field}.give", units, what)
    if reward is None:
        return None
    limits = _read_limits(reader, field, get("limits"))
    if any(limit.period in OF_A_LINE for limit in limits):
        reward = _on_lines(reader, entries["limits"], field, reward, limits)
    who, when, where, needs = _read_conditions(reader, field, entries)
    if stage_of(reward) is Stage.UNIT and any(need.at is not Stage.SHELF for need in needs):
        reader.warning(entries["needs"], f"{field}.needs", *_TOO_EARLY)
        needs = tuple(replace(need, at=Stage.SHELF) for need in needs)
    stacks_all, stacks_with = _read_stacks(reader, field, get("stacks"))
    names = reader.texts(entries["name"], f"{field}.name") if "name" in entries else ()
    receipt = reader.texts(entries["receipt"], f"{field}.receipt") if "receipt" in entries else ()
    free = trigger is None and not (who or when or where or needs)
    free = free and not {"limits", "offline"} & entries.keys() and not needs_member(reward)
    return Offer(
        offer_id=offer_id,
        rank=rank,
        line=node.line,
        names=names,
        receipt=receipt,
        stage=stage_of(reward),
        reward=reward,
        when=when,
        where=where,
        who=who,
        what=what,
        needs=needs,
        trigger=trigger,
        limits=limits,
        offline=_read_offline(reader, field, get("offline"), reward, limits),
        group=reader.text(entries["in"], f"{field}.in") if "in" in entries else "",
        priority=_priority(reader, field, get("priority")),
        stacks_all=stacks_all,
        stacks_with=stacks_with,
        funding=_read_funding(reader, field, get("funding")),
        changed_prices=_yes(reader, field, "changed_prices", get("changed_prices")),
        undiscounted_only=_yes(reader, field, "undiscounted_only", get("undiscounted_only")),
        free_to_all=free,
        label=label_of(names, offer_id),
        receipt_label=label_of(receipt, offer_id) if receipt else (),
        of_a_line=_is_of_a_line(reward),
    )


def _is_of_a_line(reward: Reward) -> bool:
    if isinstance(reward, Bundle):
        return reward.same_item or (len(reward.parts) == 1 and len(reward.parts[0][0].skus) == 1)
    return isinstance(reward, Each)


def needs_member(reward: Reward) -> bool:
    """Tell whether only a member can have a reward: there must be an account to book on."""
    return isinstance(reward, (Earn, Multiply, Spend))


def label_of(names: Texts, fallback: str) -> tuple[tuple[str, str | int], ...]:
    """Give names as message arguments: the first as `name`, each as `name.LANGUAGE`."""
    if not names:
        return (("name", fallback),)
    more = [(f"name.{language}", text) for language, text in names if language]
    return (("name", names[0][1]), *more)


def stage_of(reward: Reward) -> Stage:
    """Tell at which stage a reward is applied."""
    if isinstance(reward, (Each, Bundle, Gift)):
        return Stage.UNIT
    if isinstance(reward, Off):
        return Stage.BASKET
    if isinstance(reward, Spend):
        return Stage.TENDER if reward.tender else Stage.REDEMPTION
    assert isinstance(reward, (Earn, Multiply, Issue))
    return Stage.ACCRUAL


def _read_conditions(
    reader: Reader, field: str, entries: dict[str, Node]
) -> tuple[tuple[Who, ...], tuple[Window, ...], Where | None, tuple[Need, ...]]:
    who: tuple[Who, ...] = ()
    when: tuple[Window, ...] = ()
    where: Where | None = None
    needs: tuple[Need, ...] = ()
    if (item := entries.get("who")) is not None:
        who = read_who(reader, item, f"{field}.who")
    if (item := entries.get("when")) is not None:
        when = read_when(reader, item, f"{field}.when")
    if (item := entries.get("where")) is not None:
        where = read_where(reader, item, f"{field}.where")
    if (item := entries.get("needs")) is not None:
        needs = read_needs(reader, item, f"{field}.needs")
    return who, when, where, needs


def _yes(reader: Reader, field: str, key: str, node: Node | None) -> bool:
    return node is not None and reader.yes(node, f"{field}.{key}")


def _read_offline(
    reader: Reader, field: str, node: Node | None, reward: Reward, limits: tuple[Limit, ...]
) -> str:
    """Read what happens without central, and object where that can't be done."""
    if node is None:
        return OFFLINE[0]
    path = f"{field}.offline"
    if reader.text(node, path) == "lease":
        message = "uses of an offer are not leased to tills, only units of members are"
        reader.problem(node, path, message, "offline: refuse, or pending for what is earned")
        return OFFLINE[0]
    chosen = reader.choice(node, path, OFFLINE, OFFLINE[0])
    if chosen != "pending":
        return chosen
    if not can_wait(reward):
        message = "only units that are earned and draw entries can wait for central"
        reader.problem(node, path, message, "offline: refuse or allow")
    elif not any(limit.period in PER_MEMBER for limit in limits):
        message = "`pending` waits for a limit to be confirmed, and the offer has none of a member"
        reader.problem(node, path, message, "add `limits: 1 ever`, or leave `offline` out")
    return chosen


def can_wait(reward: Reward) -> bool:
    """Tell whether what an offer gives can be held back until central has counted."""
    return isinstance(reward, Earn) or (isinstance(reward, Issue) and reward.kind == "draw")


def _priority(reader: Reader, field: str, node: Node | None) -> int:
    return 0 if node is None else reader.whole(node, f"{field}.priority", 0, 1_000_000)


def _read_stacks(reader: Reader, field: str, node: Node | None) -> tuple[bool, frozenset[str]]:
    if node is None:
        return False, frozenset()
    words = reader.words(node, f"{field}.stacks")
    if words in (["yes"], ["all"]):
        return True, frozenset()
    if words == ["no"]:
        return False, frozenset()
    return False, frozenset(words)


def _read_limits(reader: Reader, field: str, node: Node | None) -> tuple[Limit, ...]:
    """Read `2 per basket, 1 a day` or {basket: 2, budget: 500.00}."""
    if node is None:
        return ()
    path = f"{field}.limits"
    limits = []
    if isinstance(node, Mapping):
        for name, item in reader.mapping(node, path, (*PERIODS, "risk")).entries.items():
            if name in _MONEY:
                limits.append(Limit(period=name, most=reader.minor(item, f"{path}.{name}")))
            elif name in PERIODS:
                most = reader.whole(item, f"{path}.{name}", 1, 10**12)
                limits.append(Limit(period=name, most=most))
        return _with_risk(reader, node, path, limits)
    words = reader.words(node, path)
    for word in words:
        match = _LIMIT.match(word.replace(" in all", " total"))
        if match is None or match[2] not in _COUNTED or len(match[1]) > 12:
            proposal = propose(match[2], PERIODS) if match else "write 1 per basket or 1 a day"
            reader.problem(node, path, f"{word[:40]!r} is no limit", proposal)
        else:
            limits.append(Limit(period=match[2], most=int(match[1])))
    return tuple(limits)


def _with_risk(reader: Reader, node: Mapping, path: str, limits: list[Limit]) -> tuple[Limit, ...]:
    """Add to the one limit over all members what each register may go beyond its share."""
    item = node.entries.get("risk")
    if item is None:
        return tuple(limits)
    shared = [limit for limit in limits if limit.period in SHARED]
    if len(shared) != 1:
        message = "a risk belongs to one limit over all members: a total or a budget"
        reader.problem(item, f"{path}.risk", message, "limits: {total: 100, risk: 2}")
        return tuple(limits)
    if shared[0].period == "budget":
        risk = reader.minor(item, f"{path}.risk")
    else:
        risk = reader.whole(item, f"{path}.risk", 1, 10**12)
    return tuple(replace(one, risk=risk) if one in shared else one for one in limits)


def _on_lines(
    reader: Reader, node: Node, field: str, reward: Reward, limits: tuple[Limit, ...]
) -> Reward:
    """Give a reward on single units with its limits by line; others have none."""
    if not isinstance(reward, Each):
        message = "only what is taken off single units can be limited by line"
        reader.problem(node, f"{field}.limits", message, "write 1 per basket, or give 10 % off")
        return reward
    of = {limit.period: limit.most for limit in limits}
    return replace(reward, line_units=of.get("line"), line_minor=of.get("line_amount"))


def _read_funding(reader: Reader, field: str, node: Node | None) -> Funding | None:
    if node is None:
        return None
    path = f"{field}.funding"
    entries = reader.mapping(node, path, ("partner", "share", "third_party_paid")).entries
    if "partner" not in entries:
        reader.problem(node, path, "funding names no partner", "partner: maker-x")
    share, third = (1, 1), False
    if (item := entries.get("share")) is not None:
        share = reader.percent_of(item, f"{path}.share", reader.text(item, f"{path}.share"))
    if (item := entries.get("third_party_paid")) is not None:
        third = reader.yes(item, f"{path}.third_party_paid")
    else:
        message = "a funded offer says whether the tax base is before or after it"
        reader.problem(node, path, message, "third_party_paid: yes or no")
    partner = reader.text(entries["partner"], f"{path}.partner") if "partner" in entries else ""
    return Funding(partner=partner, share=share, third_party_paid=third)


def all_selectors(offer: Offer) -> list[Selector]:
    """Give every selector under which an offer has to be looked up."""
    if isinstance(offer.reward, Bundle):
        return [selector for selector, _ in offer.reward.parts]
    if isinstance(offer.reward, Gift):
        return [offer.what, Selector(skus=frozenset(offer.reward.choices))]
    return [offer.what]
