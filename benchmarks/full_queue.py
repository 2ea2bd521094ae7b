"""A till on its thirtieth day without a line beside one on its first: starts, quotes, commits.

Two real agents in turn in one run: one with 60,000 sales in its outbox, of which thirty are of the
member who is asked for, one with none. Measured are the time from a start after kill -9 to the
first answer, a quote for the member, and a whole sale. Beside each start stands what five million
additions took just before it, since a start is nearly all Python importing; told as well is what
the start would be on a core that adds as much in 0.3 s. An argument sets the queue.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tessera.store.engine import open_sqlite
from tessera.store.till import committed_sales
from tessera.store.till.values import AccountEffect
from tests.support.agent import Agent, basket, paid, running_agent, settings_file, stocked_till
from tests.support.long_queue import depth, sell
from tests.support.till import key_of, numbered_draft

QUEUE = 60_000
OF_THE_MEMBER = 30
STARTS = 5
QUOTES = 400
SALES = 200
WARM_UP = 20
ADDITIONS = 5_000_000
CORE_S = 0.3
"""What the additions take on the core that the scaled figure is told for."""


def fill(folder: Path, queue: int) -> None:
    """Put `queue` sales into the outbox, the member's own among them."""
    engines = open_sqlite(folder / "till.db")
    for first in range(1, queue - OF_THE_MEMBER, 10_000):
        sell(engines, first, min(10_000, queue - OF_THE_MEMBER - first + 1))
    with engines.writer.begin() as tx:
        for n in range(OF_THE_MEMBER):
            effect = AccountEffect(member_id="m-1", account="points", delta=1)
            committed_sales.commit_record(
                tx, draft=numbered_draft(10**7 + n), effects=[effect], sale=key_of(f"own-{n}")
            )
    assert depth(engines) == queue
    engines.dispose()


def start_ms(folder: Path) -> float:
    """From the start after a kill to the first answer."""
    begun = time.perf_counter()
    with running_agent(folder, settings_file(folder)) as agent:
        took = (time.perf_counter() - begun) * 1e3
        agent.kill()
    return took


def additions_s() -> float:
    """How fast this core is just now, its other work included."""
    begun, count = time.perf_counter(), 0
    while count < ADDITIONS:
        count += 1
    return time.perf_counter() - begun


def quote(agent: Agent, number: int) -> None:
    reply = agent.call("POST", "/v1/quote", basket())
    assert reply.status == 200, (number, reply.raw)


def whole_sale(agent: Agent, number: int) -> None:
    given = basket()
    agent.complete(f"b-{number}", paid(given, agent.put(f"b-{number}", given)))


def show(name: str, took: dict[str, list[float]]) -> None:
    empty, full = (median(took[each]) for each in ("empty", "full"))
    far = {each: sorted(values)[len(values) * 99 // 100] for each, values in took.items()}
    print(
        f"{name:28}{empty:10.2f}{full:10.2f}{full / empty:8.2f}{far['empty']:12.2f}"
        f"{far['full']:10.2f}"
    )


def main() -> None:
    queue = int((sys.argv[1:] or [str(QUEUE)])[0])
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folders = {each: Path(name) / each for each in ("empty", "full")}
        folders["empty"].mkdir()
        stocked_till(folders["empty"])
        shutil.copytree(folders["empty"], folders["full"])
        fill(folders["full"], queue)
        size = (folders["full"] / "till.db").stat().st_size / 1e6
        print(f"{queue:,} queued, {size:.0f} MB")
        print(f"{'':28}{'empty ms':>10}{'full ms':>10}{'ratio':>8}{'p99 empty':>12}{'full':>10}")
        starts: dict[str, list[float]] = {each: [] for each in folders}
        scaled: dict[str, list[float]] = {each: [] for each in folders}
        core: list[float] = []
        for _ in range(STARTS):
            for each, folder in folders.items():
                core.append(additions_s())
                starts[each].append(start_ms(folder))
                scaled[each].append(starts[each][-1] * CORE_S / core[-1])
        show("start after kill -9", starts)
        show(f"… on a core of {CORE_S} s", scaled)
        print(f"five million additions: {min(core):.2f} … {max(core):.2f} s")
        with running_agent(folders["empty"]) as empty, running_agent(folders["full"]) as full:
            agents = {"empty": empty, "full": full}
            for label, work, count in (("quote", quote, QUOTES), ("sale", whole_sale, SALES)):
                took: dict[str, list[float]] = {each: [] for each in agents}
                for number in range(count + WARM_UP):
                    for each, agent in agents.items():
                        begun = time.perf_counter()
                        work(agent, number)
                        if number >= WARM_UP:
                            took[each].append((time.perf_counter() - begun) * 1e3)
                show(f"{label} over loopback", took)
    print("goals: start ≤ 2 s, a quote costs what it costs on the first day")


if __name__ == "__main__":
    main()
