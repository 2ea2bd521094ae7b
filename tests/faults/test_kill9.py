"""Kill -9 at random moments, a line that drops and repeats: every confirmed sale counts once.

Real processes, a real database on disk, real sockets. The POS asks again until it has an answer, as
every POS must; what it was told is held against central's ledger at the end.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tessera.fleet.demo_shop import CARD, MEMBER, REGISTER, DemoShop
from tessera.fleet.line import Fault
from tessera.fleet.pos import Answer, Json, NoAnswer, Pos, goods
from tessera.fleet.shop import answers, run_json, run_json_lines, wait_until
from tests.support.forking import COMMITTED, INSIDE, QUIET, Forking, after

OPENING_POINTS = 1000


@dataclass
class Soak:
    """What happened so far."""

    forking: Forking
    shop: DemoShop
    pos: Pos
    chance: random.Random
    kill_within_s: float = 0.0
    agent_pid: int = 0
    central_pid: int = 0
    confirmed: dict[str, Json] = field(default_factory=dict)
    fell: Counter[str] = field(default_factory=Counter)

    def start_agent(self) -> None:
        words = ("agent", "serve", "--config", str(self.shop.agent_config))
        self.agent_pid = self.forking.start(*words)
        self._until_up(self.shop.agent_port)

    def start_central(self) -> None:
        words = ("central", "serve", "--config", str(self.shop.central_config))
        self.central_pid = self.forking.start(*words)
        self._until_up(self.shop.central_port)

    def _until_up(self, port: int) -> None:
        try:
            wait_until(lambda: answers(port), seconds=30, what=f"port {port} answering")
        except Exception as error:
            raise AssertionError(self.forking.log_end()) from error

    def take_aim(self) -> None:
        """Measure how long the first completion of a fresh agent takes here and now.

        Kills are spread over one and a half times that, from before BEGIN to after the answer.
        """
        basket = self.pos.basket(
            [goods("1", sku="1", each_minor=100, category="household")], cards=[CARD]
        )
        took: list[float] = []
        for number in range(3):
            sale_id = f"aim-{number}"
            quote = self.pos.quote(sale_id, basket).body
            answer = self.pos.complete(sale_id, basket, quote)
            self.confirmed[sale_id] = answer.body
            took.append(answer.took_ms / 1000)
            self.forking.kill(self.agent_pid)
            self.start_agent()
        self.kill_within_s = 1.5 * sorted(took)[1]

    def sell_under_fire(self, number: int) -> None:
        """Complete one sale while something is killed; ask again until it is answered."""
        sale_id = f"soak-{number}"
        cents = 100 * self.chance.randint(1, 60)
        line = goods("1", sku="4000000000068", each_minor=cents, category="household")
        basket = self.pos.basket([line], cards=[CARD])
        quote = self.pos.quote(sale_id, basket).body
        self.forking.marker.state = QUIET
        got: list[Answer] = []

        def ask() -> None:
            try:
                got.append(self.pos.complete(sale_id, basket, quote))
            except NoAnswer:
                return

        asking = threading.Thread(target=ask)
        kills_central = self.chance.random() < 0.2
        pid = self.central_pid if kills_central else self.agent_pid
        killing = after(self.chance.uniform(0, self.kill_within_s), lambda: self.forking.kill(pid))
        asking.start()
        asking.join()
        killing.join()
        self._count(kills_central=kills_central, answered=bool(got))
        if kills_central:
            self.start_central()
        else:
            self.start_agent()
        answer = got[0] if got else self.pos.complete(sale_id, basket, quote)
        assert answer.is_fine, answer
        self.confirmed[sale_id] = answer.body

    def _count(self, *, kills_central: bool, answered: bool) -> None:
        state = self.forking.marker.state
        if kills_central:
            self.fell["central"] += 1
        elif answered:
            self.fell["agent, after the answer"] += 1
        elif state in (INSIDE, COMMITTED):
            self.fell["agent, between BEGIN and the answer"] += 1
        else:
            self.fell["agent, before BEGIN"] += 1


def faults(chance: random.Random) -> Callable[[], Fault]:
    """One exchange in five goes wrong, in each of the three ways."""
    wrong = [Fault.DROP_REQUEST, Fault.DROP_REPLY, Fault.REPEAT]
    return lambda: chance.choice(wrong) if chance.random() < 0.2 else Fault.NONE


@pytest.fixture
def forking(tmp_path: Path) -> Iterator[Forking]:
    with Forking(tmp_path) as warm:
        yield warm


def soak(forking: Forking, folder: Path, *, kills: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    shop = DemoShop(folder, say=lambda _text: None)
    try:
        pos = shop.open(reader="", leased=300, opening=OPENING_POINTS)
        shop.agent.stop()
        shop.central.stop()
        assert shop.line is not None
        shop.line.line.choose = faults(random.Random(seed + 1))
        state = Soak(forking, shop, pos, chance)
        state.start_central()
        state.start_agent()
        state.take_aim()
        for number in range(kills):
            state.sell_under_fire(number)
        wait_until(
            lambda: pos.status()["queue"]["waiting"] == 0, seconds=120, what="the queue being empty"
        )
        hold_against_central(state)
        counts = Counter(state.fell)
        counts.update({str(fault): n for fault, n in shop.line.line.counts.items()})
        return counts
    finally:
        shop.close()


def hold_against_central(state: Soak) -> None:
    """Every sale that the POS was told of is at central once, and nothing else is."""
    config = ("--config", str(state.shop.central_config))

    def booked() -> Counter[str]:
        rows = run_json_lines("central", "records", "--register", REGISTER, *config)
        return Counter(row["sale_id"] for row in rows if row["state"] == "applied")

    wait_until(lambda: booked().total() >= len(state.confirmed), seconds=60, what="booking")
    assert booked() == Counter(dict.fromkeys(state.confirmed, 1))
    earned = sum(unit["earned"] for body in state.confirmed.values() for unit in body["units"])
    balances = run_json("central", "ledger", MEMBER, *config)["balances"]
    assert balances["points"]["points"] == OPENING_POINTS + earned
    assert run_json("central", "verify", *config)["differences"] == []


@pytest.mark.timeout(400)
def test_twenty_kills_lose_no_sale_and_double_none(forking: Forking, tmp_path: Path) -> None:
    counts = soak(forking, tmp_path, kills=20, seed=20261121)
    print(json.dumps(counts))
    assert counts["agent, between BEGIN and the answer"] > 0
    assert counts["central"] > 0


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_thousand_kills_lose_no_sale_and_double_none(forking: Forking, tmp_path: Path) -> None:
    counts = soak(forking, tmp_path, kills=2_000, seed=7)
    print(json.dumps(counts))
    assert counts["agent, between BEGIN and the answer"] >= 200
    assert counts["drop-reply"] > 0
    assert counts["repeat"] > 0
