from datetime import date

import pytest

from tessera.core.quote import CounterUse, IssuedCoupon
from tessera.core.uses import (
    counter_of,
    entries_account,
    entry_postings,
    give_back_postings,
    is_for_tills,
    is_over,
    is_unit_account,
    periods_around,
    revoke_postings,
    use_postings,
    uses_account,
    withheld_account,
)

DAY = date(2026, 11, 22)


def test_a_day_lies_in_five_periods() -> None:
    """22 November 2026 is the Sunday of week 47."""
    assert periods_around(DAY) == {"2026-11-22", "2026-W47", "2026-11", "2026", "ever"}


@pytest.mark.parametrize(
    "period, last",
    [
        ("2026-11-22", date(2026, 11, 22)),
        ("2026-W47", date(2026, 11, 22)),
        ("2026-11", date(2026, 11, 30)),
        ("2026-12", date(2026, 12, 31)),
        ("2026", date(2026, 12, 31)),
    ],
)
def test_a_period_is_over_the_day_after_its_last(period: str, last: date) -> None:
    after = date.fromordinal(last.toordinal() + 1)
    key = f"offer/with-slash/{period}"
    assert not is_over(key, last, kept_days=0)
    assert is_over(key, after, kept_days=0)
    assert not is_over(key, after, kept_days=1)


@pytest.mark.parametrize("period", ["ever", "total", "2026-13", "2026-W60", "1-2-3-4", ""])
def test_what_is_no_stretch_of_time_is_never_over(period: str) -> None:
    assert not is_over(f"offer/{period}", date(9000, 1, 1), kept_days=0)


def test_a_use_and_its_return_sum_to_nothing() -> None:
    uses = [CounterUse(key="a/ever", used=2, most=3), CounterUse(key="b/total", used=5)]
    used = use_postings(uses)
    assert [(one.account, one.delta) for one in used] == [("uses:a/ever", 2), ("counted", -2)]
    back = give_back_postings(uses, {"uses:a/ever": 2})
    assert [(one.account, one.delta) for one in back] == [("uses:a/ever", -2), ("counted", 2)]


def test_no_more_uses_come_back_than_were_counted() -> None:
    uses = [CounterUse(key="a/ever", used=2, most=3)]
    assert [one.delta for one in give_back_postings(uses, {"uses:a/ever": 1})] == [-1, 1]
    assert give_back_postings(uses, {}) == ()


def test_only_units_can_be_spent() -> None:
    uid = "0193a5b0-0000-7000-8000-000000000001"
    withheld = withheld_account(uid, "points", "grocer")
    assert len(withheld) <= 64
    assert withheld != withheld_account(uid, "points", "")
    apart = ["owed:points", uses_account("a/ever"), withheld]
    assert [is_unit_account(name) for name in ["points", *apart]] == [True, False, False, False]
    assert [counter_of(name) for name in ["points", *apart]] == ["", "", "a/ever", ""]


def test_entries_in_a_draw_go_to_an_account_of_its_name() -> None:
    """A name of more than fifty characters ends in its hash (`sha256sum` of 60 times d)."""
    assert entries_account("d" * 50) == "entries:" + "d" * 50
    short = entries_account("d" * 60)
    assert short == "entries:" + "d" * 33 + "~29f662e3fded284e"
    assert short != entries_account("d" * 61)


def test_withheld_units_and_entries_are_nothing_for_tills() -> None:
    theirs = ["points", "owed:points", uses_account("a/ever"), "coupon:00ff"]
    assert all(is_for_tills(name) for name in theirs)
    assert not is_for_tills(entries_account("bicycle"))
    assert not is_for_tills(withheld_account("0193a5b0", "points", ""))


def right(kind: str, name: str, count: int, offer: str = "o") -> IssuedCoupon:
    return IssuedCoupon(kind=kind, offer=offer, count=count, name=name)


def test_a_sale_adds_the_draw_entries_of_the_offers_that_hold() -> None:
    granted = [
        right("draw", "bicycle", 3),
        right("draw", "car", 2, "denied"),
        right("draw", "holiday", 0),
        right("draw", "mug", 1),
        right("coupon", "next", 1),
    ]
    posted = entry_postings(granted, frozenset({"denied"}))
    assert [(one.account, one.delta, one.member) for one in posted] == [
        ("entries:bicycle", 3, True),
        ("counted", -3, False),
        ("entries:mug", 1, True),
        ("counted", -1, False),
    ]


def test_a_return_takes_no_more_entries_than_are_there() -> None:
    """Of 3 + 2 entries in a draw the account holds 4: 3 go, then the 1 that is left."""
    granted = [right("draw", "bicycle", 3), right("draw", "bicycle", 2), right("coupon", "next", 1)]
    posted = revoke_postings(granted, {"entries:bicycle": 4})
    assert [(one.account, one.delta) for one in posted] == [
        ("entries:bicycle", -3),
        ("counted", 3),
        ("entries:bicycle", -1),
        ("counted", 1),
    ]
    assert revoke_postings(granted, {"entries:bicycle": -2}) == ()
    assert revoke_postings(granted, {}) == ()
