"""Programmes that a till will not run, and what becomes of them afterwards."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import sqlalchemy as sa

from tessera.agent.bundle_update import BundleUpdate, Parse, Seeds
from tessera.agent.programme_in_force import ProgrammeInForce, parse_here
from tessera.agent.sync_status import LineState
from tessera.core.errors import Problem
from tessera.store.engine import Engines
from tessera.store.till import kept_bundles
from tessera.store.till.values import Assignment, KeptBundle
from tessera.sync.link import CentralLink
from tessera.sync.wire import content_hash
from tests.support.agent import PROGRAMME
from tests.support.till import enrolled_till

T = TypeVar("T")
IN_DOLLARS = PROGRAMME.replace("EUR", "USD")


class AtOnce:
    """A writer without a thread."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engines.writer.begin() as tx:
            return work(tx)


class Central:
    """Central that has these programmes."""

    def __init__(self, *texts: str) -> None:
        self._texts = {content_hash(text.encode()): text for text in texts}
        self.asked = 0

    async def bundle(self, name: str, *, size: int) -> bytes:
        self.asked += 1
        raw = self._texts[name].encode()
        assert len(raw) == size
        return raw


class Till:
    """A till that is assigned programmes and looks for them."""

    def __init__(self, folder: Path, central: Central, parse: Parse) -> None:
        self.engines = enrolled_till(folder)
        self.told: list[str] = []
        self._central = central
        self._updating = BundleUpdate(
            engines=self.engines,
            writer=AtOnce(self.engines),
            line=LineState(wall_ms=lambda: 1, tell=lambda notice: self.told.append(notice.what)),
            parse=parse,
            now_ms=lambda: 1,
            seeds=Seeds(),
        )

    def assign(self, text: str, number: int) -> None:
        wanted = Assignment(
            number=number,
            bundle=content_hash(text.encode()),
            active_from_ms=0,
            size=len(text.encode()),
            generation="g-1",
        )
        with self.engines.writer.begin() as tx:
            assert kept_bundles.assign(tx, wanted)

    def step(self) -> str:
        """Look once; the text that is active then."""
        asyncio.run(self._updating.step(cast("CentralLink", cast("Any", self._central))))
        with self.engines.reader.connect() as connection:
            active = kept_bundles.active(connection)
        return active.text if active is not None else ""


def test_a_refused_programme_is_looked_at_again_once_it_is_assigned_anew(tmp_path: Path) -> None:
    wrong = [Problem(file="p", message="no")]
    central = Central("programme")
    till = Till(tmp_path, central, lambda _text, _file: wrong)
    till.assign("programme", 1)
    assert [till.step(), till.step()] == ["", ""]
    assert (central.asked, till.told) == (1, ["bundle_refused"])
    wrong.clear()
    till.assign("programme", 2)
    assert till.step() == "programme"
    till.engines.dispose()


def test_a_programme_of_another_currency_does_not_take_the_place_of_the_last_good_one(
    tmp_path: Path,
) -> None:
    """Once it was the active one, a restarted till had none."""
    till = Till(
        tmp_path,
        Central(PROGRAMME, IN_DOLLARS),
        lambda text, file: parse_here(text, file, currency="EUR")[1],
    )
    till.assign(PROGRAMME, 1)
    assert till.step() == PROGRAMME
    till.assign(IN_DOLLARS, 2)
    assert till.step() == PROGRAMME
    assert till.told == ["bundle", "bundle_refused"]
    till.engines.dispose()


def test_a_refusal_is_told_no_more_once_the_programme_in_force_is_wanted_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engines = enrolled_till(tmp_path)
    programme = ProgrammeInForce()
    kept = {
        text: KeptBundle(hash=content_hash(text.encode()), text=text, number=number)
        for number, text in enumerate((PROGRAMME, IN_DOLLARS), start=1)
    }

    def activate(text: str) -> KeptBundle | None:
        with engines.writer.begin() as tx:
            kept_bundles.keep(tx, kept[text])
            kept_bundles.activate(tx, kept[text].hash)
            return programme.wanted(tx)

    assert activate(PROGRAMME) == kept[PROGRAMME]
    assert programme.take(kept[PROGRAMME], currency="EUR")
    assert activate(IN_DOLLARS) == kept[IN_DOLLARS]
    assert not programme.take(kept[IN_DOLLARS], currency="EUR")
    assert programme.rejected == kept[IN_DOLLARS].hash
    assert "USD" in caplog.text
    assert activate(PROGRAMME) is None
    assert programme.rejected == ""
    engines.dispose()
