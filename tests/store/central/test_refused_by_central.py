"""Each row of the page on refusals: central answers as it says, and nothing of it was applied."""

import gzip
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tessera.central.app import build_app
from tessera.central.enrol import add_register, revoke_register
from tessera.central.opening import Central
from tessera.store.central import register_book, schema
from tessera.sync.feed_wire import LeaseRow
from tessera.sync.grant_wire import PresentRequest
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_LEASE, PURPOSE_RENEWAL, SigningKey, renewal_bytes
from tessera.sync.wire import BATCH_BYTES_MAX, EnrolRequest, Heartbeat, RenewRequest
from tests.store.central.parts import (
    NOW_MS,
    accept,
    book,
    central_on,
    differences,
    enrolled,
    member,
    points,
    settings_for,
)
from tests.store.central.scripted_till import SignedBatch, Till
from tests.support.small_central import Serving
from tests.support.tables import name_of, rows_below

ROWS = rows_below(Path("docs/refused.md"), "## By central")
FEED = "/v1/feed/store:berlin-1"
STRANGER = SigningKey(b"\x66" * 32)
CODE = "AAAA-BBBB-CCCC"


@dataclass
class Scene:
    """A central that booked a sale of 7 points, its register, and a stranger's hands."""

    central: Central
    till: Till
    client: httpx.Client
    used_code: str

    def post(self, path: str, content: bytes, **headers: str) -> httpx.Response:
        return self.client.post(path, content=content, headers=headers)

    def signed(self, path: str, content: bytes, till: Till | None = None) -> httpx.Response:
        header = (till or self.till).request("POST", path, content)
        return self.post(path, content, **{"Tessera-Request": header})

    def get(self, target: str) -> httpx.Response:
        header = self.till.request("GET", target)
        return self.client.get(target, headers={"Tessera-Request": header})

    def push(self, batch: SignedBatch, **changes: str) -> httpx.Response:
        headers = self.till.batch_headers(batch) | changes
        return self.post("/v1/batches", batch.body, **headers)

    def with_head(self, **changes: Any) -> httpx.Response:
        """The next batch with another head, signed by the register itself."""
        good = self.next()
        head = msgspec.structs.replace(good.head, **changes)
        return self.push(self.till.sealed(head, good.body))

    def with_body(self, body: bytes) -> httpx.Response:
        return self.push(replace(self.next(), body=body))

    def next(self, count: int = 1) -> SignedBatch:
        for _ in range(count):
            self.till.sell("M-1", earned=1)
        return self.till.batch(2)

    def stored(self) -> dict[str, list[Any]]:
        """All that central has, but the nonces that it remembers."""
        with self.central.engines.reader.begin() as tx:
            return {
                table.name: sorted(map(repr, tx.execute(sa.select(table))))
                for table in schema.METADATA.sorted_tables
                if table.name != "nonce"
            }


@pytest.fixture
def scene(sqlite_template: Path, tmp_path: Path) -> Iterator[Scene]:
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    till = Till()
    with central_on(settings_for(f"sqlite:///{tmp_path / 'central.db'}", tmp_path)) as central:
        enrolled(central, till)
        code = add_register(central, store_id="berlin-1", register_id="berlin-1-2")
        with (
            Serving(build_app(central)) as serving,
            httpx.Client(base_url=serving.url, timeout=30, trust_env=False) as client,
        ):
            scene = Scene(central, till, client, code)
            used = EnrolRequest(code=code, public_key="ab" * 32, incarnation="00000000000000b2")
            assert scene.post("/v1/enrol", encoded(used)).status_code == 200
            member(central, "M-1")
            till.sell("M-1", earned=7)
            accept(central, till.batch())
            book(central)
            yield scene


def forged(scene: Scene) -> httpx.Response:
    scene.till.key = STRANGER
    return scene.push(scene.next())


def head_forged(scene: Scene) -> httpx.Response:
    good = scene.next()
    scene_key, scene.till.key = scene.till.key, STRANGER
    bad = scene.till.sealed(good.head, good.body)
    scene.till.key = scene_key
    return scene.push(bad)


def replayed(scene: Scene) -> httpx.Response:
    first = scene.till.batch(1)
    headers = scene.till.batch_headers(first)
    assert scene.post("/v1/batches", first.body, **headers).json()["repeated"] is True
    return scene.post("/v1/batches", first.body, **headers)


def with_status(scene: Scene, **values: str | int) -> httpx.Response:
    """What the register sends after this was changed; the change itself is taken back."""
    batch = scene.next()
    with scene.central.engines.writer.begin() as tx:
        before = register_book.read_register(tx, scene.till.register)
        register_book.update_register(tx, scene.till.register, **values)
    answer = scene.push(batch)
    assert before is not None
    was = {name: getattr(before, name) for name in values}
    with scene.central.engines.writer.begin() as tx:
        register_book.update_register(tx, scene.till.register, **was)
    return answer


def gap(scene: Scene) -> httpx.Response:
    scene.next(3)
    return scene.push(scene.till.batch(4))


def raw_record(scene: Scene, raw: bytes, *, opaque: bool = False) -> httpx.Response:
    return scene.push(scene.till.signed([raw], 2, opaque=opaque))


def fork(scene: Scene) -> httpx.Response:
    twin = Till(number=2)
    twin.key = scene.till.key
    twin.sell(sale_id="other")
    return scene.push(twin.batch())


def unattached(scene: Scene) -> httpx.Response:
    """The second record of another history whose first one central does not have."""
    twin = Till(number=2)
    twin.key = scene.till.key
    twin.sell(sale_id="other")
    twin.sell(sale_id="another")
    return scene.push(twin.batch(2))


def moved(scene: Scene) -> httpx.Response:
    """Another address than the one that was signed."""
    batch = scene.next()
    return scene.post("/v1/batches?again=1", batch.body, **scene.till.batch_headers(batch))


def wrong_life(scene: Scene) -> httpx.Response:
    other = Till(incarnation="00000000000000ff")
    other.key = scene.till.key
    other.sell("M-1", earned=1)
    good = other.batch()
    head = msgspec.structs.replace(good.head, incarnation="00000000000000fe")
    return scene.push(other.sealed(head, good.body))


def renewal(scene: Scene, *, proof_by: SigningKey, key: SigningKey) -> httpx.Response:
    proof = renewal_bytes(register=scene.till.register, public_key=key.public.hex())
    request = RenewRequest(
        public_key=key.public.hex(), proof=proof_by.sign(PURPOSE_RENEWAL, proof).hex()
    )
    return scene.signed("/v1/certificate", encoded(request))


def second_successor(scene: Scene) -> httpx.Response:
    """The register's key was replaced; within the overlap it names another successor."""
    values: dict[str, str | int] = {
        "public_key": "ab" * 32,
        "public_key_before": scene.till.key.public.hex(),
        "key_before_until_ms": 2 * NOW_MS,
    }
    with scene.central.engines.writer.begin() as tx:
        register_book.update_register(tx, scene.till.register, **values)
    answer = renewal(scene, proof_by=STRANGER, key=STRANGER)
    with scene.central.engines.writer.begin() as tx:
        register_book.update_register(
            tx,
            scene.till.register,
            public_key=scene.till.key.public.hex(),
            public_key_before="",
            key_before_until_ms=0,
        )
    return answer


def grant_forged(scene: Scene) -> httpx.Response:
    row = LeaseRow(
        lease_id="f" * 32,
        member_id="M-1",
        unit="points",
        amount=1_000,
        register=scene.till.register,
        incarnation=scene.till.incarnation,
        generation=scene.central.state().generation,
        signature=STRANGER.sign(PURPOSE_LEASE, b"{}").hex(),
    )
    asked = PresentRequest(generation=row.generation, grants=(row,))
    return scene.signed("/v1/grants", encoded(asked))


def enrolment(scene: Scene, code: str) -> httpx.Response:
    request = EnrolRequest(
        code=code, public_key=STRANGER.public.hex(), incarnation="00000000000000c3"
    )
    return scene.post("/v1/enrol", encoded(request))


def older_version(scene: Scene) -> httpx.Response:
    batch = scene.next()
    header = scene.till.batch_headers(batch)["Tessera-Request"]
    return scene.push(batch, **{"Tessera-Request": "v9" + header[2:]})


BEAT = encoded(Heartbeat(register="berlin-9-9", incarnation="00000000000000a1"))
BOMB = gzip.compress(bytes(BATCH_BYTES_MAX + 1))
CASES: dict[str, Callable[[Scene], httpx.Response]] = {
    "no-signature": lambda scene: scene.post("/v1/batches", scene.next().body),
    "unknown-version": older_version,
    "stranger": lambda scene: scene.signed(
        "/v1/heartbeat", BEAT, Till(register="berlin-9-9", store="berlin-9")
    ),
    "forged": forged,
    "changed-body": lambda scene: scene.post(
        "/v1/batches", b"other", **scene.till.batch_headers(scene.next())
    ),
    "changed-address": moved,
    "replayed": replayed,
    "revoked": lambda scene: with_status(scene, status=register_book.REVOKED),
    "expired": lambda scene: with_status(scene, not_after_ms=1),
    "head-missing": lambda scene: scene.push(scene.next(), **{"Tessera-Batch": ""}),
    "head-forged": head_forged,
    "head-of-another": lambda scene: scene.with_head(register="berlin-1-2"),
    "wrong-incarnation": wrong_life,
    "truncated": lambda scene: scene.with_body(scene.next().body[:-9]),
    "not-gzip": lambda scene: scene.with_body(b"\x28\xb5\x2f\xfd" + bytes(50)),
    "trailing": lambda scene: scene.with_body(scene.next().body + b"more"),
    "bomb": lambda scene: scene.with_body(BOMB),
    "oversized": lambda scene: scene.with_body(bytes(BATCH_BYTES_MAX + 1)),
    "too-many": lambda scene: scene.push(scene.next(201)),
    "count": lambda scene: scene.with_head(last_seq=4),
    "content": lambda scene: scene.with_head(content_hash="0" * 64),
    "chain": lambda scene: scene.with_head(last_link="0" * 64),
    "gap": gap,
    "unattached": unattached,
    "unreadable": lambda scene: raw_record(scene, b'{"v":1'),
    "misplaced": lambda scene: raw_record(scene, scene.till.records[0].raw),
    "opaque": lambda scene: scene.push(
        scene.till.signed([scene.till.sell("M-1", earned=1).raw], 2, opaque=True)
    ),
    "fork": fork,
    "beat-malformed": lambda scene: scene.signed("/v1/heartbeat", b"[]"),
    "beat-oversized": lambda scene: scene.signed("/v1/heartbeat", bytes(65_537)),
    "grants-malformed": lambda scene: scene.signed("/v1/grants", b'{"grants":7}'),
    "grants-oversized": lambda scene: scene.signed("/v1/grants", bytes(131_073)),
    "grants-of-before": lambda scene: scene.signed(
        "/v1/grants", encoded(PresentRequest(generation="older", is_last=True))
    ),
    "grant-forged": grant_forged,
    "profile-malformed": lambda scene: scene.signed("/v1/profiles", b'{"profiles":[]}'),
    "profile-oversized": lambda scene: scene.signed("/v1/profiles", bytes(65_537)),
    "foreign-stream": lambda scene: scene.get("/v1/feed/store:paris-1"),
    "foreign-image": lambda scene: scene.get(
        f"/v1/images/store:paris-1?generation={scene.central.state().generation}"
    ),
    "ahead-in-stream": lambda scene: scene.get(
        f"{FEED}?generation={scene.central.state().generation}&after=99"
    ),
    "ahead-in-records": lambda scene: scene.with_head(
        generation=scene.central.state().generation, accepted_seq=5
    ),
    "bad-cursor": lambda scene: scene.get(f"{FEED}?after=-1"),
    "old-generation": lambda scene: scene.get(f"{FEED}?generation=older&after=1"),
    "unknown-bundle": lambda scene: scene.get("/v1/bundles/" + "0" * 64),
    "wrong-code": lambda scene: enrolment(scene, CODE),
    "used-code": lambda scene: enrolment(scene, scene.used_code),
    "enrol-malformed": lambda scene: scene.post("/v1/enrol", b'{"code":7}'),
    "unproved-key": lambda scene: renewal(scene, proof_by=scene.till.key, key=STRANGER),
    "second-successor": second_successor,
}
ALARMS = {
    "grant-forged": ["grant-refused"],
    "fork": ["fork"],
    "second-successor": ["key-renewed-twice"],
    "ahead-in-stream": ["database-went-back"],
    "ahead-in-records": ["database-went-back"],
}
PARKED = {"unreadable", "misplaced", "opaque"}


@pytest.mark.parametrize("row", ROWS, ids=[name_of(row[0]) for row in ROWS])
def test_central_answers_as_the_page_says_and_applies_nothing(scene: Scene, row: list[str]) -> None:
    name, status, code, kept = name_of(row[0]), int(row[1]), name_of(row[2]), row[3]
    before = scene.stored()
    answer = CASES[name](scene)
    assert (answer.status_code, answer.json().get("code", "")) == (status, code)
    with scene.central.engines.reader.begin() as tx:
        alarms = [alarm.kind for alarm in register_book.read_alarms(tx)]
    assert alarms == ALARMS.get(name, [])
    book(scene.central)
    after = scene.stored()
    changed = {table for table, rows in before.items() if after[table] != rows}
    if kept == "nothing":
        assert changed == set()
    elif kept == "nothing but an alarm":
        assert changed == {"alarm"}
    elif kept.startswith("an alarm, and"):
        assert changed == {"alarm", "central", "register"}
    else:
        assert {"inbox", "branch"} <= changed
        assert ("quarantine" in changed) is (name in PARKED)
        assert {"balance", "ledger_line", "lease"} & changed == set()
    assert points(scene.central, "M-1") == 7
    assert differences(scene.central) == []


def test_every_case_has_its_row() -> None:
    assert {name_of(row[0]) for row in ROWS} == set(CASES)


def test_a_revocation_is_what_the_command_does(scene: Scene) -> None:
    revoke_register(scene.central, scene.till.register)
    assert scene.get(FEED).json()["code"] == "register_revoked"


@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("GET", "/v1/nonsense", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("DELETE", "/v1/batches", 405, "method_not_allowed"),
    ],
)
def test_an_address_that_is_not_served_is_refused_in_the_usual_form(
    scene: Scene, method: str, path: str, status: int, code: str
) -> None:
    answer = scene.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] == f"{method} {path} is not served here"
