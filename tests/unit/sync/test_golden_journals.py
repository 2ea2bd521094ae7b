"""Records of every release so far read, chain and come out of the present code unchanged."""

import hashlib
import json
from pathlib import Path

import pytest

from tessera import __version__
from tessera.core.journal import chain_links, genesis
from tessera.sync.records import RecordMalformed, encoded, read_body, read_envelope

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("journal-*.jsonl"))


def holds(new: object, old: object) -> bool:
    """Whether `new` is `old`, but for fields that were added."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and holds(new[name], value) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(holds, new, old))
    return new == old


def rows(path: Path) -> list[tuple[bytes, bytes]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["raw"].encode(), bytes.fromhex(line["link"])) for line in lines]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_old_journal_chains_as_it_did(path: Path) -> None:
    raws = [raw for raw, _ in rows(path)]
    start = genesis("till-1", "00000000000000a1")
    assert chain_links(start, raws) == [link for _, link in rows(path)]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_old_record_reads_to_its_end(path: Path) -> None:
    for number, (raw, _) in enumerate(rows(path), start=1):
        envelope = read_envelope(raw)
        assert (envelope.v, envelope.seq, envelope.register) == (1, number, "till-1")
        again = json.loads(encoded(read_body(envelope)))
        # What a later release adds has a default; what was there comes out as it was.
        assert holds(again, json.loads(bytes(envelope.body)))


def test_no_golden_journal_was_changed() -> None:
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in GOLDEN}
    assert sums == {
        "journal-0.1.0.jsonl": "a586bc38e53d",
        "journal-0.1.0-members.jsonl": "88fb27988579",
    }


def test_this_release_has_left_its_journal_for_those_after_it() -> None:
    """A release with another number fails here until `tests/golden/make_journal.py` has run."""
    assert f"journal-{__version__}.jsonl" in [path.name for path in GOLDEN]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"null", b"[" * 5000, b'{"v":2}', b"\xff\xfe", b'{"body":' + b"1" * 100],
)
def test_what_is_no_record_is_told(raw: bytes) -> None:
    with pytest.raises(RecordMalformed):
        read_envelope(raw)


def test_a_record_over_the_limit_is_not_read() -> None:
    with pytest.raises(RecordMalformed, match="over the limit"):
        read_envelope(b" " * 1_100_000)


def test_a_kind_of_a_later_release_is_told_not_guessed() -> None:
    raw, _ = rows(GOLDEN[0])[0]
    changed = raw.replace(b'"kind":"sale"', b'"kind":"later"')
    with pytest.raises(RecordMalformed, match="'later' is unknown"):
        read_body(read_envelope(changed))


def test_a_record_of_a_later_version_is_told() -> None:
    raw, _ = rows(GOLDEN[0])[0]
    with pytest.raises(RecordMalformed, match="version 2"):
        read_envelope(raw.replace(b'"v":1', b'"v":2'))


def test_a_field_of_a_later_release_is_passed_over() -> None:
    raw, _ = rows(GOLDEN[0])[0]
    changed = raw.replace(b'"v":1', b'"v":1,"zz_later":{"a":[1]}')
    assert read_envelope(changed).seq == 1
