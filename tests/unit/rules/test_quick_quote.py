"""The quick way to a quote gives what the full way gives, to the byte, or nothing."""

from datetime import timedelta
from decimal import Decimal

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from benchmarks._pricing_workload import case_of, cases, programme_text, workload
from tessera.core.basket import Basket, Line, LineTax, Place
from tessera.core.member import Counter, MemberState
from tessera.core.quote import Quote
from tessera.rules.evaluate import ENGINE_VERSION, evaluate_in_full
from tessera.rules.programme import Programme
from tessera.rules.quick_quote import quick_quote
from tests.unit.rules.shop import SATURDAY, line, member, place, programme

CATEGORIES = ("a", "a/x", "b", "c")
SKUS = ("s1", "s2", "s3", "s4", "s5")
GIVES = (
    *("10 % off", "33 % off", "0.37 off", "price 1.11", "100 % off"),
    *("'7 % off, at most 0.50'", "any 3 for 4.00", "buy 2 get 1 free", "{any: 2, cheapest: 50 %}"),
    *("{any: 2, off: 20 %}", "1.50 off the basket", "15 % off the basket"),
    *("3.33 off the basket", "{steps: {5.00: 3 %, 20.00: 2.00}}", "1 point for every whole 1.00"),
    *("3 points for every 0.70", "2 stamps per item", "5 points", "points x 2", "points x 1.7"),
    *("stamps x 3", "'1 point for every whole 1.00, by line'", "{coupon: o0, days: 7}"),
    *("{steps: {2: 10 %, 4: 1.00}, reads: quantity}", "{steps: {9.00: 2.00}, reads: lifetime}"),
    *("{steps: {0.00: 1 %, 10.00: 2.00, 20.00: 5 %}, marginal: yes}", "{draw: wheel, count: 2}"),
    *("10 points = 0.50 off", "10 points = 0.50 tender", "{spend: 10 points, gift: sku s1}"),
    *("{spend: 100 points, donate: yes}", "{win: 1 in 4, prizes: [cake]}"),
    *("0.70 off for every whole 3.00", "{off: 0.30, for_every: 2 items, at_most: 0.80}"),
    "{steps: {1: 20 %, 2: 0.40, 3: 10 %}, reads: quantity, marginal: yes}",
)
WHATS = (
    *("everything", "everything", "category a", "category b", "category c", "category a/x"),
    *("sku s1", "'sku s1, s2, s3'", "brand acme", "tag new"),
    *("{any: [sku s2, category b]}", "{category: a, price: 0.00..4.00}", "{except: category b}"),
)
MORE = (
    *("", "", "", "", "", "needs: basket from 6.00", "needs: basket from 9.00 after unit offers"),
    *(
        "needs: 'from 2 items of category a'",
        "needs: basket up to 9.00",
        "who: members",
        "who: tier gold",
        "who: no tier gold",
    ),
    *("when: sat", "when: '9:00..11:30'", "when: '22:00..2:00'", "when: mon..fri"),
    *("trigger: coupon ZZ", "limits: 1 per basket", "where: {stores: [s7]}", "priority: 3"),
    *("who: staff", "offline: refuse", "undiscounted_only: yes", "changed_prices: yes"),
    "funding: {partner: maker, share: 50 %, third_party_paid: no}",
    "funding: {partner: maker, share: 33 %, third_party_paid: yes}",
    *("limits: 1 a day", "limits: 2 ever", "limits: {budget: 1.00}", "trigger: chosen"),
    "limits: {week: 3, basket: 2}",
)
SETTINGS = {
    "rounding": ("half-away", "half-down", "half-even", "floor"),
    "exclusive": ("unit", "line"),
    "between_groups": ("best", "first", "first"),
    "accrual_basis": ("after-discounts", "shelf", "after-line-offers"),
    "multipliers": ("highest", "add", "multiply"),
    "units_rounding": ("after-multiplying", "before-multiplying"),
    "basket_order": ("amount-first", "percent-first", "listed"),
    "attribution": ("all-units", "reward-only"),
}
TAXES = (
    (),
    (LineTax(code="A", rate=Decimal("0.19")),),
    (LineTax(code="S", rate=Decimal("0.08875"), included=False),),
)

offers = st.lists(
    st.tuples(
        st.sampled_from(GIVES),
        st.sampled_from(WHATS),
        st.sampled_from(MORE),
        st.sampled_from(("", "g0", "g1", "g2")),
        st.sampled_from(("", "", "stacks: yes")),
    ),
    min_size=1,
    max_size=9,
)
lines = st.lists(
    st.tuples(
        st.integers(0, 900),
        st.integers(1, 6),
        st.sampled_from(CATEGORIES),
        st.sampled_from(SKUS),
        st.sampled_from((0, 0, 0, 1, 2)),
        st.sampled_from(("", "", "", "", "odd", "acme", "new", "kg", "deposit", "return")),
    ),
    min_size=1,
    max_size=7,
)
chosen_settings = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, values in SETTINGS.items()}
)
groups = st.tuples(*(st.sampled_from(("all", "best", "first")) for _ in range(3)))
many = st.sampled_from((1, 1, 37, 301))
"""So many pieces for each that was drawn; from 301 pieces on, uses that are alike are one."""
COUNTERS = tuple(
    Counter(key=f"o{number}/{period}", used=used)
    for number in range(9)
    for period, used in (("ever", number % 3), ("2026-11-21", number % 2), ("2026", 1))
)
people = st.sampled_from(
    (
        None,
        member(),
        member(tier="gold"),
        member(tier="gold", staff=True),
        member(status="blocked"),
        member(segments=("x",), status="bearer"),
        member(points=50, lifetime_spend_minor=5_000, counters=COUNTERS),
    )
)
Rules = list[tuple[str, str, str, str, str]]


def rules_of(found: Rules, wanted: dict[str, str], kinds: tuple[str, ...]) -> Programme:
    entries = []
    for number, (give, what, more, group, stacks) in enumerate(found):
        keys = [f"what: {what}", f"give: {give}", more, stacks]
        keys.append(f"in: {group}" if group else "")
        entries.append(f"  o{number}: {{{', '.join(key for key in keys if key)}}}")
    head = [f"  {name}: {value}" for name, value in wanted.items()]
    kinds_of = [f"  g{number}: {kind}" for number, kind in enumerate(kinds)]
    return programme(
        "units: {points: {}, stamps: {completes: 5, reward: o0}}\n"
        "tiers: {gold: {}}\npartners: [maker]\nsettings:\n"
        + "\n".join([*head, "groups:", *kinds_of, "offers:", *entries])
        + "\n"
    )


def lines_of(found: list[tuple[int, int, str, str, int, str]], times: int) -> list[Line]:
    """The lines, with `times` as many pieces of each as were drawn."""
    made = []
    for number, (unit, drawn, category, sku, tax, more) in enumerate(found):
        fields: dict[str, object] = {}
        pieces = drawn * times
        amount, quantity = unit * pieces, Decimal(pieces)
        match more:
            case "odd":
                fields["discountable"] = False
            case "acme":
                fields["brand"] = "acme"
            case "new":
                fields["tags"] = ("new",)
            case "kg":
                quantity, fields["measure"] = Decimal("0.75"), "kg"
            case "deposit":
                fields["kind"] = "deposit"
            case "return":
                fields["kind"], amount = "return", -amount
        made.append(
            line(
                f"{number:02}",
                amount,
                sku=sku,
                quantity=quantity,
                category=category,
                taxes=TAXES[tax],
                **fields,
            )
        )
    return made


def both(
    rules: Programme, who: MemberState | None, basket: Basket, where: Place
) -> tuple[Quote | None, Quote]:
    """The quote by the quick way, where it gives one, and by the full way."""
    quick = quick_quote(rules, who, basket, where, ENGINE_VERSION)
    return quick, evaluate_in_full(rules, who, basket, where)


@settings(max_examples=250, deadline=None)
@given(
    found=offers,
    wanted=chosen_settings,
    kinds=groups,
    baskets=st.lists(lines, min_size=1, max_size=3),
    who=people,
    coupons=st.sampled_from(((), ("ZZ",), ("ZZ", "other"))),
    hours=st.integers(0, 60),
    times=many,
)
def test_the_quick_way_gives_the_quote_of_the_full_way(
    found: Rules,
    wanted: dict[str, str],
    kinds: tuple[str, ...],
    baskets: list[list[tuple[int, int, str, str, int, str]]],
    who: MemberState | None,
    coupons: tuple[str, ...],
    hours: int,
    times: int,
) -> None:
    """One programme for several baskets, so that what was prepared is used again."""
    rules = rules_of(found, wanted, kinds)
    moment = SATURDAY + timedelta(hours=hours)
    where = place(moment.isoformat(), offline=hours % 2 == 1)
    for one in baskets:
        basket = Basket(currency="EUR", lines=tuple(lines_of(one, times)), coupons=coupons)
        quick, full = both(rules, who, basket, where)
        event(f"{'quick' if quick else 'full'}, {times} times")
        if quick is not None:
            assert quick == full
            assert msgspec.json.encode(quick) == msgspec.json.encode(full)


IN_TURN = (
    *("any 3 for 4.00", "any 2 for 2.50", "buy 2 get 1 free", "buy 1 get 1 free"),
    *(
        "{any: 2, cheapest: 50 %}",
        "{any: 3, off: 1.00}",
        "{any: 2, off: 20 %}",
        "{any: 1, off: 0.10}",
    ),
    *("{any: 2, off: 50 %, same_item: yes}", "{any: 2, for: 3.00, same_item: yes}"),
    *("'15 % off the basket, at most 0.90'", "15 % off the basket", "1.50 off the basket"),
    "33 % off the basket",
)


@settings(max_examples=150, deadline=None)
@given(
    found=st.lists(
        st.tuples(
            st.sampled_from(IN_TURN),
            st.sampled_from(("everything", "everything", "category a", "category b", "sku s1")),
            st.sampled_from(("", "", "priority: 3", "needs: basket from 9.00 after basket offers")),
            st.sampled_from(("g0", "g0", "g0", "g1")),
            st.sampled_from(("", "", "", "stacks: yes")),
        ),
        min_size=1,
        max_size=5,
    ),
    kinds=st.sampled_from((("first", "first", "all"), ("first", "all", "all"))),
    exclusive=st.sampled_from(("unit", "line")),
    attribution=st.sampled_from(("all-units", "reward-only")),
    baskets=st.lists(lines, min_size=1, max_size=2),
    times=many,
)
def test_offers_in_the_merchant_s_order_give_the_quote_of_the_full_way(
    found: Rules,
    kinds: tuple[str, ...],
    exclusive: str,
    attribution: str,
    baskets: list[list[tuple[int, int, str, str, int, str]]],
    times: int,
) -> None:
    """Bundles and sums off the basket in groups whose first offer wins."""
    rules = rules_of(found, {"exclusive": exclusive, "attribution": attribution}, kinds)
    for one in baskets:
        basket = Basket(currency="EUR", lines=tuple(lines_of(one, times)))
        quick, full = both(rules, None, basket, place())
        event(f"{'quick' if quick else 'full'}, {times} times")
        if quick is not None:
            assert quick == full


def test_the_whole_workload_goes_the_quick_way() -> None:
    rules = programme(programme_text(workload()["offers"]).partition("currency: EUR\n")[2])
    for case in cases()[::7]:
        quick, full = both(rules, case.member, case.basket, case.place)
        assert quick == full


def test_the_largest_shopping_goes_the_quick_way() -> None:
    """Two hundred lines with more pieces than are booked one use at a time."""
    rules = programme(programme_text(workload()["offers"]).partition("currency: EUR\n")[2])
    found = [line for basket in workload()["baskets"][:40] for line in basket["lines"]]
    for number, count in ((0, 200), (3, 200), (7, 150)):
        wanted = {**workload()["baskets"][number], "lines": found[number : number + count]}
        case = case_of(wanted)
        quick, full = both(rules, case.member, case.basket, case.place)
        assert quick == full


def test_a_part_that_is_read_twice_is_made_once() -> None:
    rules = programme("offers: {a: {give: 10 % off}}")
    basket = Basket(currency="EUR", lines=(line("1", 500),))
    quote, full = both(rules, None, basket, place())
    assert quote is not None
    assert quote.offers is quote.offers
    assert quote.due_minor == full.due_minor == 450


def test_a_quote_has_no_other_parts() -> None:
    quote, _ = both(
        programme("offers: {}"), None, Basket(currency="EUR", lines=(line("1", 5),)), place()
    )
    assert quote is not None
    assert not hasattr(quote, "colour")


def test_limits_rights_and_rewards_go_the_quick_way() -> None:
    """What a till meets every day: one a week, a draw, points for a reward, steps, a partner."""
    rules = programme(
        "partners: [maker]\nunits: {points: {}, stamps: {completes: 5, reward: free}}\n"
        "settings: {between_groups: first}\noffers:\n"
        "  five: {give: 0.50 off the basket, stacks: yes, limits: 1 a week}\n"
        "  steps: {give: {steps: {5.00: 2 %, 20.00: 5 %}}, stacks: yes}\n"
        "  maker: {what: sku m, give: 10 % off, funding: {partner: maker, third_party_paid: yes}}\n"
        "  wheel: {needs: basket from 8.00, give: {draw: wheel}}\n"
        "  points: {give: 1 point for every whole 1.00, limits: 2 ever, offline: pending}\n"
        "  stamp: {what: sku s, give: 2 stamps per item}\n"
        "  mug: {give: {spend: 10 points, gift: sku mug}}\n"
        "  free: {what: sku s, give: {spend: 5 stamps, gift: sku s}}\n"
    )
    who = member(points=50)
    bought = (
        line("1", 600, sku="m", quantity=2, taxes=TAXES[1]),
        line("2", 400, sku="s", quantity=4, taxes=TAXES[2]),
    )
    quick, full = both(rules, who, Basket(currency="EUR", lines=bought), place())
    assert quick == full
    assert full.discount_minor == 60 + 50 + 18
    assert full.third_party_minor == 60
    assert [one.kind for one in full.issued] == ["draw", "completed"]
    assert [(one.key, one.used) for one in full.counters] == [
        ("five/2026-W47", 1),
        ("points/ever", 1),
    ]
    assert [one.offer for one in full.prompts] == ["mug"]


def test_a_limit_that_is_reached_is_told_the_quick_way() -> None:
    rules = programme("offers: {a: {give: 1.00 off the basket, limits: 1 ever}}")
    who = member(counters=(Counter(key="a/ever", used=1),))
    basket = Basket(currency="EUR", lines=(line("1", 500),))
    quick, full = both(rules, who, basket, place())
    assert quick == full
    assert [one.reason for one in full.offers] == ["limit-reached"]
    assert full.counters == ()
