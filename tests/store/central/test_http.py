"""Central's routes as a register meets them."""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from tessera.central.enrol import add_register, revoke_register
from tessera.central.opening import Central
from tessera.central.programmes import release_programme
from tessera.sync.feed_wire import (
    AssignmentRow,
    BalanceRow,
    FeedPage,
    FeedRow,
    OutcomeRow,
    SegmentBody,
)
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_CERTIFICATE, PURPOSE_SEGMENT, is_signed
from tessera.sync.wire import BatchAnswer, BatchHead, EnrolAnswer, EnrolRequest, Heartbeat, Refusal
from tests.store.central.parts import member, points
from tests.store.central.scripted_till import SignedBatch, Till
from tests.store.central.served import served


@pytest.fixture
def client(central: Central) -> Iterator[httpx.Client]:
    with served(central) as running:
        yield running


@pytest.fixture
def till(central: Central, client: httpx.Client) -> Till:
    till = Till()
    enrol(client, till, add_register(central, store_id="berlin-1", register_id=till.register))
    return till


def enrol(client: httpx.Client, till: Till, code: str) -> httpx.Response:
    request = EnrolRequest(
        code=code, public_key=till.key.public.hex(), incarnation=till.incarnation
    )
    return client.post("/v1/enrol", content=encoded(request))


def push(client: httpx.Client, till: Till, batch: SignedBatch) -> httpx.Response:
    return client.post("/v1/batches", content=batch.body, headers=till.batch_headers(batch))


def read(client: httpx.Client, till: Till, audience: str, **query: str | int) -> httpx.Response:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    target = f"/v1/feed/{audience}" + (f"?{words}" if words else "")
    return client.get(target, headers={"Tessera-Request": till.request("GET", target)})


def rows(client: httpx.Client, till: Till, audience: str, *, after: int = 0) -> list[FeedRow]:
    """The rows after a number; waits for the first of them."""
    answer = read(client, till, audience, after=after, limit=50, wait_s=10)
    page = msgspec.json.decode(answer.content, type=FeedPage)
    bodies = [msgspec.json.decode(segment.body, type=SegmentBody) for segment in page.segments]
    return [row for body in bodies for row in body.rows]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, msgspec.json.decode(answer.content, type=Refusal).code


def test_a_register_enrols_sells_and_hears_of_it(central: Central, client: httpx.Client) -> None:
    till = Till()
    code = add_register(central, store_id="berlin-1", register_id=till.register)
    welcome = msgspec.json.decode(enrol(client, till, code).content, type=EnrolAnswer)
    central_key = bytes.fromhex(welcome.central_key)
    assert is_signed(
        central_key,
        PURPOSE_CERTIFICATE,
        welcome.certificate.encode(),
        bytes.fromhex(welcome.signature),
    )
    member(central, "M-1")
    till.sell("M-1", earned=7)
    answer = msgspec.json.decode(push(client, till, till.batch()).content, type=BatchAnswer)
    assert (answer.high_water, answer.generation) == (1, welcome.generation)
    outcome = rows(client, till, "register:berlin-1-1")[0]
    assert isinstance(outcome, OutcomeRow)
    assert outcome.accounts[0].points == 7
    page = msgspec.json.decode(read(client, till, "store:berlin-1").content, type=FeedPage)
    for segment in page.segments:
        signature = bytes.fromhex(segment.signature)
        assert is_signed(central_key, PURPOSE_SEGMENT, segment.body.encode(), signature)
    told = [row for row in rows(client, till, "store:berlin-1") if isinstance(row, BalanceRow)]
    assert told[-1].points == points(central, "M-1") == 7


def test_a_code_is_good_once_and_a_lost_answer_can_be_asked_for_again(
    central: Central, client: httpx.Client
) -> None:
    till, thief = Till(), Till(register="stranger")
    code = add_register(central, store_id="berlin-1", register_id=till.register)
    first = msgspec.json.decode(enrol(client, till, code).content, type=EnrolAnswer)
    again = msgspec.json.decode(enrol(client, till, code.lower()).content, type=EnrolAnswer)
    assert (again.card_key, again.generation) == (first.card_key, first.generation)
    assert refusal(enrol(client, thief, code)) == (403, "bad_code")
    assert refusal(enrol(client, till, "AAAA-BBBB-CCCC")) == (403, "bad_code")


def test_a_request_is_served_once(client: httpx.Client, till: Till) -> None:
    till.sell()
    batch = till.batch()
    headers = till.batch_headers(batch)
    first = client.post("/v1/batches", content=batch.body, headers=headers)
    assert first.status_code == 200
    again = client.post("/v1/batches", content=batch.body, headers=headers)
    assert refusal(again) == (401, "replayed_request")
    assert push(client, till, batch).json()["repeated"] is True


def test_a_read_that_is_replayed_after_a_restart_tells_nothing_new(
    central: Central, till: Till
) -> None:
    """Nonces of reads die with the process; the answer still names the old nonce, so that no till
    takes it for an answer to a request of its own."""
    target = "/v1/feed/store:berlin-1?generation=&after=0&limit=1&wait_s=0"
    headers = {"Tessera-Request": till.request("GET", target)}
    with served(central) as client:
        before = client.get(target, headers=headers)
        assert refusal(client.get(target, headers=headers)) == (401, "replayed_request")
    with served(central) as client:
        after = client.get(target, headers=headers)
    nonces = [json.loads(answer.json()["statement"])["nonce"] for answer in (before, after)]
    asked = base64.urlsafe_b64decode(headers["Tessera-Request"].split()[4]).hex()
    assert nonces == [asked, asked]


def test_a_signature_for_something_else_is_refused(client: httpx.Client, till: Till) -> None:
    till.sell()
    batch = till.batch()
    headers = till.batch_headers(batch)
    other = gzip.compress(b"something else\n")
    assert refusal(client.post("/v1/batches", content=other, headers=headers)) == (
        401,
        "bad_signature",
    )
    stranger = Till(register="berlin-9-9")
    assert refusal(push(client, stranger, batch)) == (401, "bad_signature")
    assert refusal(client.post("/v1/batches", content=batch.body)) == (401, "bad_signature")


def test_a_head_that_the_register_did_not_sign_is_refused(client: httpx.Client, till: Till) -> None:
    till.sell()
    batch = till.batch()
    forged = msgspec.structs.replace(batch.head, last_seq=2)
    foreign = Till(register="berlin-1-1", number=9)
    foreign.key = Till(register="somebody").key
    signed = foreign.sealed(forged, batch.body)
    assert refusal(push(client, till, signed)) == (401, "bad_signature")


def test_a_gap_is_answered_with_where_to_go_on(client: httpx.Client, till: Till) -> None:
    for _ in range(5):
        till.sell()
    push(client, till, till.batch(1, 2))
    answer = push(client, till, till.batch(4, 5))
    assert answer.status_code == 409
    assert msgspec.json.decode(answer.content, type=BatchAnswer).high_water == 2


@pytest.mark.parametrize(
    "spoil, expected",
    [
        (lambda head, body: (head, body[:-6]), (422, "malformed_batch")),
        (lambda head, body: (head, b"no gzip at all"), (422, "malformed_batch")),
        (lambda head, body: (head, body + b"more"), (422, "malformed_batch")),
        (
            lambda head, body: (msgspec.structs.replace(head, content_hash="0" * 64), body),
            (422, "malformed_batch"),
        ),
        (
            lambda head, body: (msgspec.structs.replace(head, previous_link="0" * 64), body),
            (422, "malformed_batch"),
        ),
        (
            lambda head, body: (msgspec.structs.replace(head, last_seq=3), body),
            (422, "malformed_batch"),
        ),
        (
            lambda head, body: (head, gzip.compress(b"\n" * 8_388_609)),
            (413, "too_large"),
        ),
        (lambda head, body: (head, bytes(8_388_609)), (413, "too_large")),
    ],
    ids=["truncated", "no-gzip", "trailing", "hash", "chain", "count", "bomb", "oversized"],
)
def test_a_spoilt_batch_gets_its_documented_answer(
    client: httpx.Client, till: Till, spoil: object, expected: tuple[int, str]
) -> None:
    till.sell()
    till.sell()
    batch = till.batch()
    head, body = spoil(batch.head, batch.body)  # type: ignore[operator]
    assert refusal(push(client, till, till.sealed(head, body))) == expected
    assert push(client, till, batch).json()["high_water"] == 2


def test_a_head_that_does_not_read_is_refused(client: httpx.Client, till: Till) -> None:
    headers = {
        "Tessera-Request": till.request("POST", "/v1/batches", b"x"),
        "Tessera-Batch": "%%%",
        "Tessera-Batch-Signature": "",
    }
    answer = client.post("/v1/batches", content=b"x", headers=headers)
    assert refusal(answer) == (422, "malformed_batch")


def test_a_register_reads_its_own_streams_only(client: httpx.Client, till: Till) -> None:
    assert refusal(read(client, till, "store:paris-1")) == (403, "wrong_audience")
    assert refusal(read(client, till, "register:berlin-1-2")) == (403, "wrong_audience")


def test_a_cursor_of_another_generation_is_refused(client: httpx.Client, till: Till) -> None:
    answer = read(client, till, "store:berlin-1", generation="0011223344556677", after=3)
    assert refusal(answer) == (409, "generation_changed")


def test_a_revoked_register_is_refused(central: Central, client: httpx.Client, till: Till) -> None:
    revoke_register(central, till.register)
    till.sell()
    assert refusal(push(client, till, till.batch())) == (403, "register_revoked")


def test_a_released_programme_reaches_the_store(
    central: Central, client: httpx.Client, till: Till
) -> None:
    text = (Path(__file__).parents[3] / "config/programmes/corner-shop.yaml").read_text()
    release, _problems = release_programme(central, text, file="p.yaml")
    assert release is not None
    told = next(
        row for row in rows(client, till, "store:berlin-1") if isinstance(row, AssignmentRow)
    )
    assert (told.bundle, told.number) == (release.bundle, 1)
    target = f"/v1/bundles/{told.bundle}"
    answer = client.get(target, headers={"Tessera-Request": till.request("GET", target)})
    assert answer.text == text
    missing = f"/v1/bundles/{'0' * 64}"
    answer = client.get(missing, headers={"Tessera-Request": till.request("GET", missing)})
    assert refusal(answer) == (404, "not_found")


def test_heartbeats_are_kept_apart_from_uploads(client: httpx.Client, till: Till) -> None:
    beat = encoded(Heartbeat(register=till.register, incarnation=till.incarnation, queued=3))
    headers = {"Tessera-Request": till.request("POST", "/v1/heartbeat", beat)}
    assert client.post("/v1/heartbeat", content=beat, headers=headers).status_code == 204


def test_health_and_metrics_answer_without_a_signature(client: httpx.Client, till: Till) -> None:
    till.sell()
    push(client, till, till.batch())
    assert client.get("/healthz").json()["state"] == "fine"
    assert "tessera_records_accepted_total 1\n" in client.get("/metrics").text


def test_an_opaque_record_is_parked_unread(client: httpx.Client, till: Till) -> None:
    till.sell()
    answer = push(client, till, till.batch(opaque=True))
    parsed = msgspec.json.decode(answer.content, type=BatchAnswer)
    assert [row.seq for row in parsed.malformed] == [1]
    assert parsed.high_water == 1


def test_the_head_is_bounded() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"register":"","incarnation":"x"}', type=BatchHead)
