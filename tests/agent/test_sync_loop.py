import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from tessera.agent.bundle_update import Seeds
from tessera.agent.profile_sending import ProfileSender
from tessera.agent.sync_loop import SyncLoop
from tessera.agent.sync_status import SyncNotice
from tessera.core.errors import Problem
from tessera.core.identity import new_uid
from tessera.core.journal import RecordDraft, SealedRecord, canonical
from tessera.store.engine import Engines
from tessera.store.till import cached_members, committed_sales, identity_book, kept_bundles, leases
from tessera.store.till import outbox as outbox_rows
from tessera.store.till.values import AccountEffect, RegisterIdentity
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.feed_wire import AssignmentRow, CardRow, FeedPage, LeaseRow, MemberRow
from tessera.sync.link import CentralLink
from tessera.sync.signing import SigningKey
from tests.support.small_central import (
    CENTRAL_KEY,
    CENTRAL_MS,
    Dropped,
    Serving,
    SmallCentral,
    refusal,
    signed,
    signed_assignment,
    signed_lease,
)
from tests.support.till import DAY, LIFE, enrolled_till

T = TypeVar("T")
OWN_KEY = SigningKey(b"\x33" * 32)


class OneWriter:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        def write() -> T:
            with self._engines.writer.begin() as tx:
                return work(tx)

        return await asyncio.get_running_loop().run_in_executor(self._thread, write)

    def close(self) -> None:
        self._thread.shutdown()


@dataclass
class FixedClock:
    now_ms: int = CENTRAL_MS

    def wall_ms(self) -> int:
        return self.now_ms


def problems_of(text: str, file: str) -> list[Problem]:
    return [Problem(file=file, message="unknown offer")] if "wrong" in text else []


@dataclass
class Till:
    """A till with its sync loop, and what it told."""

    engines: Engines
    url: str
    clock: FixedClock = field(default_factory=FixedClock)
    notices: list[SyncNotice] = field(default_factory=list)
    count: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def sell(self, delta: int = 10, member: str = "m1") -> SealedRecord:
        self.count += 1
        draft = RecordDraft(
            uid=new_uid(self.count, self.count.to_bytes(10, "big")),
            kind="sale",
            business_day=DAY,
            wall_ms=CENTRAL_MS,
            mono_ms=1,
            boot_id="b",
            bundle="0" * 64,
            engine="test",
            body=canonical({"member": member, "delta": delta}),
        )
        effect = AccountEffect(member_id=member, account="points", delta=delta)
        with self.engines.writer.begin() as tx:
            return committed_sales.commit_record(tx, draft=draft, effects=[effect])

    def loop(self, writer: OneWriter) -> SyncLoop:
        serial = iter(range(1_000_000))
        return SyncLoop(
            engines=self.engines,
            writer=writer,
            open_link=self._link,
            parse_programme=problems_of,
            clock=self.clock,
            chance=lambda: 0.0,
            random=lambda size: (0xB0000 + next(serial)).to_bytes(size, "big"),
            on_change=self._note,
            seeds=Seeds(
                announced=lambda text: "a" * 64 if "seed" in text else "",
                keep=lambda _bundle, _announced, raw: raw == b"5eed",
            ),
        )

    def _note(self, notice: SyncNotice) -> None:
        self.notices.append(notice)
        self.changed.set()

    def _link(self, identity: RegisterIdentity) -> HttpCentral:
        serial = iter(range(1_000_000))
        life = bytes.fromhex(identity.incarnation)
        return HttpCentral(
            self.url,
            signer=Signer(
                register=identity.register, incarnation=identity.incarnation, key=OWN_KEY
            ),
            wall_ms=self.clock.wall_ms,
            random=lambda size: (life + next(serial).to_bytes(8, "big"))[:size],
        )

    @asynccontextmanager
    async def syncing(self) -> Any:
        stop, writer = asyncio.Event(), OneWriter(self.engines)
        loop = self.loop(writer)
        task = asyncio.create_task(loop.run(stop))
        try:
            yield loop
            assert loop.bugs == {}
        finally:
            stop.set()
            await task
            writer.close()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait for a condition that a notice may bring."""
        async with asyncio.timeout(20):
            while not ready():
                self.changed.clear()
                try:
                    await asyncio.wait_for(self.changed.wait(), 0.05)
                except TimeoutError:
                    continue

    def queued(self) -> int:
        with self.engines.reader.connect() as c:
            return outbox_rows.depth(c)

    def shown(self, member: str = "m1") -> tuple[int, int]:
        """Balance and pending of the member's points."""
        with self.engines.reader.connect() as c:
            views = cached_members.accounts(c, member)
        return (views[0].balance, views[0].pending) if views else (0, 0)


@pytest.fixture
def central() -> SmallCentral:
    return SmallCentral(public_key=OWN_KEY.public)


@pytest.fixture
def serving(central: SmallCentral) -> Iterator[Serving]:
    with Serving(central.app()) as server:
        yield server


@pytest.fixture
def till(tmp_path: Path, serving: Serving) -> Iterator[Till]:
    engines = enrolled_till(tmp_path, central_key=CENTRAL_KEY.public)
    yield Till(engines=engines, url=serving.url)
    engines.dispose()


def run(story: Awaitable[None]) -> None:
    async def whole() -> None:
        await story

    asyncio.run(whole())


def test_records_reach_central_once_and_in_order(till: Till, central: SmallCentral) -> None:
    async def story() -> None:
        for _ in range(450):
            till.sell(1)
        async with till.syncing():
            await till.until(lambda: till.queued() == 0 and till.shown() == (450, 0))

    run(story())
    assert len(central.applied) == 450
    assert [head.last_seq for head in central.batches] == [200, 400, 450]
    assert central.balances["m1"] == (450, 450)


def test_a_lost_reply_is_answered_by_a_repeat(till: Till, central: SmallCentral) -> None:
    central.drop_replies = 2

    async def story() -> None:
        till.sell()
        async with till.syncing():
            await till.until(lambda: till.queued() == 0 and till.shown() == (10, 0))

    run(story())
    assert len(central.batches) >= 3
    assert central.balances["m1"] == (10, 1)


def test_a_reply_lost_among_full_batches_repeats_none_of_them(
    till: Till, central: SmallCentral
) -> None:
    """What was read ahead of an answer that never came is not sent in its place."""
    central.drop_replies = 1

    async def story() -> None:
        for _ in range(450):
            till.sell(1)
        async with till.syncing():
            await till.until(lambda: till.queued() == 0 and till.shown() == (450, 0))

    run(story())
    assert [head.first_seq for head in central.batches] == [1, 1, 201, 401]
    assert central.balances["m1"] == (450, 450)


def test_a_till_that_starts_again_goes_on_where_it_was(till: Till, central: SmallCentral) -> None:
    async def story() -> None:
        for _ in range(3):
            till.sell()
            async with till.syncing():
                await till.until(lambda: till.queued() == 0)
        async with till.syncing():
            await till.until(lambda: till.shown() == (30, 0))

    run(story())
    assert central.balances["m1"] == (30, 3)


def test_one_poisonous_record_is_parked_and_delays_nobody(
    till: Till, central: SmallCentral
) -> None:
    async def story() -> None:
        sold = [till.sell() for _ in range(100)]
        central.poison = {sold[37].uid}
        async with till.syncing():
            await till.until(lambda: till.queued() == 0)

    run(story())
    assert central.parked == list(central.poison)
    assert len(central.applied) == 99
    # 100, 50, 25, 12, … halves down to the one, then doubles up again: never one by one.
    assert len(central.batches) < 40


def test_the_feed_brings_members_cards_and_leases(till: Till, central: SmallCentral) -> None:
    central.publish(
        "store:shop",
        CardRow(card_hash="ab" * 16, key_id=1, member_id="m7", version=1),
        MemberRow(member_id="m7", version=1, display_name="A. M.", tier="gold"),
    )
    central.publish(
        "register:till-1",
        signed_lease(
            LeaseRow(
                lease_id="L1",
                member_id="m7",
                unit="points",
                amount=300,
                register="till-1",
                incarnation=LIFE,
                generation="g1",
            )
        ),
    )

    async def story() -> None:
        async with till.syncing():
            await till.until(lambda: found() is not None)

    def found() -> object:
        with till.engines.reader.connect() as c:
            return cached_members.find_by_card(c, b"\xab" * 16)

    run(story())
    with till.engines.reader.connect() as c:
        member = cached_members.find_by_card(c, b"\xab" * 16)
        assert member is not None
        assert (member.member_id, member.tier) == ("m7", "gold")
        assert leases.remaining(c, "m7", "points") == 300


def forged_lease(page: FeedPage) -> FeedPage:
    lease = LeaseRow(
        lease_id="L1",
        member_id="m1",
        unit="points",
        amount=1_000_000,
        register="till-1",
        incarnation=LIFE,
        generation="g1",
        signature="00" * 64,
    )
    return add_rows(page, lease)


def add_rows(page: FeedPage, *rows: Any) -> FeedPage:
    from tessera.sync.feed_wire import SegmentBody

    body = SegmentBody(generation="g1", audience=page.audience, number=page.head + 1, rows=rows)
    return FeedPage(
        generation=page.generation,
        audience=page.audience,
        head=page.head + 1,
        central_ms=page.central_ms,
        segments=(*page.segments, signed(body)),
    )


def test_a_forged_page_changes_nothing_and_is_told(till: Till, central: SmallCentral) -> None:
    central.publish("store:shop", MemberRow(member_id="m7", version=1))
    central.tampered = lambda page: (
        forged_lease(page) if page.audience.startswith("register") else page
    )

    async def story() -> None:
        async with till.syncing() as loop:
            await till.until(lambda: any(n.what == "refused" for n in till.notices))
            assert "did not sign" in loop.status().last_error

    run(story())
    with till.engines.reader.connect() as c:
        assert cached_members.find_by_id(c, "m7") is None
        assert leases.remaining(c, "m1", "points") == 0


def test_central_that_comes_back_older_gets_everything_again(
    till: Till, central: SmallCentral
) -> None:
    async def story() -> None:
        for _ in range(5):
            till.sell()
        async with till.syncing():
            await till.until(lambda: till.queued() == 0 and till.shown() == (50, 0))
            central.restore("g2", keep=2)
            await till.until(lambda: len(central.applied) == 5 and till.queued() == 0)
            await till.until(lambda: till.shown() == (50, 0))

    run(story())
    # Its grants were shown in the first generation and in the second.
    assert [json.loads(one)["generation"] for one in central.presented] == ["g1", "g2"]
    assert central.balances["m1"] == (50, 5)
    assert till.shown() == (50, 0)
    with till.engines.reader.connect() as c:
        identity = identity_book.read_identity(c)
        assert identity is not None
        assert identity.generation == "g2"


def test_central_that_comes_back_older_amid_a_backlog_gets_what_it_lost(
    till: Till, central: SmallCentral
) -> None:
    """It loses what follows record 150 between two batches; what was read ahead does not fit."""
    pushes: list[str] = []

    def restore_before_the_third(request: Request, _content: bytes) -> None:
        if request.url.path == "/v1/batches":
            pushes.append(request.url.path)
            if len(pushes) == 3:
                central.restore("g2", keep=150)

    async def story() -> None:
        for _ in range(850):
            till.sell(1)
        central.fail = restore_before_the_third
        async with till.syncing():
            await till.until(lambda: till.queued() == 0 and till.shown() == (850, 0))

    run(story())
    assert [head.first_seq for head in central.batches[:3]] == [1, 201, 401]
    assert central.balances["m1"] == (850, 850)
    assert len(central.applied) == 850


def test_a_fork_makes_the_till_go_on_in_a_new_life(till: Till, central: SmallCentral) -> None:
    async def story() -> None:
        till.sell()
        central.forked = True
        async with till.syncing():
            await till.until(lambda: any(n.what == "life" for n in till.notices))
            central.forked = False
            till.sell()
            await till.until(lambda: till.shown() == (20, 20) or till.queued() == 1)
        async with till.syncing():
            await till.until(lambda: till.queued() == 0)

    run(story())
    with till.engines.reader.connect() as c:
        first, second = outbox_rows.lives(c)
    assert second.parent == first.head
    assert central.batches[-1].parent == LIFE
    assert central.balances["m1"] == (20, 2)


def test_central_that_is_away_is_told_and_nothing_is_lost(
    till: Till, central: SmallCentral
) -> None:
    def away(_request: Request, _content: bytes) -> Response | None:
        return Dropped()

    async def story() -> None:
        till.sell()
        central.fail = away
        async with till.syncing() as loop:
            await till.until(lambda: any(n.what == "offline" for n in till.notices))
            status = loop.status()
            assert (status.online, status.queued, status.offline_since_ms) == (
                False,
                1,
                CENTRAL_MS,
            )
            central.fail = lambda _request, _content: None
            await till.until(lambda: till.queued() == 0)
            assert loop.status().online

    run(story())
    assert central.balances["m1"] == (10, 1)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_no_refusal_drops_a_record(till: Till, central: SmallCentral, status: int) -> None:
    refused = iter(range(6))

    def sometimes(_request: Request, _content: bytes) -> Response | None:
        return refusal(status, "no") if next(refused, None) is not None else None

    central.fail = sometimes

    async def story() -> None:
        till.sell()
        async with till.syncing():
            await till.until(lambda: till.queued() == 0)

    run(story())
    assert central.balances["m1"] == (10, 1)


def assign(central: SmallCentral, text: str, *, number: int, from_ms: int = 0) -> str:
    name = hashlib.sha256(text.encode()).hexdigest()
    central.bundles[name] = text.encode()
    central.publish(
        "register:till-1",
        signed_assignment(
            AssignmentRow(
                number=number, bundle=name, active_from_ms=from_ms, size=len(text), generation="g1"
            )
        ),
    )
    return name


def active(till: Till) -> str:
    with till.engines.reader.connect() as c:
        kept = kept_bundles.active(c)
    return kept.text if kept else ""


def test_an_assigned_bundle_is_fetched_and_activated(till: Till, central: SmallCentral) -> None:
    assign(central, "programme: one", number=1)

    async def story() -> None:
        async with till.syncing():
            await till.until(lambda: active(till) == "programme: one")
            assign(central, "programme: two", number=2)
            await till.until(lambda: active(till) == "programme: two")

    run(story())


def test_a_bundle_that_does_not_parse_leaves_the_last_good_one(
    till: Till, central: SmallCentral
) -> None:
    assign(central, "programme: one", number=1)

    async def story() -> None:
        async with till.syncing():
            await till.until(lambda: active(till) == "programme: one")
            assign(central, "wrong", number=2)
            await till.until(lambda: any(n.what == "bundle_refused" for n in till.notices))

    run(story())
    assert active(till) == "programme: one"


def test_a_bundle_with_another_content_is_refused(till: Till, central: SmallCentral) -> None:
    name = assign(central, "programme: one", number=1)
    central.bundles[name] = b"programme: bad"

    async def story() -> None:
        async with till.syncing():
            await till.until(lambda: any("not what was signed" in n.text for n in till.notices))
            assert active(till) == ""
            central.bundles[name] = b"programme: one"
            await till.until(lambda: active(till) == "programme: one")

    run(story())


@pytest.mark.parametrize("seed", [b"", b"another"])
def test_a_bundle_whose_seed_does_not_come_leaves_the_last_good_one(
    till: Till, central: SmallCentral, seed: bytes
) -> None:
    central.seed = seed
    assign(central, "programme: one", number=1)

    async def story() -> None:
        async with till.syncing():
            await till.until(lambda: active(till) == "programme: one")
            assign(central, "programme: with a seed", number=2)
            await till.until(lambda: any(n.what == "bundle_refused" for n in till.notices))

    run(story())
    assert active(till) == "programme: one"


def test_a_bundle_is_activated_once_its_seed_is_kept(till: Till, central: SmallCentral) -> None:
    central.seed = b"5eed"
    assign(central, "programme: with a seed", number=1)

    async def story() -> None:
        async with till.syncing():
            await till.until(lambda: active(till) == "programme: with a seed")

    run(story())


def test_a_bundle_waits_for_its_time(till: Till, central: SmallCentral) -> None:
    name = assign(central, "programme: one", number=1, from_ms=CENTRAL_MS + 1)

    def is_kept() -> bool:
        with till.engines.reader.connect() as c:
            return kept_bundles.find(c, name) is not None

    async def story() -> None:
        async with till.syncing():
            await till.until(is_kept)
            assert active(till) == ""
            till.clock.now_ms += 1
            await till.until(lambda: active(till) == "programme: one")

    run(story())


def test_a_step_that_meets_a_bug_is_told_and_ends_no_other(
    till: Till,
    central: SmallCentral,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever goes wrong with members' profiles must not keep sales from central."""

    async def mistaken(_sender: ProfileSender, _link: CentralLink) -> float:
        raise KeyError

    monkeypatch.setattr(ProfileSender, "step", mistaken)

    async def story() -> None:
        async with till.syncing() as loop:
            await till.until(lambda: "profiles" in loop.bugs)
            assert "a bug of ours (KeyError)" in loop.status().last_error
            till.sell(10)
            loop.kick()
            await till.until(lambda: till.queued() == 0)
            loop.bugs.clear()

    run(story())
    assert len(central.applied) == 1
    assert caplog.text.count("sync met a bug in profiles") == 1
