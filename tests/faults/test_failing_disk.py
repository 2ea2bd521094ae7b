"""A disk that refuses: syncs fail, writes find no room. What was answered stands, once.

strace lets chosen calls of the real agent on its own database fail. The POS asks again, as every
POS must; in the end each sale that was ever confirmed is in the journal exactly once.
"""

import contextlib
import http.client
from pathlib import Path
from typing import Any

import pytest

from tessera.agent.journal_check import check_journal
from tessera.store.engine import open_sqlite
from tessera.store.till import committed_sales, outbox
from tests.support import agent as agents

SALES = 25
TRIES = 20


def refusing(trace: Path, folder: Path, calls: str, error: str, when: str) -> tuple[str, ...]:
    """Words before a command: these calls on the database's files fail now and then."""
    paths = [word for name in ("till.db", "till.db-wal") for word in ("-P", str(folder / name))]
    return (
        *("strace", "-D", "-f", "-qq", "-o", str(trace), *paths),
        *("-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}"),
    )


def sell(agent: agents.Agent, sale_id: str) -> str:
    """Quote and complete until it is confirmed; the record's uid that the POS was told."""
    given = agents.basket()
    for _ in range(TRIES):
        with contextlib.suppress(OSError, http.client.HTTPException, KeyError, AssertionError):
            quote = agent.put(sale_id, given)
            answer: dict[str, Any] = agent.complete(sale_id, agents.paid(given, quote))
            return str(answer["uid"])
    return ""


@pytest.mark.parametrize(
    "calls, error, when",
    [
        ("fdatasync,fsync", "EIO", "5+7"),
        ("pwrite64", "ENOSPC", "40+97"),
        ("pwrite64", "EIO", "30+67"),
    ],
)
def test_a_confirmed_sale_stands_once_whatever_the_disk_refuses(
    strace: str, tmp_path: Path, calls: str, error: str, when: str
) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    agents.stocked_till(folder)
    trace = tmp_path / "trace"
    wrap = refusing(trace, folder, calls, error, when)
    agent = agents.start(folder, agents.settings_file(folder), wrap=wrap)
    told = {f"s{number}": sell(agent, f"s{number}") for number in range(SALES)}
    agent.kill()

    confirmed = {sale_id: uid for sale_id, uid in told.items() if uid}
    assert trace.read_text().count("(INJECTED)") > 1
    assert len(confirmed) == SALES, "".join(agent.log)
    engines = open_sqlite(folder / "till.db")
    with engines.reader.connect() as c:
        assert check_journal(c).findings == ()
        for sale_id, uid in confirmed.items():
            found = committed_sales.find_sale_by_id(c, sale_id)
            assert found is not None
            assert found.uid == uid
        assert outbox.depth(c) == SALES
    engines.dispose()
