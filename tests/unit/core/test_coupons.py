from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.cards import CardHasher
from tessera.core.coupons import CouponTerm, coupon_account, coupon_hash, mint, term_of

HASHER = CardHasher(key_id=1, key=bytes(range(32)))
OTHER = CardHasher(key_id=1, key=bytes(32))
TERM = CouponTerm(first=date(2026, 11, 22), last=date(2026, 12, 31))
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2064, 11, 7))


def minted(prefix: str = "NEXT-") -> str:
    return mint(HASHER, prefix, chance=b"\x01\x02\x03\x04\x05\x06\x07", term=TERM)


@given(
    chance=st.binary(min_size=7, max_size=7), first=DAYS, last=st.none() | DAYS, prefix=st.text()
)
def test_a_code_tells_its_days_to_whoever_has_the_key(
    chance: bytes, first: date, last: date | None, prefix: str
) -> None:
    term = CouponTerm(first=first, last=last)
    assert term_of(HASHER, prefix, mint(HASHER, prefix, chance=chance, term=term)) == term


def test_the_form_of_a_code_never_changes() -> None:
    """Printed codes outlive releases."""
    assert minted() == "NEXT-20G30G2GC1S7AJFWS09PRW"


def test_a_code_of_another_shop_or_with_a_changed_letter_is_none() -> None:
    code = minted()
    assert term_of(OTHER, "NEXT-", code) is None
    assert term_of(HASHER, "LAST-", code) is None
    for place in range(len("NEXT-"), len(code)):
        changed = "0" if code[place] != "0" else "1"
        assert term_of(HASHER, "NEXT-", code[:place] + changed + code[place + 1 :]) is None


@pytest.mark.parametrize("code", ["", "NEXT-", "NEXT-7F3A", "NEXT-" + "I" * 22, "NEXT-" + "é" * 22])
def test_what_is_no_code_is_none(code: str) -> None:
    assert term_of(HASHER, "NEXT-", code) is None


def test_days_that_no_code_can_name_are_refused() -> None:
    for first in (date(2019, 12, 31), date(2065, 1, 1)):
        with pytest.raises(ValueError, match="out of bounds"):
            mint(HASHER, "A-", chance=bytes(7), term=CouponTerm(first=first))


def test_a_term_holds_from_its_first_to_its_last_day() -> None:
    days = [date(2026, 11, 21), date(2026, 11, 22), date(2026, 12, 31), date(2027, 1, 1)]
    assert [TERM.holds(day) for day in days] == [False, True, True, False]
    assert CouponTerm(first=days[0]).holds(date(2064, 1, 1))


def test_the_hash_of_a_code_needs_the_key() -> None:
    assert coupon_hash(HASHER, minted()) != coupon_hash(OTHER, minted())
    assert len(coupon_hash(HASHER, minted())) == 16


def test_a_code_is_counted_on_an_account_of_its_own() -> None:
    assert coupon_account("00ff") == "coupon:00ff"
