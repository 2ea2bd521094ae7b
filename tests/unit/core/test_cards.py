"""Card and phone numbers: one normal form, one keyed hash, one mask."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.cards import CardHasher, masked, normal_card, normal_phone

HASHER = CardHasher(key_id=1, key=b"0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize(
    "written",
    ["2001234567893", " 2001 2345 6789 3", "2001-2345-6789-3", "２００１２３４５６７８９３"],
)
def test_one_card_has_one_normal_form_however_it_is_written(written: str) -> None:
    assert normal_card(written) == "2001234567893"


def test_letters_are_compared_without_regard_to_case() -> None:
    assert normal_card("gold-ab12") == "GOLDAB12"


@pytest.mark.parametrize("written", ["", "  ", "-", "\x00\x07", "9" * 129])
def test_what_is_no_card_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="card number"):
        normal_card(written)


@given(st.text(min_size=1, max_size=40))
def test_normalising_twice_changes_nothing(written: str) -> None:
    try:
        once = normal_card(written)
    except ValueError:
        return
    assert normal_card(once) == once


@pytest.mark.parametrize("written", ["+49 30 1234567", "0049 (30) 123-45.67", "+49/30/1234567"])
def test_one_phone_has_one_normal_form(written: str) -> None:
    assert normal_phone(written) == "+49301234567"


@pytest.mark.parametrize("written", ["030 1234567", "+0123456789", "+12345", "tel", "+" + "1" * 16])
def test_a_phone_number_without_its_country_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="international"):
        normal_phone(written)


def test_the_hash_is_keyed_blake2b_of_sixteen_bytes() -> None:
    wanted = hashlib.blake2b(
        b"2001234567893", digest_size=16, key=HASHER.key, person=b"tessera-card"
    ).digest()
    assert HASHER.card("2001 2345 6789 3") == wanted


def test_a_card_and_a_phone_with_the_same_digits_do_not_meet() -> None:
    assert HASHER.card("+49301234567") != HASHER.phone("+49301234567")


def test_another_key_gives_another_hash() -> None:
    other = CardHasher(key_id=2, key=b"another key, long enough")
    assert other.card("2001234567893") != HASHER.card("2001234567893")


@pytest.mark.parametrize("length", [0, 15, 65])
def test_a_key_that_protects_nothing_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        CardHasher(key_id=1, key=b"k" * length)


def test_a_hasher_does_not_show_its_key() -> None:
    assert "0123456789abcdef" not in repr(HASHER)


def test_of_a_short_number_nothing_is_shown_but_that_it_is_short() -> None:
    """The last four of seven would be more than half."""
    assert masked("12") == "••"
    assert masked("1234567") == "••••"


def test_a_masked_number_shows_its_last_four() -> None:
    assert masked("2001234567893") == "••••7893"


@given(st.text(min_size=1, max_size=60))
def test_a_mask_never_shows_more_than_half(number: str) -> None:
    shown = masked(number).lstrip("•")
    assert len(shown) <= 4
    assert 2 * len(shown) <= len(number)


def test_what_a_receipt_is_sealed_with_is_none_of_its_other_hashes() -> None:
    """The same text under the same key, for a seal, a mark and a card."""
    seal = HASHER.receipt_seal("2001234567893")
    assert len(seal) == 16
    assert seal == HASHER.receipt_seal("2001234567893")
    assert seal != HASHER.receipt_seal("2001234567894")
    assert seal != HASHER.card("2001234567893")
    assert seal[:5] != HASHER.receipt_mark("2001234567893")
