"""When, where, who, what, triggers, limits: what holds, and the reason when it does not."""

import pytest

from tessera.core.member import Counter
from tessera.rules.conditions import share_of
from tests.unit.rules.shop import day, line, member, outcome, place, price


def reason(condition: str, at: str = "", **given: object) -> str:
    rules = f"""
units: {{points: {{}}}}
tiers: {{gold: {{}}, silver: {{}}}}
offers: {{a: {{{condition}, give: 1.00 off the basket}}}}
"""
    where = given.pop("where", None) or place(at)
    quote = price(rules, line("1", 1000), where=where, **given)  # type: ignore[arg-type]
    return outcome(quote, "a").reason


@pytest.mark.parametrize(
    "when, at, expected",
    [
        ("sat", "2026-11-21T10:00:00+01:00", ""),
        ("mon..fri", "2026-11-21T10:00:00+01:00", "other-weekday"),
        ("fri..mon", "2026-11-21T10:00:00+01:00", ""),
        ("16:00..18:00", "2026-11-21T15:59:59+01:00", "outside-hours"),
        ("16:00..18:00", "2026-11-21T18:00:59+01:00", ""),
        ("sat 22:00..02:00", "2026-11-22T01:30:00+01:00", ""),
        ("sat 22:00..02:00", "2026-11-21T01:30:00+01:00", "other-weekday"),
        ("sat 22:00..02:00", "2026-11-22T03:00:00+01:00", "outside-hours"),
        ("sat 22:00..02:00", "2026-11-21T22:00:00+01:00", ""),
        ("sat 22:00..02:00", "2026-11-21T21:59:59+01:00", "outside-hours"),
        ("sat 22:00..02:00", "2026-11-22T02:00:59+01:00", ""),
        ("sat 22:00..02:00", "2026-11-22T23:00:00+01:00", "other-weekday"),
        ("2026-11-01..2026-11-21", "2026-11-21T23:59:59+01:00", ""),
        ("2026-11-01..2026-11-20", "2026-11-21T00:00:00+01:00", "outside-dates"),
        ("2026-11-21..", "2026-11-21T00:00:00+01:00", ""),
        ("..2026-11-20", "2026-11-21T00:00:00+01:00", "outside-dates"),
        ("2026-11-21", "2026-11-21T12:00:00+01:00", ""),
    ],
)
def test_when(when: str, at: str, expected: str) -> None:
    assert reason(f"when: '{when}'", at) == expected


def test_one_of_several_windows_is_enough_and_the_closest_gives_the_reason() -> None:
    assert reason("when: [mon 08:00..10:00, sat 09:00..11:00]") == ""
    assert reason("when: [2027-01-01, sat 18:00..19:00]") == "outside-hours"


def test_where() -> None:
    assert reason("where: 'store 7, 8'", where=place(store="8")) == ""
    assert reason("where: 'store 7, 8'", where=place(store="9")) == "not-here"
    both = "where: {regions: [north], registers: [1]}"
    assert reason(both, where=place(region="north", register="2")) == "not-here"
    assert reason(both, where=place(region="north", register="1")) == ""


@pytest.mark.parametrize(
    "who, state, expected",
    [
        ("members", {}, ""),
        ("members", {"status": "blocked"}, "member-blocked"),
        ("members", {"status": "bearer"}, ""),
        ("known persons", {"status": "bearer"}, "registration-required"),
        ("guests", {}, "guests-only"),
        ("tier gold, silver", {"tier": "silver"}, ""),
        ("tier gold", {"tier": "silver"}, "tier-required"),
        ("no tier gold", {"tier": "silver"}, ""),
        ("segment young", {"segments": ("young",)}, ""),
        ("segment young", {}, "segment-required"),
        ("access club", {"entitlements": ("club",)}, ""),
        ("access club", {}, "access-required"),
        ("staff", {"staff": True}, ""),
        ("staff", {}, "staff-only"),
        ("no staff", {"staff": True}, "not-for-staff"),
        ("birthday within 3 days", {"days_to_birthday": -3}, ""),
        ("birthday within 3 days", {"days_to_birthday": 4}, "not-birthday"),
        ("birthday within 3 days", {}, "not-birthday"),
        ("new 30 days", {"joined": day("2026-10-22")}, ""),
        ("new 30 days", {"joined": day("2026-10-21")}, "new-members-only"),
        ("lapsed 60 days", {"last_visit": day("2026-09-22")}, ""),
        ("lapsed 60 days", {"last_visit": day("2026-09-23")}, "lapsed-members-only"),
        ("lapsed 60 days", {}, "lapsed-members-only"),
        ("visit 2", {"visits": 1}, ""),
        ("visit 2", {"visits": 2}, "other-visit"),
        ("visit 1..3", {"visits": 2}, ""),
        ("spent from 500.00", {"lifetime_spend_minor": 50_000}, ""),
        ("spent from 500.00", {"lifetime_spend_minor": 49_999}, "spend-short"),
        ("spent this period from 5.00", {"period_spend_minor": 500}, ""),
        ("balance from 100 points", {"points": 100}, ""),
        ("balance from 100 points", {"points": 99}, "balance-short"),
        ("members and tier gold", {"tier": "gold"}, ""),
        ("members and tier gold", {}, "tier-required"),
    ],
)
def test_who(who: str, state: dict[str, object], expected: str) -> None:
    assert reason(f"who: '{who}'", who=member(**state)) == expected


def test_a_guest_is_no_member_but_a_customer() -> None:
    assert reason("who: members") == "members-only"
    assert reason("who: tier gold") == "members-only"
    assert reason("who: guests") == ""
    assert reason("who: no staff") == ""


def test_an_experiment_splits_members_for_good() -> None:
    """A treated and a control share are disjoint, cover all, and hang on salt and id alone."""
    ids = [f"member-{n}" for n in range(400)]
    treated = [one for one in ids if share_of("spring", one) < 30]
    for one in ids[:40]:
        inside = reason("who: share 0..30 of spring", who=member(member_id=one)) == ""
        outside = reason("who: no share 0..30 of spring", who=member(member_id=one)) == ""
        assert inside is (one in treated)
        assert outside is not inside
    assert 80 <= len(treated) <= 160
    assert treated != [one for one in ids if share_of("autumn", one) < 30]


@pytest.mark.parametrize(
    "trigger, basket, expected",
    [
        ("coupon TEN", {"coupons": ("TEN",)}, ""),
        ("coupon 'TEN*'", {"coupons": ("TEN-0001",)}, ""),
        ("coupon TEN*", {"coupons": ("ELEVEN",)}, "coupon-missing"),
        ("event review", {"events": ("review",)}, ""),
        ("event review", {}, "event-missing"),
        ("chosen", {"chosen": ("a",)}, ""),
        ("chosen", {}, "not-chosen"),
    ],
)
def test_triggers(trigger: str, basket: dict[str, object], expected: str) -> None:
    text = trigger.replace("'", "")
    assert reason(f'trigger: "{text}"', **basket) == expected  # type: ignore[arg-type]


def test_a_coupon_that_nobody_showed_is_not_even_considered() -> None:
    quote = price("offers: {a: {trigger: coupon TEN, give: 10 % off the basket}}", line("1", 100))
    assert quote.offers == ()


@pytest.mark.parametrize(
    "limit, key",
    [
        ("1 a day", "a/2026-11-21"),
        ("1 a week", "a/2026-W47"),
        ("1 a month", "a/2026-11"),
        ("1 a year", "a/2026"),
        ("1 ever", "a/ever"),
    ],
)
def test_limits_per_member_read_their_counter(limit: str, key: str) -> None:
    assert reason(f"limits: {limit}", who=member()) == ""
    used = member(counters=(Counter(key=key, used=1),))
    assert reason(f"limits: {limit}", who=used) == "limit-reached"
    assert reason(f"limits: {limit}") == "members-only"


def test_a_quote_says_what_counters_it_adds_to() -> None:
    rules = "offers: {a: {give: 1.00 off the basket, limits: {day: 2, budget: 100.00}}}"
    quote = price(rules, line("1", 1000), who=member())
    assert [(one.key, one.used) for one in quote.counters] == [
        ("a/2026-11-21", 1),
        ("a/budget", 100),
    ]


def test_a_budget_is_used_to_the_last_cent() -> None:
    rules = "offers: {a: {give: 5.00 off the basket, limits: {budget: 100.00}}}"
    near = member(counters=(Counter(key="a/budget", used=9_800),))
    assert price(rules, line("1", 1000), who=near).discount_minor == 200
    gone = member(counters=(Counter(key="a/budget", used=10_000),))
    assert outcome(price(rules, line("1", 1000), who=gone), "a").reason == "budget-used"


def test_a_stopped_offer_stops_at_once() -> None:
    rules = "stopped: [a]\noffers: {a: {give: 10 % off}}"
    assert outcome(price(rules, line("1", 1000)), "a").reason == "stopped"


SELECTIONS = [
    ("category food", True),
    ("category food/dairy", True),
    ("category food/dairy/milk", False),
    ("category drink", False),
    ("brand alp and category food", True),
    ("brand alp and category drink", False),
    ("tag bio, fair", True),
    ("attribute fat=1.5", True),
    ("attribute fat=3.5", False),
    ("price 1.00..2.00", True),
    ("price 2.00..", False),
    ("category food except tag bio", False),
    ("category food except brand other", True),
    ("sku 1, 2, milk", True),
    ("everything", True),
]


@pytest.mark.parametrize("what, expected", SELECTIONS)
def test_what(what: str, expected: bool) -> None:
    milk = line(
        "1",
        298,
        quantity=2,
        sku="milk",
        category="food/dairy",
        brand="alp",
        tags=("bio",),
        attributes=(("fat", "1.5"),),
    )
    quote = price(f"offers: {{a: {{what: '{what}', give: 10 % off}}}}", milk)
    assert bool(quote.discount_minor) is expected


def test_a_selection_may_list_alternatives() -> None:
    rules = "offers: {a: {what: [category wine, {brand: alp, tag: bio}], give: 10 % off}}"
    quote = price(
        rules,
        line("1", 1000, category="wine"),
        line("2", 1000, brand="alp", tags=("bio",)),
        line("3", 1000, brand="alp"),
    )
    assert [one.discount_minor for one in quote.lines] == [100, 100, 0]


def test_a_selection_by_keys_reads_its_price() -> None:
    rules = "offers: {a: {what: {brand: alp, price: 1.00..2.00}, give: 10 % off}}"
    low, high = line("1", 200, brand="alp"), line("2", 201, brand="alp")
    assert [one.discount_minor for one in price(rules, low, high).lines] == [20, 0]


def test_a_category_has_its_parents_from_the_programme_too() -> None:
    rules = "categories: {C7: food}\noffers: {a: {what: category food, give: 10 % off}}"
    assert price(rules, line("1", 1000, category="C7")).discount_minor == 100


def test_thresholds_of_items_and_of_a_part() -> None:
    rules = "offers: {a: {needs: 3 items of category wine, give: 1.00 off the basket}}"
    wine = line("1", 2000, quantity=2, category="wine")
    short = outcome(price(rules, wine, line("2", 500)), "a")
    assert (short.reason, short.missing_quantity) == ("quantity-short", 1)
    part = "offers: {a: {needs: from 20.00 of category wine, give: 1.00 off the basket}}"
    assert price(part, wine, line("2", 500)).discount_minor == 100


def test_a_threshold_may_be_read_after_basket_offers() -> None:
    rules = """
settings: {basket_order: listed}
offers:
  five: {give: 5.00 off the basket, stacks: yes}
  more: {needs: basket from 20.00 after basket offers, give: 1.00 off the basket, stacks: yes}
"""
    assert price(rules, line("1", 2500)).discount_minor == 600
    assert price(rules, line("1", 2499)).discount_minor == 500


def test_an_offer_may_be_refused_while_central_is_away() -> None:
    rules = "offers: {a: {give: 10 % off, offline: refuse}}"
    away = place(offline=True)
    assert outcome(price(rules, line("1", 1000), where=away), "a").reason == "refused-offline"
    assert price(rules, line("1", 1000)).discount_minor == 100


def test_offers_with_long_names_have_counters_of_their_own() -> None:
    """A counter is an account, `uses:` and its key, of at most 64 characters."""
    offers = "".join(
        f"  {'o' * 60}{name}: {{give: 1.00 off the basket, stacks: yes, limits: 1 a day}}\n"
        for name in "ab"
    )
    quote = price(f"offers:\n{offers}", line("1", 1000), who=member())
    keys = [one.key for one in quote.counters]
    assert len(set(keys)) == 2
    for key in keys:
        assert key.startswith("o" * 29 + "~")
        assert key.endswith("/2026-11-21")
        assert len("uses:" + key) <= 64


def test_a_name_that_just_fits_stands_in_its_counter_as_it_is() -> None:
    name = "o" * 46
    rules = f"offers: {{{name}: {{give: 1.00 off the basket, limits: 1 a week}}}}"
    quote = price(rules, line("1", 1000), who=member())
    assert [one.key for one in quote.counters] == [f"{name}/2026-W47"]
    assert len(f"uses:{name}/2026-W47") <= 64


def test_a_kind_of_line_may_be_selected() -> None:
    rules = "units: {credit: {}}\noffers: {a: {what: {kind: fee}, give: 2 credit}}"
    who = member()
    fee, goods = line("1", 500, kind="fee"), line("2", 500)
    assert [one.earned for one in price(rules, fee, goods, who=who).units] == [2]
    assert outcome(price(rules, goods, who=who), "a").reason == "nothing-selected"
