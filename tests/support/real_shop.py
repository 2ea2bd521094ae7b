"""A whole shop of real parts: central and agents as processes, lines between them to cut."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tessera.central.enrol import add_register
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central, opened
from tessera.central.programmes import release_programme
from tessera.central.recheck import SAME
from tessera.central.rechecking import recheck_register
from tessera.central.seeds import add_seed
from tessera.central.settings import CentralSettings, DatabaseSettings
from tessera.fleet.shop import LineThread, Program, answers, free_port, run_command
from tests.store.central.parts import differences, points
from tests.support.agent import Agent, basket, running_agent, settings_file
from tests.support.waiting import wait_until

STORE = "store-1"
MEMBERS = tuple(f"m-{number}" for number in range(1, 10))
"""One for each test of a shop that several share."""
WAIT_S = 60.0


@dataclass
class Register:
    """One register: its agent and the line between it and central."""

    agent: Agent
    line: LineThread

    def status(self) -> Any:
        return self.agent.call("GET", "/v1/status").json

    def cut(self) -> None:
        """Pull the cable, and wait until the agent knows."""
        self.line.cut()
        wait_until(
            lambda: self.status()["mode"] == "offline", what="the till is offline", timeout_s=WAIT_S
        )

    def mend(self) -> None:
        self.line.mend()
        wait_until(
            lambda: self.status()["mode"] == "online", what="the till is online", timeout_s=WAIT_S
        )

    def settled(self) -> None:
        """Wait until central has everything of this register and its outcomes are back."""
        wait_until(
            lambda: self.status()["queue"]["waiting"] == 0,
            what="the till's queue is empty",
            timeout_s=WAIT_S,
        )

    def units(self, member: str) -> dict[str, tuple[int, int]]:
        """A member's units as this till knows them: balance and what of it is pending."""
        found = self.agent.call("POST", "/v1/members/lookup", {"card": card_of(member)}).json
        return {unit["unit"]: (unit["balance_after"], unit["pending"]) for unit in found["units"]}


@dataclass
class RealShop:
    """Central and its registers."""

    central: Central
    config: Path
    registers: list[Register] = field(default_factory=list)

    def points(self, member: str, account: str = "points") -> int:
        """What central's books say of a member's account."""
        return points(self.central, member, account)

    def agree(self) -> None:
        """Central's books are in order, and every sale comes out again as it was recorded."""
        assert differences(self.central) == []
        for number, _ in enumerate(self.registers, start=1):
            for one in recheck_register(self.central, f"till-{number}", every=True):
                assert one.verdict.verdict == SAME, one


@contextlib.contextmanager
def real_shop(
    folder: Path,
    programme: str,
    *,
    registers: int = 2,
    seed: bytes = b"",
    wrap: tuple[str, ...] = (),
) -> Iterator[RealShop]:
    """Central with a programme and members, and agents that know both; `wrap` goes before each."""
    port, config = free_port(), folder / "central.toml"
    settings = CentralSettings(
        data_dir=folder / "central",
        database=DatabaseSettings(url=f"sqlite:///{folder / 'central.db'}"),
    )
    config.write_text(
        f'data_dir = "{settings.data_dir}"\n[database]\nurl = "{settings.database.url}"\n'
        f"[listen]\nport = {port}\n"
    )
    with contextlib.ExitStack() as stack:
        central = stack.enter_context(opened(settings))
        codes = [
            add_register(central, store_id=STORE, register_id=f"till-{number}")
            for number in range(1, registers + 1)
        ]
        add_members(
            central,
            [
                NewMember(member_id=name, home_store=STORE, cards=(card_of(name),))
                for name in MEMBERS
            ],
        )
        if seed:
            add_seed(settings.data_dir, seed)
        release, problems = release_programme(central, programme, file="programme.yaml")
        assert release is not None, problems
        serving = Program(
            "central", ("central", "serve", "--config", str(config)), folder / "central.log"
        )
        stack.callback(serving.kill)
        serving.start(lambda: answers(port))
        shop = RealShop(central, config)
        lines = [LineThread(port) for _ in codes]
        for line in lines:
            stack.callback(line.close)
        tills = [folder / f"till-{number}" for number, _ in enumerate(codes, start=1)]
        with ThreadPoolExecutor() as pool:
            configs = list(pool.map(_enrolled, tills, lines, codes))
        for till, line, own in zip(tills, lines, configs, strict=True):
            agent = stack.enter_context(running_agent(till, own, wrap=wrap))
            shop.registers.append(Register(agent, line))
        for register in shop.registers:
            wait_until(
                partial(_is_ready, register, release.bundle),
                what="member and programme are on the till",
                timeout_s=WAIT_S,
            )
        yield shop


def _enrolled(till: Path, line: LineThread, code: str) -> Path:
    """Enrol a till with its own process; its settings file."""
    till.mkdir()
    config = settings_file(till, central={"url": f"http://127.0.0.1:{line.port}"})
    run_command("agent", "enrol", "--config", str(config), "--code", code)
    return config


def card_of(member: str) -> str:
    """The number of a member's card."""
    return f"20012345{member.removeprefix('m-'):0>4}"


def of(member: str, *lines: dict[str, Any]) -> dict[str, Any]:
    """A basket of a member."""
    return basket(*lines, card=card_of(member))


def _is_ready(register: Register, bundle: str) -> bool:
    found = register.agent.call("POST", "/v1/members/lookup", {"card": card_of("m-1")}).json
    status = register.status()
    is_online = status["mode"] == "online"
    return found["member"]["status"] == "known" and bundle in str(status) and is_online
