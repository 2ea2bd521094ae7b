"""Keys that are changed, certificates that end, queues that are full, polls that wait."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from tessera.central import gate
from tessera.central.app import CentralApp
from tessera.central.bell import Bell
from tessera.central.enrol import add_register, enrol
from tessera.central.image_shelf import ImageShelf
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.refusals import Refused
from tessera.central.settings import LimitSettings
from tessera.central.worker import Worker
from tessera.store.central import register_book
from tessera.sync.feed_wire import FeedPage
from tessera.sync.signing import SigningKey, read_request_header
from tessera.sync.wire import EnrolAnswer, EnrolRequest, Refusal
from tests.store.central.parts import NOW_MS, enrolled, member
from tests.store.central.scripted_till import Till
from tests.store.central.served import served
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def signer(central: Central, till: Till, now_ms: int) -> str:
    """The register that a request of this till is from, or the code of its refusal."""
    with central.engines.reader.begin() as tx:
        try:
            register, _parts = gate.signer_of(
                tx,
                header=till.request("GET", "/v1/feed/x"),
                method="GET",
                target="/v1/feed/x",
                content=b"",
                now_ms=now_ms,
            )
        except Refused as refused:
            return refused.code
    return register.register_id


def enrolled_again(central: Central, till: Till) -> EnrolAnswer:
    code = add_register(central, store_id=till.store, register_id=till.register, again=True)
    request = EnrolRequest(
        code=code, public_key=till.key.public.hex(), incarnation=till.incarnation
    )
    return enrol(central, request)


def test_a_changed_key_and_the_one_before_overlap_for_a_while(central: Central) -> None:
    before, after = Till(), Till()
    enrolled(central, before)
    after.key = SigningKey(bytes(32))
    assert signer(central, after, NOW_MS) == "bad_signature"
    enrolled_again(central, after)
    assert signer(central, after, NOW_MS) == after.register
    assert signer(central, before, NOW_MS + 23 * HOUR_MS) == before.register
    assert signer(central, before, NOW_MS + 25 * HOUR_MS) == "bad_signature"
    with central.engines.reader.begin() as tx:
        register = register_book.read_register(tx, before.register)
    assert register is not None
    assert register.serial == 2


def test_a_certificate_ends(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    assert signer(central, till, NOW_MS + 1_094 * DAY_MS) == till.register
    assert signer(central, till, NOW_MS + 1_096 * DAY_MS) == "certificate_expired"


def test_a_code_ends(central: Central) -> None:
    till = Till()
    code = add_register(central, store_id=till.store, register_id=till.register)
    later = replace(central, now_ms=lambda: NOW_MS + 73 * HOUR_MS)
    request = EnrolRequest(
        code=code, public_key=till.key.public.hex(), incarnation=till.incarnation
    )
    with pytest.raises(Refused, match="unknown, used or expired"):
        enrol(later, request)


def test_a_newer_code_replaces_an_unused_one(central: Central) -> None:
    till = Till()
    first = add_register(central, store_id=till.store, register_id=till.register)
    enrolled_again(central, till)
    request = EnrolRequest(
        code=first, public_key=till.key.public.hex(), incarnation=till.incarnation
    )
    with pytest.raises(Refused, match="unknown, used or expired"):
        enrol(central, request)


def test_a_read_is_served_once() -> None:
    till, nonces = Till(), gate.ReadNonces(most=2)
    header = till.request("GET", "/x")
    parts = read_request_header(header)
    assert parts is not None
    nonces.admit_once(parts)
    with pytest.raises(Refused, match="received before"):
        nonces.admit_once(parts)


def test_a_full_queue_asks_to_come_back_later(central: Central) -> None:
    """Nothing of the request is even read, so that saying no costs nothing."""
    limits = LimitSettings(inbox_batches_max=10)
    small = replace(central, settings=replace(central.settings, limits=limits))
    metrics, bell = Metrics(), Bell()
    worker = Worker(small, metrics=metrics)
    worker.waiting = 11
    app = Starlette(routes=CentralApp(small, worker, ImageShelf(small), metrics, bell).routes())

    async def push() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://central") as client:
            return await client.post("/v1/batches", content=b"anything")

    answer = asyncio.run(push())
    refusal = msgspec.json.decode(answer.content, type=Refusal)
    assert (answer.status_code, refusal.code, refusal.retry_after_s) == (503, "busy", 5)
    assert answer.headers["Retry-After"] == "5"


def test_a_waiting_poll_hears_of_news_and_ends_with_the_server(central: Central) -> None:
    """Both polls may wait 20 s; neither does."""
    till = Till()
    enrolled(central, till)

    def poll(base: httpx.URL, after: int) -> FeedPage:
        target = f"/v1/feed/store:berlin-1?after={after}&wait_s=20"
        headers = {"Tessera-Request": till.request("GET", target)}
        answer = httpx.get(base.join(target), headers=headers, timeout=30, trust_env=False)
        return msgspec.json.decode(answer.content, type=FeedPage)

    with ThreadPoolExecutor(1) as pool:
        with served(central) as client:
            waiting = pool.submit(poll, client.base_url, 0)
            member(central, "M-1", points=3)
            assert waiting.result().head >= 1
            for_ever = pool.submit(poll, client.base_url, 1_000)
            wait_until(for_ever.running, what="the second poll waits")
            stopped = time.monotonic()
        # It was answered without news, or had not been let in yet.
        ended = for_ever.exception()
    assert ended is None or isinstance(ended, httpx.TransportError)
    assert time.monotonic() - stopped < 15
