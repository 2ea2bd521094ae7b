"""A disk that refuses: syncs fail, writes find no room. What was answered stands, once.

strace lets chosen calls of the real agent on its own database fail. The POS asks again, as every
POS must; in the end each sale that was ever confirmed is in the journal exactly once.
"""

import contextlib
import http.client
import resource
from pathlib import Path
from typing import Any

import pytest

from tessera.agent.journal_check import check_journal
from tessera.store.engine import open_sqlite
from tessera.store.till import committed_sales, outbox
from tests.support import agent as agents

SALES = 25
TRIES = 20
SALES_TO_LIMIT = 2_000


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


def test_a_limit_on_file_sizes_stops_benefits_first_and_loses_nothing_that_was_answered(
    tmp_path: Path,
) -> None:
    """`ulimit -f` under the running agent: the kernel says EFBIG, which is no full disk."""
    folder = tmp_path / "till"
    folder.mkdir()
    agents.stocked_till(folder)
    config = agents.settings_file(folder, disk={"reserve_mb": 0, "benefits_stop_mb": 1})
    agent = agents.start(folder, config)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    given = agents.basket()
    confirmed, refused, due = {}, {}, []
    try:
        agent.sell("s-0", given)
        growing = max(path.stat().st_size for path in folder.glob("till.db*"))
        limit = growing + 1_048_576 + 131_072
        resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (limit, unlimited[1]))
        for number in range(1, SALES_TO_LIMIT):
            sale_id = f"s-{number}"
            quote = agent.put(sale_id, given)
            reply = agent.call("POST", f"/v1/sales/{sale_id}/complete", agents.paid(given, quote))
            if reply.status == 200:
                confirmed[sale_id] = str(reply.json["uid"])
                due.append(quote["totals"]["due_minor"])
            else:
                refused[sale_id] = (quote, reply.json)
            if len(refused) == 3:
                break
        assert due[0] == 450
        assert due[-1] == 500, "benefits stop before sales do"
        for _, answer in refused.values():
            assert answer["code"] == "disk_full"
            assert "limit on their size" in answer["detail"]
            assert "report it late" in answer["hint"]
        assert refused, f"{len(confirmed)} sales fitted"
        resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, unlimited)
        for sale_id, (quote, _) in refused.items():
            late = agents.paid(given, quote)
            reply = agent.call("POST", f"/v1/sales/{sale_id}/late", late)
            assert reply.status == 200, reply.raw
    finally:
        agent.kill()
    engines = open_sqlite(folder / "till.db")
    with engines.reader.connect() as c:
        assert check_journal(c).findings == ()
        for sale_id, uid in confirmed.items():
            found = committed_sales.find_sale_by_id(c, sale_id)
            assert found is not None
            assert found.uid == uid
        assert outbox.depth(c) == 1 + len(confirmed) + len(refused)
    engines.dispose()
