"""What a release changes: by meaning, field by field, always in the same order."""

import pytest

from tessera.rules.differences import Difference, differences, read_release

BASE = """
programme: shop
version: 1
currency: EUR
settings: {rounding: half-away}
units:
  points: {value: 0.01, redeem: tender, expires: 24 months}
tiers: {silver: {from: 500.00 spent in 12 months}, gold: {from: 1500.00 spent in 12 months}}
partners: [maker]
groups: {weekly: best}
offers:
  dairy:
    name: {en: dairy}
    when: mon..wed
    where: store 7
    who: members
    what: category dairy
    needs: basket from 20.00
    give: 10 % off
    limits: 2 per basket
    in: weekly
    stacks: points
    funding: {partner: maker, share: 50 %, third_party_paid: yes}
  points:
    who: members
    give: 1 point for every whole 1.00
"""


def compared(before: str, after: str) -> list[Difference]:
    releases = []
    for text in (before, after):
        release, problems = read_release(text, file="shop.yaml")
        assert release is not None, [problem.render() for problem in problems]
        releases.append(release)
    return differences(releases[0], releases[1])


def replaced(before: str, after: str) -> list[Difference]:
    assert before in BASE
    return compared(BASE, BASE.replace(before, after))


@pytest.mark.parametrize(
    "before, after, field, said",
    [
        ("when: mon..wed", "when: mon..thu", "when", ("mon..wed", "mon..thu")),
        ("    when: mon..wed\n", "", "when", ("mon..wed", "always")),
        ("where: store 7", "where: store 7, 8", "where", ("store 7", "store 7, 8")),
        ("who: members\n    what", "who: tier gold\n    what", "who", ("members", "tier gold")),
        (
            "what: category dairy",
            "what: category dairy except sku butter",
            "what",
            ("category dairy", "category dairy except sku butter"),
        ),
        (
            "basket from 20.00",
            "basket from 25.00",
            "needs",
            ("basket from 20.00", "basket from 25.00"),
        ),
        ("give: 10 % off", "give: 15 % off", "give", ("10 % off", "15 % off")),
        ("2 per basket", "1 per basket", "limits", ("2 per basket", "1 per basket")),
        ("    in: weekly\n", "", "in", ("weekly", "no group")),
        ("stacks: points", "stacks: yes", "stacks", ("points", "yes")),
        (
            "share: 50 %, ",
            "",
            "funding",
            (
                "{partner: maker, share: 50 %, third_party_paid: yes}",
                "{partner: maker, third_party_paid: yes}",
            ),
        ),
    ],
)
def test_a_changed_field_of_an_offer_is_told_as_it_was_and_becomes(
    before: str, after: str, field: str, said: tuple[str, str]
) -> None:
    (one,) = replaced(before, after)
    assert (one.section, one.name, one.change, one.field) == ("offer", "dairy", "changed", field)
    assert (one.before, one.after) == said


@pytest.mark.parametrize(
    "before, after",
    [
        ("what: category dairy", "what: {category: dairy}"),
        ("give: 10 % off", "give: 10.0 % off   # a comment"),
        ("limits: 2 per basket", "limits: {basket: 2}"),
        ("    who: members\n    give: 1", "    offline: allow\n    who: members\n    give: 1"),
        ("expires: 24 months", "expires: 2 years"),
        ("settings: {rounding: half-away}\n", ""),
        ("groups: {weekly: best}", "groups: {weekly: {kind: best}}"),
        ("currency: EUR", "currency: EUR\ncases: [cases/shop.yaml]"),
    ],
)
def test_the_same_rule_spelled_otherwise_is_no_difference(before: str, after: str) -> None:
    assert replaced(before, after) == []


def test_an_offer_that_is_new_or_gone_is_told_whole() -> None:
    after = BASE + "  pens:\n    give: any 3 for 5.00\n    what: category pens\n"
    new = Difference(
        section="offer",
        name="pens",
        change="added",
        after="what category pens; give any 3 for 5.00",
    )
    gone = Difference(
        section="offer",
        name="pens",
        change="removed",
        before="what category pens; give any 3 for 5.00",
    )
    assert compared(BASE, after) == [new]
    assert compared(after, BASE) == [gone]


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ("programme: shop", "programme: store", ("programme", "", "id", "shop", "store")),
        ("version: 1", "version: 2", ("programme", "", "version", "1", "2")),
        (
            "rounding: half-away",
            "rounding: floor",
            ("setting", "", "rounding", "half-away", "floor"),
        ),
        ("24 months", "12 months", ("unit", "points", "expires", "24 months", "12 months")),
        (
            "500.00 spent in 12 months}, gold",
            "400.00 spent in 12 months}, gold",
            ("tier", "silver", "from", "500.00 spent in 12 months", "400.00 spent in 12 months"),
        ),
        ("weekly: best", "weekly: all", ("group", "weekly", "kind", "best", "all")),
        (
            "currency: EUR",
            "currency: EUR\ncategories: {dairy: food}",
            ("category", "dairy", "above it", "none", "food"),
        ),
    ],
)
def test_a_change_outside_the_offers_names_its_section(
    before: str, after: str, expected: tuple[str, str, str, str, str]
) -> None:
    (one,) = replaced(before, after)
    assert (one.section, one.name, one.field, one.before, one.after) == expected


def test_a_stopped_offer_and_a_new_partner_are_told() -> None:
    after = BASE.replace("[maker]", "[maker, fuel]") + "stopped: [dairy]\n"
    assert [(one.section, one.name, one.change) for one in compared(BASE, after)] == [
        ("partner", "fuel", "added"),
        ("stopped", "dairy", "added"),
    ]


def test_the_order_of_offers_counts_only_where_something_reads_it() -> None:
    head = "programme: shop\ncurrency: EUR\ngroups: {house: KIND}\noffers:\n"
    one = "  a: {give: 5 % off, in: house}\n"
    two = "  b: {give: 2 % off, in: house}\n"
    best, first = head.replace("KIND", "best"), head.replace("KIND", "first")
    assert compared(best + one + two, best + two + one) == []
    (found,) = compared(first + one + two, first + two + one)
    assert (found.section, found.field, found.before, found.after) == (
        "offer",
        "order",
        "a, b",
        "b, a",
    )


def test_goods_of_a_bundle_are_told_once() -> None:
    """The bundle's reward holds the goods it takes; only what somebody wrote has changed."""
    head = "programme: shop\ncurrency: EUR\noffers:\n  pens: {give: any 3 for 5.00, what: "
    (found,) = compared(head + "category pens}\n", head + "category pencils}\n")
    assert found.field == "what"


def test_the_answer_comes_in_one_order_however_the_files_list_their_offers() -> None:
    head = "programme: shop\ncurrency: EUR\noffers:\n"
    old = ["  a: {give: 1 % off}\n", "  b: {give: 1 % off}\n", "  c: {give: 1 % off}\n"]
    new = [line.replace("1 %", "2 %") for line in old]
    found = compared(head + "".join(old), head + "".join(reversed(new)))
    assert [one.name for one in found] == ["a", "b", "c"]
    assert found == compared(head + "".join(reversed(old)), head + "".join(new))


def test_a_group_that_is_new_or_gone_is_told_whole() -> None:
    after = BASE.replace(
        "groups: {weekly: best}", "groups: {weekly: best, x: {kind: all, in: weekly}}"
    )
    new = Difference(section="group", name="x", change="added", after="all in weekly")
    gone = Difference(section="group", name="x", change="removed", before="all in weekly")
    assert compared(BASE, after) == [new]
    assert compared(after, BASE) == [gone]


def test_a_list_is_told_as_it_is_written() -> None:
    (one,) = replaced("when: mon..wed", "when: [mon..wed, fri  16:00..18:00]")
    assert one.after == "[mon..wed, fri 16:00..18:00]"


def test_a_file_with_a_mistake_is_no_release() -> None:
    release, problems = read_release(BASE.replace("10 % off", "110 % off"), file="shop.yaml")
    assert release is None
    assert [problem.field for problem in problems] == ["offers.dairy.give"]
