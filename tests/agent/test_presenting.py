"""A till shows its grants once in each generation, page by page, and asks while it has to wait."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import sqlalchemy as sa

from tessera.agent.presenting import Presenter
from tessera.agent.sync_push import begin_generation
from tessera.agent.sync_status import LineState, SyncNotice
from tessera.store.engine import Engines
from tessera.store.till import leases
from tessera.store.till.values import Grant
from tessera.sync.grant_wire import GRANTS_MAX, PresentAnswer, PresentRequest
from tessera.sync.link import CentralBroken, CentralError, CentralLink, CentralRefused
from tests.support.till import LIFE, enrolled_till

T = TypeVar("T")


class Shown:
    """Central, as far as grants are concerned."""

    def __init__(self) -> None:
        self.asked: list[PresentRequest] = []
        self.failure: CentralError | None = None
        self.waiting: tuple[str, ...] = ()

    async def present(self, request: PresentRequest) -> PresentAnswer:
        if self.failure is not None:
            raise self.failure
        self.asked.append(request)
        return PresentAnswer(generation=request.generation, waiting=self.waiting)

    @property
    def link(self) -> CentralLink:
        return cast("CentralLink", self)


class Direct:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engines.writer.begin() as tx:
            return work(tx)


class Scene:
    def __init__(self, folder: Path, *, grants: int = 1) -> None:
        self.engines = enrolled_till(folder)
        with self.engines.writer.begin() as tx:
            leases.grant(tx, [granted(number) for number in range(grants)])
        self.central, self.told = Shown(), list[SyncNotice]()
        self.start()

    def start(self) -> None:
        self.line = LineState(wall_ms=lambda: 1, tell=self.told.append)
        self.presenter = Presenter(
            engines=self.engines, writer=Direct(self.engines), line=self.line
        )

    def step(self) -> None:
        asyncio.run(self.presenter.step(self.central.link))

    def beat(self) -> None:
        asyncio.run(self.presenter.ask_again(self.central.link))


def granted(number: int, *, signature: str = "00" * 64) -> Grant:
    return Grant(
        lease_id=f"{number:032}",
        member_id="m1",
        unit="points",
        amount=10,
        incarnation=LIFE,
        generation="g0",
        signature=signature,
    )


def test_all_grants_are_shown_once_in_a_generation(tmp_path: Path) -> None:
    """101 grants are two pages; the second one says that it is the last."""
    scene = Scene(tmp_path, grants=GRANTS_MAX + 1)
    scene.step()
    scene.step()
    assert [(len(one.grants), one.is_last) for one in scene.central.asked] == [
        (GRANTS_MAX, False),
        (1, True),
    ]
    row = scene.central.asked[0].grants[0]
    assert (row.register, row.generation, row.amount) == ("till-1", "g0", 10)
    with scene.engines.writer.begin() as tx:
        begin_generation(tx, "g2")
    scene.start()
    scene.step()
    assert [one.generation for one in scene.central.asked] == ["g1", "g1", "g2", "g2"]


def test_a_till_without_grants_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path, grants=0)
    scene.step()
    assert [(one.grants, one.is_last) for one in scene.central.asked] == [((), True)]


def test_while_others_are_awaited_it_asks_again_also_after_a_restart(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.central.waiting = ("till-2",)
    scene.step()
    assert scene.line.status("g1").awaited == ("till-2",)
    scene.start()
    scene.beat()
    assert scene.line.status("g1").awaited == ("till-2",)
    scene.central.waiting = ()
    scene.beat()
    assert scene.line.status("g1").awaited == ()
    scene.beat()
    assert [(len(one.grants), one.is_last) for one in scene.central.asked] == [
        (1, True),
        (0, False),
        (0, False),
    ]


def test_a_central_that_waits_for_this_very_till_is_shown_all_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.central.waiting = ("till-2",)
    scene.step()
    scene.central.waiting = ("till-1", "till-2")
    scene.beat()
    assert [(len(one.grants), one.is_last) for one in scene.central.asked[1:]] == [
        (0, False),
        (1, True),
    ]


def test_a_central_that_cannot_take_them_holds_up_nothing_and_is_asked_with_the_next_beat(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    scene.central.failure = CentralBroken("central failed")
    scene.step()
    scene.step()
    assert [notice.what for notice in scene.told] == ["refused"]
    scene.central.failure = None
    scene.step()
    assert scene.central.asked == []
    scene.beat()
    assert len(scene.central.asked) == 1


def test_a_central_of_the_release_before_is_not_asked_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.central.failure = CentralRefused("status 404", status=404)
    scene.step()
    scene.central.failure = None
    scene.step()
    scene.beat()
    assert scene.central.asked == []


def test_a_grant_told_again_brings_the_present_signature(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with scene.engines.writer.begin() as tx:
        leases.grant(tx, [granted(0, signature="11" * 64)])
    scene.step()
    assert scene.central.asked[0].grants[0].signature == "11" * 64
