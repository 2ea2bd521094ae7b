"""Profiles reach central, whatever central does not take for now."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import sqlalchemy as sa

from tessera.agent.profile_sending import AGAIN_S, ProfileSender
from tessera.core.identity import new_uid
from tessera.store.engine import Engines
from tessera.store.till import enrolled
from tessera.sync.link import CentralLink, CentralRefused
from tessera.sync.profile_wire import (
    PROFILES_MAX,
    ProfileMessage,
    ProfilesAnswer,
    ProfilesGiven,
    ProfileTaken,
)
from tessera.sync.records import encoded
from tests.support.till import enrolled_till

T = TypeVar("T")


class AtOnce:
    """A writer without a thread."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engines.writer.begin() as tx:
            return work(tx)


class Central:
    """Central that has parked some enrolments; whoever else it hears of is stored."""

    def __init__(self, parked: set[str]) -> None:
        self.parked = parked
        self.stored: list[str] = []

    async def profiles(self, given: ProfilesGiven) -> ProfilesAnswer:
        taken = []
        for one in given.profiles:
            waits = one.member_id in self.parked
            if not waits:
                self.stored.append(one.member_id)
            taken.append(ProfileTaken(uid=one.uid, state="waiting" if waits else "stored"))
        return ProfilesAnswer(taken=tuple(taken))


def joined(engines: Engines, names: list[str]) -> None:
    """Members who joined here, in this order; their records are stored."""
    with engines.writer.begin() as tx:
        for place, name in enumerate(names, start=1):
            uid = new_uid(place, bytes(10))
            body = encoded(ProfileMessage(uid=uid, member_id=name, given_ms=1))
            tx.execute(
                sa.text("INSERT INTO profile_outbox VALUES (:place, :name, :body)"),
                {"place": place, "name": name, "body": body},
            )


def steps(engines: Engines, central: Central, count: int) -> list[float]:
    """The pauses after so many steps."""
    sender = ProfileSender(engines=engines, writer=AtOnce(engines))

    async def stepped() -> list[float]:
        return [await sender.step(cast("CentralLink", cast("Any", central))) for _ in range(count)]

    return asyncio.run(stepped())


def test_enrolments_that_are_parked_keep_no_later_member_s_profile(tmp_path: Path) -> None:
    engines = enrolled_till(tmp_path)
    parked = [f"parked-{number}" for number in range(PROFILES_MAX)]
    joined(engines, [*parked, "later"])
    central = Central(set(parked))
    assert steps(engines, central, 2) == [0.0, AGAIN_S]
    assert central.stored == ["later"]
    engines.dispose()


def test_what_waited_is_sent_again_after_a_pause(tmp_path: Path) -> None:
    engines = enrolled_till(tmp_path)
    parked = [f"parked-{number}" for number in range(2 * PROFILES_MAX)]
    joined(engines, parked)
    central = Central(set(parked))
    # Two full pages, the end, and the same again: each round is followed by a longer pause.
    assert steps(engines, central, 6) == [0.0, 0.0, AGAIN_S, 0.0, 0.0, 2 * AGAIN_S]
    central.parked.clear()
    assert steps(engines, central, 2) == [0.0, 0.0]
    assert central.stored == parked
    engines.dispose()


class Strict(Central):
    """Central of another release, which takes no request that names certain members."""

    def __init__(self, refused: set[str], *, status: int = 422) -> None:
        super().__init__(parked=set())
        self._refused = refused
        self._status = status

    async def profiles(self, given: ProfilesGiven) -> ProfilesAnswer:
        if any(one.member_id in self._refused for one in given.profiles):
            raise CentralRefused("a field is wrong", code="field_wrong", status=self._status)
        return await super().profiles(given)


def waiting(engines: Engines) -> list[str]:
    with engines.reader.connect() as connection:
        return [one.member_id for one in enrolled.waiting_profiles(connection, limit=100)]


def test_a_profile_that_central_refuses_keeps_no_other_one(tmp_path: Path) -> None:
    engines = enrolled_till(tmp_path)
    joined(engines, ["first", "refused", "later"])
    central = Strict({"refused"})
    assert steps(engines, central, 1) == [AGAIN_S]
    assert central.stored == ["first", "later"]
    assert waiting(engines) == ["refused"]
    engines.dispose()


def test_a_register_that_may_not_speak_asks_once_and_leaves_it_to_its_caller(
    tmp_path: Path,
) -> None:
    engines = enrolled_till(tmp_path)
    joined(engines, ["first", "second"])
    with pytest.raises(CentralRefused):
        steps(engines, Strict({"second"}, status=403), 1)
    assert waiting(engines) == ["first", "second"]
    engines.dispose()


def test_a_profile_that_cannot_be_read_keeps_no_other_one_and_is_told_without_a_word_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engines = enrolled_till(tmp_path)
    joined(engines, ["first", "spoilt", "later"])
    with engines.writer.begin() as tx:
        tx.execute(
            sa.text("UPDATE profile_outbox SET body = :body WHERE place = 2"),
            {"body": b'{"uid":7,"name":"PLANTED"}'},
        )
    central = Central(set())
    assert steps(engines, central, 2) == [AGAIN_S, 2 * AGAIN_S]
    assert central.stored == ["first", "later"]
    assert waiting(engines) == ["spoilt"]
    assert len(caplog.records) == 1
    assert "PLANTED" not in caplog.text
    engines.dispose()
