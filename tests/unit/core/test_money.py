"""Whole minor units: rounding, dividing, sharing."""

import doctest
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core import money
from tessera.core.money import Rounding, currency, divided, rounded, share


def test_the_examples_hold() -> None:
    assert doctest.testmod(money).failed == 0


@pytest.mark.parametrize("code, digits", [("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_currencies_have_their_digits(code: str, digits: int) -> None:
    assert currency(code).digits == digits


@pytest.mark.parametrize("code", ["eur", "EURO", "E1R", "", "ЕУР"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        currency(code)


@pytest.mark.parametrize(
    "amount, away, down, even, floor",
    [
        ("5/2", 3, 2, 2, 2),
        ("-5/2", -3, -2, -2, -3),
        ("7/2", 4, 3, 4, 3),
        ("9/4", 2, 2, 2, 2),
        ("11/4", 3, 3, 3, 2),
        ("-1/3", 0, 0, 0, -1),
    ],
)
def test_the_four_ways_to_round(amount: str, away: int, down: int, even: int, floor: int) -> None:
    exact = Fraction(amount)
    assert rounded(exact, Rounding.HALF_AWAY) == away
    assert rounded(exact, Rounding.HALF_DOWN) == down
    assert rounded(exact, Rounding.HALF_EVEN) == even
    assert rounded(exact, Rounding.FLOOR) == floor


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.sampled_from(list(Rounding)))
def test_dividing_is_rounding(numerator: int, denominator: int, rounding: Rounding) -> None:
    exact = Fraction(numerator, denominator)
    assert divided(numerator, denominator, rounding) == rounded(exact, rounding)


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=20),
)
def test_shares_sum_and_stay_within_one_of_their_part(total: int, weights: list[int]) -> None:
    shares = share(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    if whole:
        for part, weight in zip(shares, weights, strict=True):
            assert abs(part - Fraction(total * weight, whole)) < 1


def test_nothing_to_share_over_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        share(1, [])
    with pytest.raises(ValueError, match="below zero"):
        share(1, [1, -1])


def test_all_weights_zero_gives_all_to_the_first() -> None:
    assert share(5, [0, 0]) == [5, 0]
