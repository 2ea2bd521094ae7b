"""docs/formats.md gives a worked example; every value in it is computed here anew."""

import json
import re
from datetime import date
from pathlib import Path

from tessera.core.cards import CardHasher
from tessera.core.identity import bucket_of, bucket_of_hash, new_uid
from tessera.core.journal import (
    HASH_ALGORITHM,
    RECORD_VERSION,
    Head,
    RecordDraft,
    SealedRecord,
    genesis,
    head_after,
    seal,
)
from tessera.core.receipts import Receipt, receipt_code
from tessera.sync.signing import REQUEST_HEADER, SigningKey, request_bytes, sign_request

TEXT = (Path(__file__).parents[3] / "docs" / "formats.md").read_text("utf-8")
EXAMPLE = TEXT.split("## Worked example", 1)[1]
REGISTER, LIFE, NEXT_LIFE = "register-3", "00112233445566aa", "00112233445566ab"
WALL_MS = 1795267507000
KEY = bytes(range(32))
REQUEST = {
    "method": "POST",
    "target": "/v1/batches",
    "content": b"hello",
    "register": REGISTER,
    "incarnation": LIFE,
    "wall_ms": WALL_MS,
    "nonce": bytes(16),
}


def given(what: str) -> list[str]:
    """The values beside the row that begins with `what`."""
    row = re.search(rf"^\| {re.escape(what)}[^|]*\| (.+) \|$", EXAMPLE, re.MULTILINE)
    assert row is not None, what
    return re.findall(r"`([^`]+)`", row[1])


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)\n```$", EXAMPLE, re.MULTILINE | re.DOTALL)
    assert found is not None, kind
    return found[1]


def first_head() -> Head:
    return genesis(REGISTER, LIFE)


def record() -> SealedRecord:
    draft = RecordDraft(
        uid=new_uid(WALL_MS, bytes(range(10))),
        kind="sale",
        business_day=date(2026, 11, 21),
        wall_ms=WALL_MS,
        mono_ms=90_061_000,
        boot_id="b7f1",
        bundle="ab" * 32,
        engine="1",
        body=b'{"n":1}',
    )
    return seal(draft, first_head())


def test_the_example_is_of_the_present_version() -> None:
    assert (RECORD_VERSION, HASH_ALGORITHM) == (1, 1)
    assert given("register, incarnation") == [REGISTER, LIFE]


def test_the_record_has_the_documented_bytes() -> None:
    assert record().raw.decode() == block("json")
    assert given("uid from") == [record().uid]


def test_the_documented_keys_are_those_of_a_record() -> None:
    table = TEXT.split("## The journal record", 1)[1].split("Three hashes", 1)[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(json.loads(record().raw))


def test_the_hashes_chain_as_documented() -> None:
    assert given("genesis link") == [first_head().link_hash.hex()]
    assert given("content hash of the record below") == [record().content_hash.hex()]
    assert given("its link hash") == [record().link_hash.hex()]
    after = genesis(REGISTER, NEXT_LIFE, head_after(record(), REGISTER))
    assert given(f"genesis link of `{NEXT_LIFE}` after it") == [after.link_hash.hex()]


def test_cards_and_phones_hash_as_documented() -> None:
    hasher = CardHasher(1, KEY)
    card = hasher.card("2001 2345-67893")
    assert given("card hash of")[-1] == card.hex()
    assert given("phone hash of")[-1] == hasher.phone("+49 (170) 123-4567").hex()
    receipt = Receipt(register="till-1", uid=given("uid from")[-1])
    assert given("receipt code of")[-1] == receipt_code(receipt, hasher)
    assert given("bucket of member")[-2:] == [str(bucket_of("m-0001")), str(bucket_of_hash(card))]


def test_a_request_is_signed_as_documented() -> None:
    key = SigningKey(KEY)
    assert given("public key of") == [key.public.hex()]
    assert block("text") == request_bytes(**REQUEST).decode()  # type: ignore[arg-type]
    header = sign_request(key, **REQUEST).header()  # type: ignore[arg-type]
    assert block("http") == f"{REQUEST_HEADER}: {header}"
