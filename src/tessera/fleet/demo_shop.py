"""The demo's shop: which commands set it up, and how its parts are started and ended.

Owns: the folder, the settings files, the processes of one demo. Must never: hold a total.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from tessera.core.errors import TesseraError
from tessera.fleet.pos import Pos
from tessera.fleet.shop import (
    LineThread,
    Program,
    answers,
    free_port,
    run_command,
    run_json,
    wait_until,
)

CARD = "2001234567893"
"""An EAN-13 of the range that shops number themselves; its check digit is right."""
MEMBER = "demo-member"
STORE, REGISTER = "store-1", "till-1"
FIRST_FEED_S_MAX = 120.0
Say = Callable[[str], None]


class DemoShop:
    """Central, a line, a register with a scanner, all real, in one folder."""

    def __init__(self, folder: Path, say: Say, *, agent_port: int = 0) -> None:
        self.folder = folder
        self.central_config = folder / "central.toml"
        self.agent_config = folder / "agent.toml"
        self._say = say
        self.central_port = free_port()
        self.agent_port = agent_port or free_port()
        self.central = Program(
            "central",
            ("central", "serve", "--config", str(self.central_config)),
            folder / "central.log",
        )
        self.agent = Program(
            "agent", ("agent", "serve", "--config", str(self.agent_config)), folder / "agent.log"
        )
        self.line: LineThread | None = None
        self.now = datetime.now().astimezone()

    def command(self, *words: str) -> str:
        """Run and show a `tessera` command, as a person would type it."""
        self.show(*words)
        return run_command(*words)

    def show(self, *words: str) -> None:
        """Show a command, the demo's folder as a dot."""
        shown = " ".join(words).replace(str(self.folder), ".")
        self._say(f"$ tessera {shown.replace(str(programme_file().parents[2]) + '/', '')}")

    def open(
        self,
        *,
        reader: str,
        leased: int,
        opening: int,
        reader_profile: str = "generic-cr",
    ) -> Pos:
        """Set everything up and start it; the POS that is paired with the agent.

        `reader`: the scanner's device, empty for none.
        """
        config = ("--config", str(self.central_config))
        self._write_central_settings(leased)
        words = ("central", "register", "add", "--store", STORE, "--register", REGISTER)
        self.show(*words, *config)
        code = str(run_json(*words, *config)["code"])
        self._add_member(opening)
        self.command("central", "programme", "release", str(programme_file()), *config)
        self.central.start(lambda: answers(self.central_port))
        self.line = LineThread(self.central_port)
        self._write_agent_settings(reader, reader_profile)
        self.command("agent", "enrol", "--config", str(self.agent_config), "--code", code)
        token = str(
            run_json("agent", "pair", "--pos", "pos-1", "--config", str(self.agent_config))["token"]
        )
        took_s = self.start_agent()
        self._say(f"central and agent are up; the agent was ready after {took_s:.1f} s")
        pos = Pos(
            port=self.agent_port,
            token=token,
            business_day=self.now.date().isoformat(),
            store_time=self.now.isoformat(timespec="seconds"),
        )
        took_s = wait_until(
            lambda: (
                pos.lookup(CARD).body["member"]["status"] == "known"
                and pos.status()["bundle"] is not None
            ),
            seconds=FIRST_FEED_S_MAX,
            what="members and programme reaching the till",
        )
        self._say(f"members and programme were on the till {took_s:.1f} s later")
        return pos

    def start_agent(self) -> float:
        """Start the agent (again); seconds until it answered."""
        return self.agent.start(lambda: answers(self.agent_port))

    def cut(self) -> None:
        """Pull the cable between agent and central."""
        assert self.line is not None
        self.line.cut()

    def mend(self) -> None:
        """Plug it in again."""
        assert self.line is not None
        self.line.mend()

    def close(self) -> None:
        """End every process, politely first."""
        try:
            self.agent.stop()
            self.central.stop()
        finally:
            self.agent.kill()
            self.central.kill()
            if self.line is not None:
                self.line.close()

    def _add_member(self, opening: int) -> None:
        members = self.folder / "members.jsonl"
        member = {
            "member_id": MEMBER,
            "display_name": "A. M.",
            "tier": "silver",
            "store": STORE,
            "cards": [CARD],
            "balances": {"points": opening},
        }
        members.write_text(json.dumps(member) + "\n")
        self.command("central", "member", "import", str(members), *self._central_words())

    def _central_words(self) -> tuple[str, ...]:
        return ("--config", str(self.central_config))

    def _write_central_settings(self, leased: int) -> None:
        self.central_config.write_text(
            f"""data_dir = "central"
lease_cap = {leased}

[listen]
port = {self.central_port}
"""
        )

    def _write_agent_settings(self, reader: str, profile: str) -> None:
        assert self.line is not None
        scanner = (
            f'\n[[readers]]\nid = "scanner"\nprofile = {json.dumps(profile)}\n'
            f"port = {json.dumps(reader)}\n"
        )
        self.agent_config.write_text(
            f"""data_dir = "till"

[listen]
port = {self.agent_port}

[central]
url = "http://127.0.0.1:{self.line.port}"
"""
            + (scanner if reader else "")
        )


def programme_file() -> Path:
    """The demo's programme: from the source tree, or from the installed package."""
    for folder in (Path(__file__).parents[3] / "config", Path(str(files("tessera"))) / "config"):
        found = folder / "programmes" / "corner-shop.yaml"
        if found.is_file():
            return found
    raise TesseraError(
        "the demo's programme config/programmes/corner-shop.yaml is not there",
        hint=f"run the demo from a checkout; this is {sys.prefix}",
    )
