"""Books and publishes in processes that die at their n-th statement, for every n.

Run as a program by `test_killed`: it forks from a parent that has imported everything, so that a
death costs milliseconds. A child opens central, works, and kills itself with SIGKILL right before
its n-th statement or commit, n rising by `stride` each time, until a child comes to the end alive.
Prints how many died inside a transaction and how many right before a commit.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tessera.central.apply import apply_waiting
from tessera.central.opening import Central
from tessera.store.central import bulk, inbox
from tests.store.central.parts import central_on, publish, settings_for

ATTEMPTS_MAX = 2_000


class Deathbed:
    """Counts statements, and ends the process before the one that was chosen."""

    def __init__(self, at: int, told: int) -> None:
        self.left = at
        self.told = told

    def step(self, what: str) -> None:
        self.left -= 1
        if self.left <= 0:
            os.write(self.told, what.encode() + b"\n")
            os.kill(os.getpid(), signal.SIGKILL)


def watch(central: Central, deathbed: Deathbed) -> None:
    """Have every statement and commit of central's writer counted."""
    writer = central.engines.writer

    def before(*_: Any) -> None:
        deathbed.step("inside")

    def commit(_connection: sa.Connection) -> None:
        deathbed.step("commit")

    sa.event.listen(writer, "before_cursor_execute", before)
    sa.event.listen(writer, "commit", commit)
    raw = bulk._driver_cursor

    def counted(tx: sa.Connection) -> Any:
        deathbed.step("inside")
        return raw(tx)

    bulk._driver_cursor = counted


def drain(central: Central) -> None:
    spans = central.settings.database.spans_buckets
    while True:
        apply_waiting(central.engines.writer, central.desk(), spans_buckets=spans, records_max=3)
        publish(central)
        with central.engines.reader.begin() as tx:
            if not inbox.due_count(tx, most=1):
                return


def main(url: str, folder: str, spans: str, stride: str) -> None:
    settings = settings_for(url, Path(folder), spans_buckets=spans == "spans")
    deaths = {"inside": 0, "commit": 0}
    for attempt in range(1, ATTEMPTS_MAX, int(stride)):
        reading, telling = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with central_on(settings, seed=attempt) as central:
                watch(central, Deathbed(attempt, telling))
                drain(central)
            os._exit(0)
        os.close(telling)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reading) as told:
            words = told.read().split()
        if status == 0:
            sys.stdout.write(json.dumps(deaths))
            return
        assert os.WIFSIGNALED(status), f"child ended by itself with {status}"
        deaths[words[0]] += 1
    raise AssertionError("no child came to the end")


if __name__ == "__main__":
    main(*sys.argv[1:])
