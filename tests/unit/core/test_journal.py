"""The record's bytes and its chain: decided once."""

import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.journal import (
    BODY_BYTES_MAX,
    Head,
    RecordDraft,
    canonical,
    chain_links,
    genesis,
    head_after,
    link_after,
    seal,
)

DRAFT = RecordDraft(
    uid="017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    kind="sale",
    business_day=date(2026, 11, 21),
    wall_ms=1_795_256_100_000,
    mono_ms=42,
    boot_id="b00t",
    bundle="ab" * 32,
    engine="1",
    body=b'{"n":1}',
)
START = genesis("till-1", "00000000000000ff")


def test_the_bytes_of_a_record_are_these_and_stay_these() -> None:
    record = seal(DRAFT, START)
    assert record.raw == (
        b'{"body":{"n":1},"boot":"b00t","bundle":"' + b"ab" * 32 + b'","business_day":"2026-11-21",'
        b'"engine":"1","hash":1,"incarnation":"00000000000000ff","kind":"sale","mono_ms":42,'
        b'"register":"till-1","seq":1,"uid":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","v":1,'
        b'"wall_ms":1795256100000}'
    )


def test_a_record_is_canonical_json_as_a_whole() -> None:
    raw = seal(DRAFT, START).raw
    assert canonical(json.loads(raw)) == raw


def test_hashes_are_those_of_the_documented_layout() -> None:
    first = hashlib.sha256(b'tessera/genesis/1\x00["till-1","00000000000000ff"]').digest()
    record = seal(DRAFT, START)
    content = hashlib.sha256(record.raw).digest()
    assert record.content_hash == content
    assert record.link_hash == hashlib.sha256(b"tessera/link/1\x00" + first + content).digest()


def test_a_life_after_another_is_bound_to_where_that_one_ended() -> None:
    parent = Head(register="till-1", incarnation="0" * 16, seq=7, link_hash=b"\x01" * 32)
    one = genesis("till-1", "f" * 16, parent)
    other = genesis("till-1", "f" * 16, replace(parent, seq=8))
    assert one.seq == other.seq == 0
    assert len({one.link_hash, other.link_hash, genesis("till-1", "f" * 16).link_hash}) == 3


def test_numbers_are_dense_and_each_link_leans_on_the_one_before() -> None:
    one = seal(DRAFT, START)
    two = seal(DRAFT, head_after(one, "till-1"))
    assert (one.seq, two.seq) == (1, 2)
    assert chain_links(START, [one.raw, two.raw]) == [one.link_hash, two.link_hash]
    assert link_after(one.link_hash, two.content_hash) == two.link_hash


@given(st.data())
def test_any_changed_byte_changes_every_link_from_there_on(data: st.DataObject) -> None:
    one = seal(DRAFT, START)
    two = seal(DRAFT, head_after(one, "till-1"))
    place = data.draw(st.integers(0, len(one.raw) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(one.raw)
    changed[place] ^= 1 << bit
    links = chain_links(START, [bytes(changed), two.raw])
    assert links[0] != one.link_hash
    assert links[1] != two.link_hash


def test_a_body_over_a_mebibyte_is_refused() -> None:
    with pytest.raises(ValueError, match="1048576 at most"):
        seal(replace(DRAFT, body=b"x" * (BODY_BYTES_MAX + 1)), START)


@pytest.mark.parametrize("value", [0.5, [0.5], {"a": {"b": (1, 0.5)}}])
def test_a_float_never_gets_into_canonical_bytes(value: object) -> None:
    with pytest.raises(TypeError, match="float"):
        canonical(value)


@given(st.dictionaries(st.text("abcXYZ_", max_size=8), st.integers() | st.text() | st.none()))
def test_the_order_in_which_keys_were_set_does_not_show(plain: dict[str, object]) -> None:
    backwards = dict(reversed(list(plain.items())))
    assert canonical(plain) == canonical(backwards)
