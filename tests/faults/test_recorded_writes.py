"""Power cuts at every call of the real agent: nothing that was answered is lost, nothing is half.

The agent runs under strace while a POS sells to it. Afterwards the disk is rebuilt as it could have
been after each recorded call, with unsynced writes dropped, kept or torn, and opened as a till is.
"""

import json
import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as pysqlite

from tessera.agent.journal_check import check_journal
from tessera.store.engine import open_sqlite
from tests.support import agent as agents
from tests.support.recorded_writes import Call, Facts, Replay, read_trace, strace_words

FILES = ("till.db", "till.db-wal", "till.db-journal")
UID = re.compile(rb'"result":"completed".*"uid":"([0-9a-f-]{36})"', re.DOTALL)
JOURNAL = "SELECT place, hex(uid), raw, link FROM journal ORDER BY place"
SALES = 120
SALES_SOAK = 150


@dataclass
class Recording:
    """A recorded run: the folder before it, where it ran, and its calls."""

    before: Path
    folder: Path
    calls: list[Call]
    answered: int


def record(place: Path, sales: int) -> Recording:
    folder, before = place / "till", place / "before"
    folder.mkdir()
    agents.stocked_till(folder)
    shutil.copytree(folder, before)
    trace = place / "trace"
    agent = agents.start(folder, agents.settings_file(folder), wrap=strace_words(trace))
    for number in range(sales):
        agent.sell(f"s{number}", agents.basket(points=100 if number == 3 else 0))
    agent.kill()
    calls = read_trace(trace)
    answered = sum(1 for call in calls if call.what == "send" and UID.search(call.content))
    return Recording(before, folder, calls, answered)


@pytest.fixture(scope="module")
def recording(strace: str, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("recorded"), SALES)


@dataclass
class Tally:
    """`cuts` were judged; among them were `images` that differ."""

    cuts: int = 0
    images: int = 0
    lost: int = 0
    half: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Found:
    """The last record's place in an image, and what is half there."""

    last: int
    half: tuple[str, ...]


class Truth:
    """The journal as the agent left it: every image holds a beginning of it, and what belongs."""

    def __init__(self, folder: Path) -> None:
        engines = open_sqlite(folder / "till.db")
        with engines.reader.connect() as c:
            assert check_journal(c).findings == ()
        engines.dispose()
        connection = pysqlite.connect(str(folder / "till.db"))
        self.journal = connection.execute(JOURNAL).fetchall()
        connection.close()
        self.places = {row[1].lower(): row[0] for row in self.journal}
        self.spent = [0]
        for row in self.journal:
            uses = json.loads(row[2])["body"].get("leases", ())
            self.spent.append(self.spent[-1] + sum(use["amount"] for use in uses))

    def read(self, image: Path) -> Found:
        """Open an image as SQLite would after the power cut, and look for what should be there."""
        connection = pysqlite.connect(str(image / "till.db"), isolation_level=None)
        try:
            journal = connection.execute(JOURNAL).fetchall()
            others = [
                connection.execute(f"SELECT place FROM {table} ORDER BY place").fetchall()
                for table in ("outbox", "sale", "own_effect")
            ]
            head = connection.execute("SELECT head_seq, head_link FROM branch").fetchone()
            used = connection.execute("SELECT sum(used) FROM lease").fetchone()[0]
        except pysqlite.DatabaseError as error:
            return Found(0, (str(error),))
        finally:
            connection.close()
        count = len(journal)
        places = [(row[0],) for row in journal]
        checks = {
            "journal": journal == self.journal[:count],
            "outbox, sale or effect": all(rows == places for rows in others),
            "head": head[0] == count and (not journal or head[1] == journal[-1][3]),
            "lease": used == self.spent[count],
        }
        half = tuple(what for what, holds in checks.items() if not holds)
        return Found(journal[-1][0] if journal else 0, half)


def replayed(
    recording: Recording,
    memory: Path,
    *,
    torn: int,
    syncs_count: bool = True,
    every: int = 1,
    images: int = 0,
) -> Tally:
    """Cut the power after each `every`th call; again and again until so many `images` differ."""
    tally, chance, truth = Tally(), random.Random(20261121), Truth(recording.folder)
    facts = Facts(memory / "image", truth.read)
    while not tally.cuts or tally.images < images:
        replay = Replay(recording.calls, recording.before, FILES, syncs_count=syncs_count)
        acknowledged = 0
        for step, call in enumerate(replay.steps(recording.folder)):
            if call.what == "send":
                answered = UID.search(call.content)
                if answered is None:
                    continue
                # Places rise, so who asks for the last answered one asks for all before it.
                uid = answered[1].decode().replace("-", "")
                acknowledged = max(acknowledged, truth.places[uid])
            if step % every and call.what != "send":
                continue
            for how in ("dropped", "kept", *["torn"] * torn):
                found = facts.of(replay.image(how, chance))
                tally.cuts += 1
                tally.lost += found.last < acknowledged
                tally.half.update(found.half)
        tally.images = facts.images
    return tally


def told(tally: Tally, sales: int) -> str:
    half = dict(tally.half)
    return (
        f"{tally.images} different images in {tally.cuts} cuts of {sales} sales:"
        f" {tally.lost} lost, {half}"
    )


def test_no_power_cut_loses_an_answered_sale_or_leaves_half_of_one(
    recording: Recording, memory: Path
) -> None:
    assert recording.answered == SALES
    tally = replayed(recording, memory, torn=1, every=11)
    print(told(tally, SALES))
    assert tally.images > 500
    assert (tally.lost, tally.half) == (0, Counter())


def test_a_disk_that_lies_about_syncs_is_seen_by_this_very_test(
    recording: Recording, memory: Path
) -> None:
    """Without syncs answered sales are lost: the harness would notice a missing one."""
    tally = replayed(recording, memory, torn=0, every=100, syncs_count=False)
    assert tally.lost > 0


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_power_cuts(strace: str, tmp_path: Path, memory: Path) -> None:
    recording = record(tmp_path, SALES_SOAK)
    tally = replayed(recording, memory, torn=20, images=100_000)
    print(told(tally, SALES_SOAK))
    assert tally.images >= 100_000
    assert (tally.lost, tally.half) == (0, Counter())
