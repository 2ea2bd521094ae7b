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
from tests.support.recorded_writes import Call, Replay, read_trace, strace_words

FILES = ("till.db", "till.db-wal")
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
    images: int = 0
    lost: int = 0
    half: Counter[str] = field(default_factory=Counter)


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

    def examine(self, image: Path, acknowledged: set[str], tally: Tally) -> None:
        """Open an image as SQLite would after the power cut, and look for what should be there."""
        tally.images += 1
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
            tally.half[str(error)] += 1
            return
        finally:
            connection.close()
        count = len(journal)
        last = journal[-1][0] if journal else 0
        tally.lost += sum(self.places[uid.replace("-", "")] > last for uid in acknowledged)
        places = [(row[0],) for row in journal]
        checks = {
            "journal": journal == self.journal[:count],
            "outbox, sale or effect": all(rows == places for rows in others),
            "head": head[0] == count and (not journal or head[1] == journal[-1][3]),
            "lease": used == self.spent[count],
        }
        tally.half.update(what for what, holds in checks.items() if not holds)


def replayed(
    recording: Recording, memory: Path, *, torn: int, syncs_count: bool = True, every: int = 1
) -> Tally:
    tally, chance, truth = Tally(), random.Random(20261121), Truth(recording.folder)
    replay = Replay(recording.calls, recording.before, FILES, syncs_count=syncs_count)
    acknowledged: set[str] = set()
    for step, call in enumerate(replay.steps(recording.folder)):
        if call.what == "send":
            found = UID.search(call.content)
            if found is None:
                continue
            acknowledged.add(found[1].decode())
        if step % every and call.what != "send":
            continue
        for how in ("dropped", "kept", *["torn"] * torn):
            replay.write_image(memory / "image", how, chance)
            truth.examine(memory / "image", acknowledged, tally)
    return tally


def test_no_power_cut_loses_an_answered_sale_or_leaves_half_of_one(
    recording: Recording, memory: Path
) -> None:
    assert recording.answered == SALES
    tally = replayed(recording, memory, torn=1, every=11)
    print(f"{tally.images} images of {SALES} sales: {tally.lost} lost, {tally.half}")
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
    steps = len(list(Replay(recording.calls, recording.before, FILES).steps(recording.folder)))
    tally = replayed(recording, memory, torn=max(1, 110_000 // steps))
    print(f"{tally.images} images of {SALES_SOAK} sales: {tally.lost} lost, {tally.half}")
    assert tally.images >= 100_000
    assert (tally.lost, tally.half) == (0, Counter())
