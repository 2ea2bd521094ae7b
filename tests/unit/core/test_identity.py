"""Ids that are fixed for ever."""

import hashlib
import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.identity import (
    BUCKETS,
    SaleKey,
    bucket_of,
    bucket_of_hash,
    is_name,
    is_uid,
    minted_ms,
    new_incarnation,
    new_uid,
)


def test_the_example_of_rfc_9562_appendix_a_6() -> None:
    random = bytes.fromhex("0cc318c4dc0c0c07398f")
    assert new_uid(0x017F22E279B0, random) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_every_uid_is_a_version_7_uuid_that_sorts_by_time(wall_ms: int, random: bytes) -> None:
    uid = new_uid(wall_ms, random)
    assert minted_ms(uid) == wall_ms
    assert is_uid(uid)
    assert uuid.UUID(uid).version == 7
    assert uuid.UUID(uid).variant == uuid.RFC_4122
    assert int(uid.replace("-", "")[:12], 16) == wall_ms


def test_a_uid_asks_for_exactly_ten_random_bytes() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        new_uid(1, b"short")


@pytest.mark.parametrize("text", ["", "x", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "{}"])
def test_only_the_usual_lower_case_form_is_a_uid(text: str) -> None:
    assert not is_uid(text)


def test_a_bucket_is_the_first_sixteen_bits_of_sha_256() -> None:
    digest = hashlib.sha256(b"member-1").hexdigest()
    assert bucket_of("member-1") == int(digest[:4], 16) % 1024


@given(st.text(max_size=64))
def test_a_bucket_is_always_within_range(key: str) -> None:
    assert 0 <= bucket_of(key) < BUCKETS


@pytest.mark.parametrize("text", ["1", "till-03", "2026-11-21-000123", "a" * 64])
def test_names_that_shops_use_are_names(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize("text", ["", " x", "a b", "-x", "a" * 65, "tür", "a\n"])
def test_what_could_break_a_line_or_a_key_is_no_name(text: str) -> None:
    assert not is_name(text)


def test_two_sales_keys_never_read_alike() -> None:
    one = SaleKey(store="s", pos="1", business_day=date(2026, 11, 21), sale_id="7")
    assert one.text() == "s 1 2026-11-21 7"


def test_a_card_s_bucket_is_the_first_sixteen_bits_of_its_hash() -> None:
    """0x1234 is 4,660, that is 4 × 1,024 + 564."""
    assert bucket_of_hash(bytes.fromhex("1234ffff")) == 564


def test_an_incarnation_is_its_eight_bytes_in_hexadecimal() -> None:
    assert new_incarnation(bytes(range(8))) == "0001020304050607"
    for length in (7, 9):
        with pytest.raises(ValueError, match="8 random bytes"):
            new_incarnation(bytes(length))
