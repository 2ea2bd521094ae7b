"""Signatures fit one purpose, one request and one key, and a header is read back or refused."""

import base64
from dataclasses import replace

import pytest

from tessera.sync.signing import (
    PURPOSE_BATCH,
    PURPOSE_REQUEST,
    RequestSignature,
    SigningKey,
    is_signed,
    read_request_header,
    renewal_bytes,
    request_bytes,
    request_is_signed,
    sign_request,
)

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(32))
SENT = {"method": "post", "target": "/v1/batch?n=1", "content": b"{}"}
SIGNED = sign_request(
    KEY,
    method="post",
    target="/v1/batch?n=1",
    content=b"{}",
    register="till-1",
    incarnation="0001020304050607",
    wall_ms=1_795_000_000_000,
    nonce=bytes(16),
)


def test_a_signature_fits_its_message_its_purpose_and_its_key() -> None:
    signature = KEY.sign(PURPOSE_BATCH, b"message")
    assert is_signed(KEY.public, PURPOSE_BATCH, b"message", signature)
    assert not is_signed(KEY.public, PURPOSE_BATCH, b"messages", signature)
    assert not is_signed(KEY.public, PURPOSE_REQUEST, b"message", signature)
    assert not is_signed(OTHER.public, PURPOSE_BATCH, b"message", signature)


def test_keys_and_signatures_of_another_length_prove_nothing() -> None:
    signature = KEY.sign(PURPOSE_BATCH, b"message")
    assert not is_signed(KEY.public[:-1], PURPOSE_BATCH, b"message", signature)
    assert not is_signed(KEY.public, PURPOSE_BATCH, b"message", signature + b"\0")


def test_the_bytes_that_a_request_signs_never_change() -> None:
    """`printf '{}' | sha256sum` begins 44136fa3; registers of older releases sign the same."""
    lines = request_bytes(
        **SENT,  # type: ignore[arg-type]
        register="till-1",
        incarnation="i",
        wall_ms=7,
        nonce=b"\xff" * 16,
    ).decode()
    method, target, digest, *rest = lines.split("\n")
    assert (method, target) == ("POST", "/v1/batch?n=1")
    assert digest.startswith("44136fa3")
    assert rest == ["till-1", "i", "7", "ff" * 16]


def test_a_request_is_proven_as_it_was_sent_and_in_no_other_form() -> None:
    assert request_is_signed(KEY.public, SIGNED, **SENT)  # type: ignore[arg-type]
    assert not request_is_signed(OTHER.public, SIGNED, **SENT)  # type: ignore[arg-type]
    for change in ({"method": "get"}, {"target": "/v1/batch?n=2"}, {"content": b"{ }"}):
        assert not request_is_signed(KEY.public, SIGNED, **(SENT | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"register": "till-2"},
        {"incarnation": "0001020304050608"},
        {"wall_ms": 1},
        {"nonce": b"\1" * 16},
    ],
)
def test_each_part_of_the_header_is_signed(change: dict[str, object]) -> None:
    parts = replace(SIGNED, **change)  # type: ignore[arg-type]
    assert not request_is_signed(KEY.public, parts, **SENT)  # type: ignore[arg-type]


def test_a_header_is_read_back() -> None:
    assert read_request_header(SIGNED.header()) == SIGNED


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1 till-1 i 7",
        f"v2 till-1 i 7 {encoded(bytes(16))} {encoded(bytes(64))}",
        f"v1 till-1 i 7 {encoded(bytes(16))} {encoded(bytes(64))} more",
        f"v1 till-1 i soon {encoded(bytes(16))} {encoded(bytes(64))}",
        f"v1 till-1 i 7 {encoded(bytes(15))} {encoded(bytes(64))}",
        f"v1 till-1 i 7 {encoded(bytes(16))} {encoded(bytes(63))}",
        f"v1 till-1 i 7 a {encoded(bytes(64))}",
        f"v1 {'t' * 512} i 7 {encoded(bytes(16))} {encoded(bytes(64))}",
    ],
)
def test_what_is_no_header_is_none(text: str) -> None:
    assert read_request_header(text) is None


def test_a_renewal_names_its_register_and_its_key() -> None:
    assert renewal_bytes(register="till-1", public_key="00ff") == b"till-1\n00ff"


def test_the_longest_header_is_read() -> None:
    found = RequestSignature(
        register="r" * 64,
        incarnation="i" * 16,
        wall_ms=10**15,
        nonce=bytes(16),
        signature=bytes(64),
    )
    assert read_request_header(found.header()) == found
