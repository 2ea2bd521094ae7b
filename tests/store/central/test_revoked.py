"""A revoked register, on a real till with a real central: shut out, kept, and let in again."""

import random
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tessera.agent.enrolment import NEXT_REGISTER_KEY, REGISTER_KEY, EnrolmentFailed, read_key
from tessera.agent.sync_push import Pusher
from tessera.central.app import build_app
from tessera.central.enrol import add_register, revoke_register
from tessera.central.opening import Central
from tessera.store.till import committed_sales, outbox
from tessera.sync.client import HttpCentral
from tessera.sync.link import CentralRefused
from tests.support.small_central import Serving
from tests.support.till import numbered_draft
from tests.support.trusting_till import (
    REGISTER,
    STORE,
    SameThread,
    TrustingTill,
    new_code,
    timed_central,
    trusting_till,
)


@dataclass
class Scene:
    central: Central
    till: TrustingTill
    count: int = 0

    def sell(self) -> None:
        self.count += 1
        with self.till.engines.writer.begin() as tx:
            committed_sales.commit_record(tx, draft=numbered_draft(self.count))

    def push(self) -> None:
        pusher = Pusher(
            engines=self.till.engines,
            writer=SameThread(self.till.engines),
            line=self.till.line,
            random=random.Random(9).randbytes,
        )

        async def work(link: HttpCentral) -> None:
            await pusher.push_once(link)

        self.till.ask(work)

    def waiting(self) -> int:
        with self.till.engines.reader.connect() as c:
            return outbox.depth(c)

    def again(self) -> str:
        return add_register(self.central, store_id=STORE, register_id=REGISTER, again=True)


@pytest.fixture
def scene(sqlite_template: Path, tmp_path: Path) -> Iterator[Scene]:
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    with (
        timed_central(tmp_path) as (central, _time),
        Serving(build_app(central)) as served,
        trusting_till(tmp_path / "till", served.url) as till,
    ):
        till.enrol(new_code(central))
        yield Scene(central, till)


def test_what_a_revoked_register_kept_is_sent_once_it_is_enrolled_again(scene: Scene) -> None:
    scene.sell()
    scene.push()
    revoke_register(scene.central, REGISTER)
    before = scene.till.identity()
    old_key = read_key(scene.till.folder / REGISTER_KEY).public
    scene.sell()
    with pytest.raises(CentralRefused, match="was revoked") as refused:
        scene.push()
    assert refused.value.code == "register_revoked"
    with pytest.raises(CentralRefused, match="was revoked"):
        scene.till.pull()
    assert scene.waiting() == 1

    after = scene.till.enrol(scene.again(), again=True, seed=4)
    assert (after.register, after.incarnation) == (before.register, before.incarnation)
    assert read_key(scene.till.folder / REGISTER_KEY).public != old_key
    assert stat.S_IMODE((scene.till.folder / REGISTER_KEY).stat().st_mode) == 0o600
    scene.push()
    assert scene.waiting() == 0
    scene.till.pull()


def test_an_answer_lost_while_enrolling_again_is_asked_for_once_more(scene: Scene) -> None:
    """Killed after central took the new key and before this till did: the key was kept."""
    code = scene.again()
    scene.till.enrol(code, again=True, seed=4)
    folder = scene.till.folder
    (folder / REGISTER_KEY).rename(folder / NEXT_REGISTER_KEY)
    (folder / REGISTER_KEY).write_bytes(bytes(32))
    scene.till.enrol(code, again=True, seed=5)
    scene.sell()
    scene.push()
    assert scene.waiting() == 0
    assert not (folder / NEXT_REGISTER_KEY).exists()


def test_another_register_s_code_changes_nothing(scene: Scene) -> None:
    before = scene.till.identity()
    with pytest.raises(EnrolmentFailed, match="the code is for berlin-1-2"):
        scene.till.enrol(new_code(scene.central, "berlin-1-2"), again=True, seed=4)
    assert scene.till.identity() == before
    scene.till.pull()


def test_an_enrolled_register_is_only_enrolled_again_when_that_was_asked(scene: Scene) -> None:
    with pytest.raises(EnrolmentFailed, match="enrolled already"):
        scene.till.enrol(scene.again())


@pytest.mark.parametrize("code", ["register_revoked", "certificate_expired", "bad_signature"])
def test_being_shut_out_is_known_until_it_is_over(scene: Scene, code: str) -> None:
    line = scene.till.line
    line.failed("push", "central refused", answered=True, code=code)
    assert line.status("g").is_shut_out
    line.failed("push", "central is busy", answered=True, code="central_busy")
    assert not line.status("g").is_shut_out
    line.failed("pull", "central refused", answered=True, code=code)
    line.mended("pull")
    assert not line.status("g").is_shut_out
