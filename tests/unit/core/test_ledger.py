"""Double entry: what a sale and a return post."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.ledger import (
    Posting,
    UnbalancedError,
    checked,
    member_delta,
    return_postings,
    sale_postings,
)
from tessera.core.quote import UnitMovement


def of(postings: tuple[Posting, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.account] = sums.get(posting.account, 0) + posting.delta
    return sums


def points(*, earned: int = 0, spent: int = 0) -> list[UnitMovement]:
    return [UnitMovement(unit="points", earned=earned, spent=spent)]


def test_what_a_member_earns_is_issued_by_the_programme() -> None:
    assert of(sale_postings(points(earned=7), {})) == {"points": 7, "issued": -7}


def test_what_a_member_spends_is_redeemed() -> None:
    assert of(sale_postings(points(spent=5), {})) == {"points": -5, "redeemed": 5}


def test_earning_settles_what_is_owed_first() -> None:
    postings = sale_postings(points(earned=10), {"points": 4})
    assert of(postings) == {"points": 6, "owed:points": 4, "issued": -10}


def test_a_return_takes_back_what_was_earned_and_gives_back_what_was_spent() -> None:
    postings = return_postings(points(earned=3, spent=8), {"points": 0}, {})
    assert of(postings) == {"points": 5, "issued": 3, "redeemed": -8}


def test_a_return_takes_no_more_than_is_there_and_the_rest_is_owed() -> None:
    postings = return_postings(points(earned=10), {"points": 6}, {})
    assert of(postings) == {"points": -6, "owed:points": -4, "issued": 10}


def test_leased_units_are_not_taken_even_when_nothing_else_is_left() -> None:
    postings = return_postings(points(earned=10), {"points": -5}, {})
    assert of(postings) == {"owed:points": -10, "issued": 10}


def test_what_one_issuer_gives_back_covers_what_another_takes() -> None:
    """10 there and 5 given back are 15, enough for the 12 that are taken."""
    moves = [*points(spent=5), UnitMovement(unit="points", issuer="maker", earned=12)]
    postings = return_postings(moves, {"points": 10}, {})
    assert of(postings) == {"points": -7, "issued": 12, "redeemed": -5}


def test_an_entry_that_does_not_sum_to_zero_is_never_written() -> None:
    with pytest.raises(UnbalancedError, match="points"):
        checked([Posting(account="points", unit="points", delta=1, member=True)])


def test_the_change_of_one_unit_leaves_the_others_out() -> None:
    moves = [*points(earned=5, spent=2), UnitMovement(unit="stamps", earned=1)]
    assert member_delta(moves, "points") == 3


counts = st.integers(0, 10**6)
movement = st.builds(
    UnitMovement, unit=st.sampled_from(["points", "miles"]), earned=counts, spent=counts
)
holdings = st.dictionaries(st.sampled_from(["points", "miles"]), counts)


@given(st.lists(movement, max_size=6), holdings)
def test_a_sale_makes_and_loses_no_unit(moves: list[UnitMovement], owed: dict[str, int]) -> None:
    postings = sale_postings(moves, owed)
    for unit in ("points", "miles"):
        assert sum(p.delta for p in postings if p.unit == unit) == 0
        settled = sum(p.delta for p in postings if p.account == f"owed:{unit}")
        assert 0 <= settled <= owed.get(unit, 0)


@given(st.lists(movement, max_size=6), holdings, holdings)
def test_a_return_leaves_no_account_below_what_was_available(
    moves: list[UnitMovement], available: dict[str, int], owed: dict[str, int]
) -> None:
    postings = return_postings(moves, available, owed)
    for unit in ("points", "miles"):
        assert sum(p.delta for p in postings if p.unit == unit) == 0
        on_account = sum(p.delta for p in postings if p.account == unit)
        assert available.get(unit, 0) + on_account >= 0
