"""The code on a receipt names one sale, and only the shop's registers can make it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.cards import CardHasher
from tessera.core.identity import new_uid
from tessera.core.receipts import CODE_LENGTH_MAX, Receipt, read_receipt_code, receipt_code

HASHER = CardHasher(key_id=1, key=bytes(range(32)))
UID = "01a1fe48-3338-7001-8203-040506070809"


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_code_is_read_back(wall_ms: int, chance: bytes) -> None:
    receipt = Receipt(register="till/1:a", uid=new_uid(wall_ms, chance))
    assert read_receipt_code(receipt_code(receipt, HASHER), HASHER) == receipt


def test_the_longest_register_s_code_is_short_enough() -> None:
    receipt = Receipt(register="r" * 64, uid=UID)
    code = receipt_code(receipt, HASHER)
    assert len(code) <= CODE_LENGTH_MAX
    assert read_receipt_code(code, HASHER) == receipt


@given(st.integers(0, 45), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    code = receipt_code(Receipt(register="till-1", uid=UID), HASHER)
    changed = code[:place] + wrong + code[place + 1 :]
    if changed != code:
        with pytest.raises(ValueError, match="receipt code"):
            read_receipt_code(changed, HASHER)


@given(st.text(max_size=200))
def test_whatever_was_scanned_is_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(ValueError, match="receipt code"):
        read_receipt_code(text, HASHER)


def test_another_shop_s_code_is_refused() -> None:
    code = receipt_code(Receipt(register="till-1", uid=UID), HASHER)
    with pytest.raises(ValueError, match="another shop"):
        read_receipt_code(code, CardHasher(key_id=1, key=bytes(32)))


@pytest.mark.parametrize("uid", ["U" * 26, "0" * 25, "0" * 27, "8" + "0" * 25])
def test_a_record_that_can_not_be_is_a_misread_code(uid: str) -> None:
    """A letter that is never printed, a character missing or too many, or more than 128 bits."""
    with pytest.raises(ValueError, match=r"misread$"):
        read_receipt_code(f"TR1*till-1*{uid}*00000000", HASHER)
