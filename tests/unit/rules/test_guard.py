"""The guard against abuse: how a programme says it, what it decides, how it prices."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.basket import Basket, Line, Place
from tessera.core.member import MemberState
from tessera.core.uses import GUARD_RETURNS, GUARD_SALES, guard_use
from tessera.rules.differences import differences, read_release
from tessera.rules.evaluate import evaluate, evaluate_in_full
from tessera.rules.guard import Guard, GuardRule, Verdict, judge_return, judge_sale
from tessera.rules.programme import parse_programme
from tessera.rules.reading import ID_PATTERN

HEAD = "programme: p\ncurrency: EUR\n"
DAY = date(2026, 11, 21)
PLACE = Place(at=datetime(2026, 11, 21, 10, tzinfo=UTC), business_day=DAY)
FIVE_A_DAY = GuardRule(most=5, days=1)
THREE_A_WEEK = GuardRule(most=3, days=7, answer="refuse")
COUNTS = st.dictionaries(
    st.tuples(st.sampled_from([GUARD_SALES, GUARD_RETURNS]), st.integers(-2, 40)),
    st.integers(0, 8),
    max_size=20,
)


def guard_of(section: str) -> Guard | None:
    programme, problems = parse_programme(HEAD + section, file="p.yaml")
    assert programme is not None, problems
    return programme.guard


def on(days: dict[int, int], what: str = GUARD_SALES) -> dict[str, int]:
    """Counts by how many days ago."""
    return {
        guard_use(what, DAY - timedelta(days=back), 1).key: count for back, count in days.items()
    }


# -- as it is written


def test_its_rules_read_as_sentences() -> None:
    read = guard_of(
        "guard:\n"
        "  card: at most 5 sales a day, then flag\n"
        "  own_card: refuse\n"
        "  returns: at most 3 returns in 7 days, then refuse\n"
    )
    assert read == Guard(card=FIVE_A_DAY, returns=THREE_A_WEEK, own_card="refuse")


def test_a_programme_without_the_section_has_no_guard() -> None:
    assert guard_of("") is None


@pytest.mark.parametrize(
    "section, field, message, proposal",
    [
        ("guard:", "guard", "nothing stands here", "at most 5 sales a day, then flag"),
        ("guard: {cards: x}", "guard.cards", "unknown key 'cards'", "did you mean card?"),
        ("guard: {card: 5 a day}", "guard.card", "'5 a day' is no rule", "at most 5 sales a day"),
        (
            "guard: {card: 'at most 5 returns a day, then flag'}",
            "guard.card",
            "is no rule of it",
            "write card: at most 5 sales",
        ),
        (
            "guard: {returns: 'at most 3 returns in 40 days, then flag'}",
            "guard.returns",
            "40 is outside 1 … 31",
            "write 31",
        ),
        ("guard: {card: 'at most 0 sales a day, then flag'}", "guard.card", "0 is outside", "1"),
        (
            "guard: {card: 'at most 5 sales a day, then refused'}",
            "guard.card",
            "'refused' is no answer",
            "did you mean refuse?",
        ),
        ("guard: {own_card: yes}", "guard.own_card", "'yes' is not known here", "flag, refuse"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_write(
    section: str, field: str, message: str, proposal: str
) -> None:
    programme, problems = parse_programme(HEAD + section + "\n", file="p.yaml")
    assert programme is None
    (problem,) = problems
    assert (problem.field, problem.line) == (field, 3)
    assert message in problem.message
    assert proposal in problem.proposal


def test_a_release_says_what_changes_of_it() -> None:
    releases = [
        read_release(HEAD + section, file="p.yaml")[0]
        for section in (
            "guard: {card: 'at most 5 sales a day, then flag'}\n",
            "guard: {card: at most 5 sales in 1 day, then flag, own_card: flag}\n".replace(
                "at most 5 sales in 1 day, then flag", "'at most 5 sales in 1 day, then flag'"
            ),
        )
    ]
    old, new = releases
    assert old is not None
    assert new is not None
    (found,) = differences(old, new)
    told = (found.section, found.field, found.before, found.after)
    assert told == ("guard", "own_card", "none", "flag")


def test_no_offer_can_be_called_like_what_it_counts() -> None:
    assert not any(ID_PATTERN.match(name) for name in (GUARD_SALES, GUARD_RETURNS))


# -- what it decides


def test_the_sixth_sale_of_a_day_is_one_too_many() -> None:
    guard = Guard(card=FIVE_A_DAY)
    assert judge_sale(guard, on({0: 4, 1: 9}), DAY, own_card=True) == Verdict()
    assert judge_sale(guard, on({0: 5}), DAY, own_card=True) == Verdict(found=("card",))


def test_seven_days_are_today_and_the_six_before() -> None:
    guard = Guard(card=THREE_A_WEEK)
    assert not judge_sale(guard, on({7: 3}), DAY, own_card=False).refused
    assert judge_sale(guard, on({6: 2, 0: 1}), DAY, own_card=False).refused


def test_the_fourth_return_is_marked_and_refused_only_to_later_sales() -> None:
    guard = Guard(returns=THREE_A_WEEK)
    three, four = on({2: 3}, GUARD_RETURNS), on({2: 4}, GUARD_RETURNS)
    assert judge_return(guard, three, DAY) == Verdict(found=("returns",))
    assert judge_sale(guard, three, DAY, own_card=False) == Verdict()
    assert judge_sale(guard, four, DAY, own_card=False) == Verdict(found=("returns",), refused=True)
    flagging = Guard(returns=replace(THREE_A_WEEK, answer="flag"))
    assert judge_sale(flagging, four, DAY, own_card=False) == Verdict()


def test_the_own_card_counts_from_the_first_time() -> None:
    for answer, refused in (("flag", False), ("refuse", True)):
        verdict = judge_sale(Guard(own_card=answer), {}, DAY, own_card=True)
        assert verdict == Verdict(found=("own-card",), refused=refused)


@given(
    counts=COUNTS,
    most=st.integers(1, 10),
    days=st.integers(1, 31),
    answer=st.sampled_from(["flag", "refuse"]),
)
def test_a_rule_answers_exactly_when_its_days_hold_its_number(
    counts: dict[tuple[str, int], int], most: int, days: int, answer: str
) -> None:
    used = {
        f"{what}/{(DAY - timedelta(days=back)).isoformat()}": count
        for (what, back), count in counts.items()
    }
    rule = GuardRule(most=most, days=days, answer=answer)
    recent = {
        what: sum(count for (of, back), count in counts.items() if of == what and 0 <= back < days)
        for what in (GUARD_SALES, GUARD_RETURNS)
    }
    verdict = judge_sale(Guard(card=rule), used, DAY, own_card=True)
    reached = recent[GUARD_SALES] >= most
    assert verdict == Verdict(
        found=("card",) if reached else (), refused=reached and answer == "refuse"
    )
    marked = judge_return(Guard(returns=rule), used, DAY)
    assert marked == Verdict(found=("returns",) if recent[GUARD_RETURNS] >= most else ())


# -- how a refused card is priced

OFFERS = """\
units: {points: {}}
offers:
  all: {what: category dairy, give: 0.10 off}
  club: {who: members, what: category dairy, give: 10 % off, stacks: yes}
  once: {what: category dairy, give: 0.20 off the basket, limits: 1 a day, stacks: yes}
  points: {give: 1 point for every whole 1.00}
"""
MILK = Basket(
    currency="EUR",
    lines=(
        Line(
            line_id="1",
            sku="milk",
            quantity=Decimal(1),
            amount_minor=1000,
            categories=("dairy",),
        ),
    ),
)


@pytest.mark.parametrize("price", [evaluate, evaluate_in_full])
def test_what_is_for_members_says_that_the_guard_refused_it(price: object) -> None:
    """10.00 of dairy: 0.10 off is for everybody, the rest needs a member."""
    assert callable(price)
    programme, problems = parse_programme(HEAD + OFFERS, file="p.yaml")
    assert programme is not None, problems
    # A member first, so that nothing remembered of them answers for the refused card.
    member = price(programme, MemberState(member_id="m"), MILK, PLACE)
    assert all(one.applied for one in member.offers)
    for place, reason in ((PLACE, "members-only"), (replace(PLACE, guarded=True), "guard-refused")):
        quote = price(programme, None, MILK, place)
        assert quote.due_minor == 990
        assert quote.units == ()
        why = {one.offer: one.reason for one in quote.offers if not one.applied}
        assert why == {"club": reason, "once": reason, "points": reason}
