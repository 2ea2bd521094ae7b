"""Messages as earlier releases wrote them, byte for byte: today's central and till understand them.

What this release would not understand of a later one is tried with fields that no release knows.
"""

import base64
import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tessera import __version__
from tessera.agent.enrolment import checked_identity
from tessera.agent.renewal import read_certificate
from tessera.central.app import build_app
from tessera.central.enrol import add_register, code_hash
from tessera.central.opening import Central
from tessera.store.central import register_book, schema
from tessera.sync import feed_wire, grant_wire, image_wire, profile_wire, wire
from tessera.sync.feed_reading import read_page
from tessera.sync.image_reading import check_file, feed_rows, read_lines, read_manifest
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_SEGMENT
from tessera.sync.trust import CERTIFICATE, Trust, first_root
from tests.golden.make_messages import (
    AUDIENCE,
    CODE,
    GENERATION,
    LIFE,
    ONLINE,
    REGISTER,
    TILL,
    required,
)
from tests.golden.make_messages import STORE as SHOP
from tests.golden.make_messages import messages as made_now
from tests.store.central.parts import central_on, member, settings_for
from tests.support.small_central import Serving

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("messages-*.json"))
TYPES: dict[str, type[msgspec.Struct]] = {
    name: kind
    for module in (wire, feed_wire, grant_wire, image_wire, profile_wire)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
}


WHOLE = [path for path in GOLDEN if path.stem.count("-") == 1]
"""The first file of each release; those beside it hold what it lacks."""


def read_golden(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text())
    return told


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def any_golden(request: pytest.FixtureRequest) -> dict[str, Any]:
    """All that a release said, one file after the other."""
    return read_golden(request.param)


@pytest.fixture(params=WHOLE, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a release said, with all of its files together."""
    told = read_golden(request.param)
    for path in GOLDEN:
        if path.stem.startswith(f"{request.param.stem}-"):
            beside = read_golden(path)
            for part in ("messages", "required", "requests"):
                assert not told[part].keys() & beside[part].keys(), path.name
                told[part] |= beside[part]
    return told


def message(golden: dict[str, Any], name: str) -> Any:
    return msgspec.json.decode(golden["messages"][name], type=TYPES[name])


def trust(golden: dict[str, Any]) -> Trust:
    return first_root(message(golden, "SignedRoot"))


# ---- every message ------------------------------------------------------------------------------


def test_every_old_message_reads_to_its_last_field(any_golden: dict[str, Any]) -> None:
    for name, text in any_golden["messages"].items():
        again = json.loads(encoded(message(any_golden, name)))
        assert json.loads(text).items() <= again.items(), name


def test_fields_of_a_later_release_are_passed_over(any_golden: dict[str, Any]) -> None:
    for name, text in any_golden["messages"].items():
        later = json.dumps(json.loads(text) | {"zz_later": {"a": [1]}}).encode()
        assert msgspec.json.decode(later, type=TYPES[name]) == message(any_golden, name), name


def test_what_an_earlier_release_did_not_send_takes_its_default(any_golden: dict[str, Any]) -> None:
    for name, text in any_golden["messages"].items():
        whole = json.loads(text)
        needed = {"type", *any_golden["required"][name]}
        least = {field: value for field, value in whole.items() if field in needed}
        read = msgspec.json.decode(json.dumps(least).encode(), type=TYPES[name])
        for field in msgspec.structs.fields(type(read)):
            if field.encode_name not in needed:
                assert getattr(read, field.name) == field.default, (name, field.name)


def test_no_release_asks_for_more_or_leaves_out_what_an_earlier_one_needs(
    any_golden: dict[str, Any],
) -> None:
    """A new field has a default, and one that was needed is sent for ever."""
    for name, needed in any_golden["required"].items():
        assert required(TYPES[name]) == needed, name


def test_no_golden_messages_were_changed_and_this_release_has_left_its_own() -> None:
    """A release with another number fails here until `tests/golden/make_messages.py` has run."""
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in GOLDEN}
    assert sums == {
        "messages-0.1.0.json": "c44e4f4bead6",
        "messages-0.1.0-more.json": "fda23894d973",
    }
    assert f"messages-{__version__}.json" in sums


def test_every_message_between_till_and_central_is_among_them() -> None:
    """What stands within another message is among them with that one."""
    inner = {
        *("Message", "KeySignature", "Statement", "Malformed", "AccountVersion", "SegmentBody"),
        *("Segment", "ImageManifest", "StoppedOffer"),
        *("Consent", "ProfileMessage", "ProfileTaken"),
        *("ImageHead", "ImageMembers", "ImageCards", "ImageBalances", "ImageRows", "ImageEnd"),
    }
    assert set(TYPES) - inner == set(made_now())


def test_this_release_has_left_every_message_that_it_sends() -> None:
    left = {
        name
        for path in GOLDEN
        if path.stem.split("-")[1] == __version__
        for name in read_golden(path)["messages"]
    }
    assert left == set(made_now())


# ---- an earlier till, today's central ------------------------------------------------------------


@pytest.fixture
def central(sqlite_template: Path, tmp_path: Path) -> Iterator[Central]:
    """A central that the golden register is enrolled with."""
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    with central_on(settings_for(f"sqlite:///{tmp_path / 'central.db'}", tmp_path)) as central:
        add_register(central, store_id=SHOP, register_id=TILL)
        with central.engines.writer.begin() as tx:
            register_book.drop_codes(tx, TILL)
            register_book.write_code(
                tx, code_hash=code_hash(CODE), register_id=TILL, expires_ms=2**50
            )
        yield central


@pytest.fixture
def client(central: Central) -> Iterator[httpx.Client]:
    with (
        Serving(build_app(central)) as serving,
        httpx.Client(base_url=serving.url, timeout=30, trust_env=False) as client,
    ):
        yield client


def test_an_earlier_till_enrols_sends_and_renews_with_todays_central(
    central: Central, client: httpx.Client, golden: dict[str, Any]
) -> None:
    said = golden["messages"]
    enrolled = client.post("/v1/enrol", content=said["EnrolRequest"])
    assert enrolled.status_code == 200
    assert set(golden["required"]["EnrolAnswer"]) <= set(enrolled.json())
    member(central, "m-1", store=SHOP)
    batch = golden["batch"]
    body = base64.b64decode(batch["body"])
    answer = client.post("/v1/batches", content=body, headers=batch["headers"])
    assert (answer.status_code, answer.json()["high_water"]) == (200, 3)
    assert set(golden["required"]["BatchAnswer"]) <= set(answer.json())
    for path, name, status in (
        ("/v1/heartbeat", "Heartbeat", 204),
        ("/v1/certificate", "RenewRequest", 200),
    ):
        header = {"Tessera-Request": golden["requests"][path]}
        done = client.post(path, content=said[name], headers=header)
        assert done.status_code == status, done.text
    with central.engines.reader.begin() as tx:
        register = register_book.read_register(tx, TILL)
        heard = register_book.read_heartbeats(tx)[TILL][1]
    assert register is not None
    assert (register.public_key_before, register.incarnation) == (REGISTER.public.hex(), LIFE)
    assert json.loads(heard)["queued"] == 3


def test_todays_central_answers_an_earlier_tills_grants_and_profiles(
    central: Central,
    client: httpx.Client,
    golden: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A central that was put back: in the golden till's generation, under the key of its grants."""
    monkeypatch.setattr(central.roots, "trust", lambda: trust(golden))
    with central.engines.writer.begin() as tx:
        tx.execute(sa.update(schema.CENTRAL).values(generation=GENERATION))
    assert client.post("/v1/enrol", content=golden["messages"]["EnrolRequest"]).status_code == 200
    member(central, "m-1", store=SHOP, points=3)
    answered = {}
    for path, name in (("/v1/grants", "PresentRequest"), ("/v1/profiles", "ProfilesGiven")):
        header = {"Tessera-Request": golden["requests"][path]}
        done = client.post(path, content=golden["messages"][name], headers=header)
        assert done.status_code == 200, done.text
        answered[path] = done.json()
    assert answered["/v1/grants"] == {"generation": GENERATION, "taken": 1}
    # Its enrolment was no record that this central knows.
    assert answered["/v1/profiles"] == {"taken": [{"uid": "u-1", "state": "waiting"}]}


def test_a_head_with_a_field_of_a_later_release_is_kept_and_counted_as_it_came(
    central: Central, client: httpx.Client, golden: dict[str, Any]
) -> None:
    assert client.post("/v1/enrol", content=golden["messages"]["EnrolRequest"]).status_code == 200
    from tessera.sync.signing import PURPOSE_BATCH, sign_request

    body = base64.b64decode(golden["batch"]["body"])
    head = json.dumps(json.loads(golden["messages"]["BatchHead"]) | {"zz_later": [1]}).encode()
    signed = sign_request(
        REGISTER,
        method="POST",
        target="/v1/batches",
        content=body,
        register=TILL,
        incarnation=LIFE,
        wall_ms=0,
        nonce=b"n" * 16,
    )
    headers = {
        "Tessera-Request": signed.header(),
        "Tessera-Batch": base64.urlsafe_b64encode(head).decode(),
        "Tessera-Batch-Signature": base64.urlsafe_b64encode(
            REGISTER.sign(PURPOSE_BATCH, head)
        ).decode(),
    }
    answer = client.post("/v1/batches", content=body, headers=headers)
    assert (answer.status_code, answer.json()["high_water"]) == (200, 3)


# ---- today's till, an earlier central ------------------------------------------------------------


def test_todays_till_enrols_with_an_earlier_central(golden: dict[str, Any]) -> None:
    answer = message(golden, "EnrolAnswer")
    identity = checked_identity(answer, public_key=REGISTER.public, incarnation=LIFE)
    assert (identity.register, identity.store, identity.region) == (TILL, SHOP, "north")
    renewed = message(golden, "RenewAnswer")
    assert trust(golden).is_signed(CERTIFICATE, renewed.certificate.encode(), renewed.signature)
    assert read_certificate(renewed.certificate) == message(golden, "Certificate")


def test_todays_till_reads_an_earlier_page(golden: dict[str, Any]) -> None:
    page = message(golden, "FeedPage")
    found = read_page(
        page, audience=AUDIENCE, generation=GENERATION, after=0, trust=trust(golden), register=TILL
    )
    kinds = [type(row).__name__ for row in found.rows]
    assert kinds == [
        *("MemberRow", "CardRow", "BalanceRow", "OutcomeRow", "LeaseRow", "AssignmentRow"),
        "RemovalRow",
    ]
    assert found.is_fresh
    assert encoded(found.rows[0]).decode() == golden["messages"]["MemberRow"]


def test_rows_and_fields_of_a_later_central_do_not_disturb_todays_till(
    golden: dict[str, Any],
) -> None:
    page = message(golden, "FeedPage")
    body = json.loads(page.segments[0].body)
    body["rows"] = [{**row, "zz_later": 1} for row in body["rows"] if row["type"] == "member"]
    body["rows"].append({"type": "zz_later", "what": 1})
    raw = json.dumps(body | {"zz_later": 1}).encode()
    segment = feed_wire.Segment(
        number=1, body=raw.decode(), signature=ONLINE.sign(PURPOSE_SEGMENT, raw).hex()
    )
    later = msgspec.structs.replace(page, segments=(segment,))
    found = read_page(
        later, audience=AUDIENCE, generation=GENERATION, after=0, trust=trust(golden), register=TILL
    )
    assert [type(row).__name__ for row in found.rows] == ["MemberRow"]
    assert found.unknown == 1


def test_todays_till_loads_an_earlier_image(golden: dict[str, Any], tmp_path: Path) -> None:
    believed = trust(golden)
    manifest = read_manifest(
        message(golden, "SignedImage"),
        audience=AUDIENCE,
        generation=GENERATION,
        after=0,
        trust=believed,
    )
    file = tmp_path / "image"
    file.write_bytes(base64.b64decode(golden["image_file"]))
    check_file(file, manifest)
    lines = list(read_lines(file, manifest))
    assert [len(line.rows) for line in lines] == [1, 1, 1, 1]
    last = lines[-1]
    assert isinstance(last, image_wire.ImageRows)
    assert len(feed_rows(last, audience=AUDIENCE, trust=believed)) == 1
    assert gzip.decompress(file.read_bytes()).endswith(b"\n")
