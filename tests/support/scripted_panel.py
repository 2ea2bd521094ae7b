"""A till for the cashier's page that does what a test says, behind a real uvicorn server."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import uvicorn
from starlette.applications import Starlette

from tessera.core.errors import TesseraError
from tessera.panel.routes import PanelDoor, panel_routes
from tessera.panel.view import (
    BalanceView,
    NoticeView,
    NowPhase,
    NowView,
    ReaderStatus,
    ReaderView,
    ReasonView,
    RewardView,
    ScreenView,
    StateView,
    Tone,
    UnitsView,
    WhoStatus,
    WhoView,
)

BERLIN = timezone(timedelta(hours=1))
AT = datetime(2026, 11, 21, 14, 5, 7, tzinfo=BERLIN)
BEAT_S = 0.25

ONLINE = StateView(
    online=True,
    balance_as_of=AT - timedelta(minutes=2),
    readers=(ReaderView(name="Scanner", status=ReaderStatus.READY),),
    store="store-7",
    register="3",
)
IDLE = ScreenView(at=AT, who=WhoView(), now=NowView(), state=ONLINE)
MEMBER = WhoView(
    status=WhoStatus.KNOWN,
    name="A. M.",
    card="••••4567",
    tier="Silver",
    note="Birthday in 3 days",
    balances=(BalanceView(unit="points", label="Points", balance=1204, spendable=300, pending=12),),
)
SALE = NowView(
    phase=NowPhase.OPEN,
    sale="2026-11-21-000123",
    due_minor=4550,
    saved_minor=450,
    earned=(UnitsView(unit="points", label="points", count=45),),
    rewards=(
        RewardView(reward="r-500", text="500 points for €5.00 off"),
        RewardView(
            reward="coffee",
            text="Free coffee for 10 stamps",
            possible=False,
            note="2 stamps short",
        ),
    ),
    near=("€4.50 more for €5.00 off",),
    applied=(
        ReasonView(text="10% off dairy", amount_minor=450),
        ReasonView(text="double points", count=1045),
    ),
    refused=(ReasonView(text="Pens 3 for 2: one more pen needed"),),
)


class ScriptedTill:
    """A PanelSource whose screen the test sets; remembers what the page asked for."""

    def __init__(self, view: ScreenView = IDLE) -> None:
        self._view = view
        self._number = 1
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self.asked: list[tuple[str, ...]] = []
        self.subscribed_after: list[int] = []

    def show(self, view: ScreenView) -> None:
        """Change the screen, from the test's thread."""
        self._view = view
        self._number += 1
        for loop, changed in list(self._waiting):
            loop.call_soon_threadsafe(changed.set)

    def view(self, language: str) -> ScreenView:
        return replace(self._view, language=language)

    def newest_id(self) -> int:
        return self._number

    async def subscribe(self, last_id: int) -> AsyncIterator[int]:
        self.subscribed_after.append(last_id)
        mine = (asyncio.get_running_loop(), asyncio.Event())
        self._waiting.add(mine)
        try:
            while True:
                mine[1].clear()
                if self._number > last_id:
                    last_id = self._number
                    yield last_id
                else:
                    await mine[1].wait()
        finally:
            self._waiting.discard(mine)

    async def accept_reward(self, *, sale: str, reward: str, accepted: bool) -> None:
        self.asked.append(("reward", sale, reward, "yes" if accepted else "no"))
        now = self._view.now
        if sale != now.sale:
            raise TesseraError(f"sale {sale} is over", hint="offer it with the next sale")
        rewards = tuple(
            replace(offered, accepted=accepted) if offered.reward == reward else offered
            for offered in now.rewards
        )
        self.show(replace(self._view, now=replace(now, rewards=rewards)))

    async def clear_member(self, *, sale: str) -> None:
        self.asked.append(("clear", sale))
        self.show(replace(self._view, who=WhoView()))

    async def enrol_card(self, *, sale: str) -> None:
        self.asked.append(("enrol", sale))
        who = replace(self._view.who, status=WhoStatus.PENDING, enrollable=False)
        self.show(replace(self._view, who=who))

    async def dismiss_notice(self, *, notice: str) -> None:
        self.asked.append(("dismiss", notice))
        kept = tuple(kept for kept in self._view.state.notices if kept.notice != notice)
        self.show(replace(self._view, state=replace(self._view.state, notices=kept)))


class Server:
    """The page of a till on a port of its own; can be stopped and started again on it."""

    def __init__(self, till: ScriptedTill, *, beat_s: float = BEAT_S) -> None:
        self.till = till
        self._beat_s = beat_s
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._socket.close()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, *, session: str = "session-1", log_level: str = "warning") -> None:
        self._stop: asyncio.Event = asyncio.Event()
        door = PanelDoor(
            hosts=frozenset({f"127.0.0.1:{self.port}"}),
            origins=frozenset({self.url}),
            beat_s=self._beat_s,
        )
        app = Starlette(routes=panel_routes(self.till, door=door, session=session, stop=self._stop))
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=self.port,
            log_level=log_level,
            timeout_graceful_shutdown=5,
            ws="none",
            lifespan="off",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started, "the server started")

    def _run(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._server.serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def freeze(self) -> None:
        """Keep every connection open and answer nothing, as a hung program would."""
        self._frozen = threading.Event()
        self._loop.call_soon_threadsafe(self._frozen.wait, 30)

    def thaw(self) -> None:
        self._frozen.set()

    def stop(self) -> float:
        """Stop as an agent does; how long it took, in seconds."""
        began = time.monotonic()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()
        return time.monotonic() - began


@contextmanager
def served(till: ScriptedTill, *, beat_s: float = BEAT_S) -> Iterator[Server]:
    server = Server(till, beat_s=beat_s)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)


def crowded() -> ScreenView:
    """Everything that can go wrong at once, as far as it can."""
    return replace(
        IDLE,
        training=True,
        who=replace(MEMBER, name="Maximiliane von Hohenstein-Reichenbach"),
        now=SALE,
        state=replace(
            ONLINE,
            online=False,
            offline_since=datetime(2026, 11, 20, 17, 40, tzinfo=BERLIN),
            queued=1312,
            readers=(
                ReaderView(name="Scanner", status=ReaderStatus.SEARCHING, detail="USB 1-4.2"),
                ReaderView(name="Stripe", status=ReaderStatus.READY),
            ),
            disk_used_percent=96,
            benefits_stopped=True,
            clock_in_doubt=True,
            notices=(
                NoticeView(
                    notice="n1",
                    text="The programme could not be updated.",
                    hint="The last one stays in use; call support.",
                    tone=Tone.TROUBLE,
                ),
                NoticeView(notice="n2", text="Card read twice.", tone=Tone.CALM),
            ),
        ),
    )
