"""What a file says in money, days and numbers is what the programme holds."""

from tests.unit.rules.shop import line, member, outcome, price, problems_of, programme


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
