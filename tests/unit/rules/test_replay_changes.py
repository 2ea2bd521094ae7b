"""Sales that no change can touch: seen as such, and the same by both programmes."""

import random
from dataclasses import fields
from decimal import Decimal

import pytest

from tessera.core.basket import Basket, Line, Place
from tessera.core.member import MemberState
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme
from tessera.rules.replay import Programmes, Replay, Totals, benefit, past_sale_of
from tessera.rules.replay_changes import Changes
from tests.unit.rules.shop import line, member, place, programme

HEAD = """
settings: {{between_groups: {between}}}
units: {{points: {{value: 0.01}}, stamps: {{completes: 2, reward: o0}}}}
tiers: {{gold: {{}}}}
partners: [maker]
groups: {{one: best, two: first}}
offers:
"""
WHAT = (
    "everything",
    "category a",
    "category b",
    "sku milk",
    "{brand: acme}",
    "{tag: bio}",
    "{category: a, except: sku milk}",
)
GIVE = (
    "10 % off",
    "0.37 off",
    "any 2 for 3.00",
    "buy 1 get 1 free",
    "3.00 off the basket",
    "10 % off the basket",
    "1 point for every whole 1.00",
    "points x 2",
    "1 stamp per item",
    "{gift: [milk, cup]}",
)
IF = (
    "",
    "who: members",
    "who: tier gold",
    "when: mon..fri",
    "when: sat",
    "where: store 7",
    "trigger: coupon SAVE",
    "needs: basket from 9.00",
    "needs: basket from 9.00 after unit offers",
    "limits: 1 per basket",
    "limits: 1 a day",
    "stacks: yes",
    "in: one",
    "in: two",
    "funding: {partner: maker, share: 50 %, third_party_paid: no}",
)


def text_of(
    found: dict[str, tuple[str, str, str]], between: str = "best", stopped: str = ""
) -> str:
    entries = [
        f"  {name}: {{what: {what}, give: {give}{', ' if more else ''}{more}}}\n"
        for name, (what, give, more) in found.items()
    ]
    tail = f"stopped: [{stopped}]\n" if stopped else ""
    return HEAD.format(between=between) + "".join(entries) + tail


def sums(rules: Programme, who: MemberState | None, basket: Basket, where: Place) -> object:
    quote = evaluate(rules, who, basket, where)
    totals = Totals()
    totals.count(quote)
    return totals, benefit(quote, rules), quote.lines, quote.taxes, quote.units, quote.counters


def drawn_offer(chance: random.Random) -> tuple[str, str, str]:
    return chance.choice(WHAT), chance.choice(GIVE), chance.choice(IF)


def drawn_basket(chance: random.Random) -> Basket:
    lines = []
    for number in range(chance.randint(1, 4)):
        count = chance.randint(1, 3)
        lines.append(
            line(
                str(number),
                chance.randint(1, 900) * count,
                quantity=count,
                sku=chance.choice(("milk", "cup", "rye")),
                category=chance.choice("abc"),
                brand=chance.choice(("", "acme")),
                tags=chance.choice(((), ("bio",))),
            )
        )
    coupons = chance.choice(((), ("SAVE",)))
    return Basket(currency="EUR", lines=tuple(lines), coupons=coupons)


def test_a_sale_that_no_change_can_touch_comes_to_the_same() -> None:
    """Random programmes, one or two offers of which are changed, removed or stopped."""
    chance = random.Random(20261121)
    untouched = 0
    for _ in range(800):
        before = {f"o{number}": drawn_offer(chance) for number in range(chance.randint(2, 6))}
        after = dict(before)
        for _ in range(chance.randint(0, 2)):
            name = chance.choice(sorted(after))
            after[name] = (after[name][0], *drawn_offer(chance)[1:])
        if chance.random() < 0.3:
            del after[max(after)]
        stopped = "o0" if chance.random() < 0.2 else ""
        between = chance.choice(("best", "first"))
        draft = programme(text_of(after, between, stopped))
        current = programme(text_of(before, between))
        tier = chance.choice(("none", "", "gold"))
        who = None if tier == "none" else member(tier=tier)
        basket, where = drawn_basket(chance), place(store=chance.choice("78"))
        if Changes(draft, current).may_touch(who, basket, where):
            continue
        untouched += after != before or bool(stopped)
        assert sums(draft, who, basket, where) == sums(current, who, basket, where)
    assert untouched > 100


OLD = {
    "o0": ("category a", "10 % off", ""),
    "o1": ("everything", "5 % off", "who: tier gold"),
    "o2": ("everything", "3.00 off the basket", "trigger: coupon SAVE"),
}


@pytest.mark.parametrize(
    "change, touched",
    [
        ({}, False),
        ({"o0": ("category a", "20 % off", "")}, True),
        ({"o0": ("category b", "10 % off", "")}, True),  # the current one takes it
        ({"o1": ("everything", "9 % off", "who: tier gold")}, False),  # a guest
        ({"o1": ("everything", "9 % off", "")}, True),
        ({"o2": ("everything", "9.00 off the basket", "trigger: coupon SAVE")}, False),
        ({"o3": ("category b", "20 % off", "")}, False),
        ({"o3": ("category a", "20 % off", "needs: basket from 20.00")}, False),
        ({"o3": ("category a", "20 % off", "needs: basket from 10.00")}, True),
    ],
)
def test_only_changes_that_reach_the_basket_count(
    change: dict[str, tuple[str, str, str]], touched: bool
) -> None:
    """A guest buys 10.00 of category a."""
    draft, current = programme(text_of(OLD | change)), programme(text_of(OLD))
    basket = Basket(currency="EUR", lines=(line("1", 1000, category="a"),))
    assert Changes(draft, current).may_touch(None, basket, place()) is touched


def test_a_setting_a_unit_or_the_order_touches_every_sale() -> None:
    text = text_of(OLD)
    basket = Basket(currency="EUR", lines=(line("1", 1000, category="c"),))
    others = (
        text_of(OLD, between="first"),
        text.replace("value: 0.01", "value: 0.02"),
        text.replace("one: best", "one: all"),
        text_of({name: OLD[name] for name in ("o1", "o0", "o2")}),
        text.replace("{gold: {}}", "{silver: {}, gold: {}}"),
    )
    for other in others:
        assert Changes(programme(other), programme(text)).may_touch(None, basket, place())


def test_names_and_receipt_texts_are_no_rules() -> None:
    named = text_of(OLD).replace("give: 10 % off", "give: 10 % off, name: Ten, receipt: Ten off")
    basket = Basket(currency="EUR", lines=(line("1", 1000, category="a"),))
    assert not Changes(programme(named), programme(text_of(OLD))).may_touch(None, basket, place())


def test_comparing_leaves_the_programmes_as_they_were() -> None:
    """Its own small programmes number offers anew: on copies."""
    draft, current = programme(text_of(OLD)), programme(text_of({"o1": OLD["o1"]}))
    numbers = [(one.place, one.manner, one.path) for one in (*draft.offers, *current.offers)]
    Changes(draft, current)
    assert numbers == [
        (one.place, one.manner, one.path) for one in (*draft.offers, *current.offers)
    ]


def test_what_was_priced_once_counts_for_both() -> None:
    """10.00 of category c meets no offer; 10.00 of a costs 8.00 by the draft, 9.00 now."""
    draft = programme(text_of(OLD | {"o0": ("category a", "20 % off", "")}))
    programmes = Programmes.of(draft, programme(text_of(OLD)))
    replay = Replay()
    for category in ("a", "c"):
        bought = {"id": "1", "sku": "x", "amount_minor": 1000, "categories": [category]}
        sale = {"at": "2026-11-21T10:15:00+01:00", "basket": {"lines": [bought]}}
        replay.count(programmes, past_sale_of(sale, currency="EUR"))
    assert replay.current is not None
    assert (replay.draft.due_minor, replay.current.due_minor) == (1800, 1900)
    assert (replay.untouched, replay.better, replay.worse) == (1, 1, 0)


def test_every_field_that_decides_anything_is_compared() -> None:
    """A field that is new in an offer is compared unless it is listed as no rule."""
    from tessera.rules.model import Offer
    from tessera.rules.replay_changes import _NO_RULE

    assert {one.name for one in fields(Offer)} >= _NO_RULE
    assert {"who", "what", "reward", "limits", "stacks_with", "funding"}.isdisjoint(_NO_RULE)


def test_a_line_read_before_is_the_same_line() -> None:
    """Equal in what is written; 1, true and "1" are not, nor a line that its place names."""
    known: dict[str, Line] = {}
    row = {"id": "1", "sku": "x", "amount_minor": 100, "quantity": Decimal("0.5")}
    sale = {"at": "2026-11-21T10:15:00+01:00", "basket": {"lines": [row]}}
    first, again = (past_sale_of(sale, currency="EUR", lines=known).basket for _ in range(2))
    assert first.lines[0] is again.lines[0]
    nameless = {**sale, "basket": {"lines": [{"sku": "x"}, {"sku": "x"}]}}
    found = past_sale_of(nameless, currency="EUR", lines=known).basket.lines
    assert [one.line_id for one in found] == ["lines[0]", "lines[1]"]
    assert len(known) == 1
