"""Units that come back keep their day; what had expired meanwhile is good for 30 days more."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.central.reviving import Revival, note_spent, revived
from tessera.core.quote import UnitMovement
from tessera.store.central.accounts import Lot, MemberAccounts

DAY = date(2026, 11, 21)
REVIVED = "2026-12-21"
"""21 November is the first of 30 days, 20 December the last: on 21 December they are gone."""


def lot(amount: int, expires: str, *, line: int = 1, issuer: str = "") -> Lot:
    return Lot(
        uid="u1",
        line=line,
        unit="points",
        granted=amount,
        remaining=0,
        expires=expires,
        issuer=issuer,
    )


def spent(*lots: Lot) -> MemberAccounts:
    """A member whose sale `s1` spent these lots wholly."""
    state = MemberAccounts(member_id="M")
    note_spent(state, [(one, one.granted) for one in lots], uid="s1")
    return state


def back(
    state: MemberAccounts, amount: int, *, gain: int | None = None, uid: str = "r1"
) -> list[tuple[int, str]]:
    """What comes back of it: (amount, expires) by lot."""
    lots = revived(
        state,
        [UnitMovement(unit="points", spent=amount)],
        [amount if gain is None else gain],
        uid=uid,
        original_uid="s1",
        revival=Revival(DAY),
    )
    assert len({(one.uid, one.line) for one in lots}) == len(lots)
    assert all(one.remaining == one.granted for one in lots)
    return [(one.remaining, one.expires) for one in lots]


@pytest.mark.parametrize(
    "expires, becomes",
    [
        ("2026-11-22", "2026-11-22"),
        ("2026-11-21", REVIVED),
        ("2026-11-20", REVIVED),
        ("2025-01-01", REVIVED),
        ("2027-11-21", "2027-11-21"),
    ],
)
def test_what_expired_until_the_day_of_the_return_revives(expires: str, becomes: str) -> None:
    """A lot is gone on its day: that of the 21st had gone when the goods came back."""
    assert back(spent(lot(40, expires)), 40) == [(40, becomes)]


def test_how_many_days_is_a_setting() -> None:
    assert Revival(DAY, 1).expiry_of("2026-11-21") == "2026-11-22"
    assert Revival(date(2028, 2, 1), 30).expiry_of("2028-01-31") == "2028-03-02"
    assert Revival(DAY).expiry_of("") == ""


def test_partial_returns_bring_back_first_what_lasts_longest() -> None:
    """60 for ever, 30 until 2027, 10 expired: 50 + 25 + 25 of 100."""
    state = spent(lot(10, "2026-01-01"), lot(30, "2027-01-01", line=2), lot(60, "", line=3))
    assert back(state, 50) == [(50, "")]
    assert back(state, 25, uid="r2") == [(10, ""), (15, "2027-01-01")]
    assert back(state, 25, uid="r3") == [(15, "2027-01-01"), (10, REVIVED)]
    assert [one.left for one in state.spent_lots] == [0, 0, 0]


def test_a_debt_is_settled_by_what_lasts_shortest() -> None:
    """100 come back, 30 of them are owed: the 20 that had expired and 10 of the others."""
    state = spent(lot(20, "2026-01-01"), lot(80, "2027-01-01", line=2))
    assert back(state, 100, gain=70) == [(70, "2027-01-01")]
    assert [one.left for one in state.spent_lots] == [0, 0]


def test_units_keep_the_partner_who_issued_them() -> None:
    state = spent(lot(20, "2027-01-01", issuer="maker"))
    (one,) = revived(
        state,
        [UnitMovement(unit="points", spent=20, issuer="")],
        [20],
        uid="r1",
        original_uid="s1",
        revival=Revival(DAY),
    )
    assert (one.issuer, one.uid, one.line) == ("maker", "r1", 1)


def test_of_a_sale_that_nothing_is_known_of_units_come_back_without_an_end() -> None:
    assert back(MemberAccounts(member_id="M"), 40) == [(40, "")]
    state = spent(lot(40, ""))
    assert state.spent_lots == []
    assert back(state, 40) == [(40, "")]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.sampled_from(["", "2026-11-21", "2026-11-22"])),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=6),
)
def test_no_slice_gives_back_more_than_was_spent(
    lots: list[tuple[int, str]], returns: list[tuple[int, int]]
) -> None:
    state = spent(*[lot(amount, expires, line=n) for n, (amount, expires) in enumerate(lots)])
    for number, (amount, debt) in enumerate(returns):
        gain = max(0, amount - debt)
        assert sum(count for count, _ in back(state, amount, gain=gain, uid=f"r{number}")) == gain
    assert all(0 <= one.returned <= one.spent for one in state.spent_lots)
    assert sum(one.returned for one in state.spent_lots) <= sum(amount for amount, _ in returns)


def test_revived_units_are_good_for_just_so_many_days() -> None:
    expires = date.fromisoformat(Revival(DAY).expiry_of("2026-11-01"))
    good = [day for n in range(60) if (day := DAY + timedelta(days=n)) < expires]
    assert (len(good), good[0], good[-1]) == (30, DAY, date(2026, 12, 20))
