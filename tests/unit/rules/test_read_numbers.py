"""What a file says in money, days and numbers is what the programme holds."""

import pytest

from tests.unit.rules.shop import line, member, outcome, place, price, problems_of, programme


def test_a_tier_by_spending_starts_at_so_many_cents() -> None:
    tiers = programme("tiers: {gold: {from: 500.00 spent in 12 months}}").tiers
    gold = tiers["gold"]
    assert (gold.threshold, gold.by, gold.months) == (50_000, "spent", 12)


def test_a_tier_by_visits_starts_at_so_many_visits() -> None:
    tiers = programme("tiers: {gold: {from: 20 visits in 6 months}}").tiers
    gold = tiers["gold"]
    assert (gold.threshold, gold.by, gold.months) == (20, "visits", 6)


def test_a_threshold_in_long_form_is_read_at_the_stage_that_it_names() -> None:
    """10.00 less 20 % is 8.00, which is 1.00 less than 9.00."""
    rules = """
offers:
  a: {give: 20 % off}
  b: {needs: {amount: 9.00, at: STAGE}, give: 1 point}
units: {points: {}}
"""
    goods = line("1", 1000)
    quote = price(rules.replace("STAGE", "after unit offers"), goods, who=member())
    assert (outcome(quote, "b").reason, outcome(quote, "b").missing_minor) == ("amount-short", 100)
    assert outcome(price(rules.replace("STAGE", "shelf"), goods, who=member()), "b").applied


def test_an_offer_on_goods_that_reads_what_is_left_is_warned_of_and_reads_the_shelf() -> None:
    """8.99 is less than 9.00, 9.00 is not, whatever the offer itself takes off."""
    rules = "offers: {a: {needs: basket from 9.00 after unit offers, give: 20 % off}}"
    (found,) = problems_of(f"programme: test\ncurrency: EUR\n{rules}")
    assert (found.severity, found.field, found.line) == ("warning", "offers.a.needs", 3)
    assert price(rules, line("1", 899)).due_minor == 899
    assert price(rules, line("1", 900)).due_minor == 720


@pytest.mark.parametrize("hours", ["24:00..24:00", "23:00..24:01", "9:60..10:00", "9:00..10:60"])
def test_what_the_clock_does_not_show_is_no_time_of_day(hours: str) -> None:
    (found,) = problems_of(
        f"programme: test\ncurrency: EUR\noffers: {{a: {{when: '{hours}', give: 1 % off}}}}"
    )
    assert (found.message, found.proposal) == (f"{hours} is no time of day", "write 16:00..18:00")


@pytest.mark.parametrize("hours", ["0:00..24:00", "23:59..24:00", "9:59..10:59"])
def test_the_last_minute_of_hour_and_day_are_times(hours: str) -> None:
    programme(f"offers: {{a: {{when: '{hours}', give: 1 % off}}}}")


def test_a_whole_number_has_at_most_nineteen_digits() -> None:
    head = "programme: test\ncurrency: EUR\noffers: {a: {give: {any: "
    assert problems_of(f"{head}{'2':0>19}, off: 1.00}}}}}}") == []
    (found,) = problems_of(f"{head}{'2':0>20}, off: 1.00}}}}}}")
    assert "is no whole number" in found.message


@pytest.mark.parametrize(
    "day, due", [("20", 90), ("21", 90), ("22", 90), ("23", 90), ("24", 100), ("19", 100)]
)
def test_days_that_run_over_the_end_of_the_week_are_no_more_than_these(day: str, due: int) -> None:
    """The 20th is a Friday; Monday is the 23rd."""
    rules = "offers: {a: {when: fri..mon, give: 10 % off}}"
    where = place(f"2026-11-{day}T10:15:00+01:00")
    assert price(rules, line("1", 100), where=where).due_minor == due
