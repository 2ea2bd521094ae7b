"""A real agent process on a till that knows a member, and a POS that calls it."""

import contextlib
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tessera.agent.pairing import PairedPos, pair
from tessera.core.cards import CardHasher
from tessera.store.till import cached_members, kept_bundles, leases
from tessera.store.till.values import AccountState, CachedMember, Grant, KeptBundle
from tessera.sync.wire import content_hash
from tests.support.till import LIFE, enrolled_till
from tests.support.waiting import wait_until

CARD = "2001234567893"
BLOCKED_CARD = "2009999999996"
CARD_KEY = bytes(range(32))
TODAY = datetime.now(UTC).date()
"""The agents' clocks are real, so a sale is of today: a day apart they say `clock-doubt`."""
DAY = TODAY.isoformat()
STORE_TIME = f"{DAY}T10:15:00+01:00"
EVENING = f"{DAY}T22:00:00+01:00"
"""Later than `STORE_TIME`, and within a day of any clock of today."""
START_S_MAX = 60.0

PROGRAMME = """\
programme: corner-shop
currency: EUR
languages: [en]
units:
  points: {name: {en: points}, value: 0.01, redeem: tender, step: 100}
offers:
  dairy-10:
    name: {en: 10 % off dairy}
    who: members
    what: category dairy
    give: 10 % off
  points:
    name: {en: points}
    who: members
    give: 1 point for every whole 1.00
"""


def days_later(days: int) -> str:
    """A later day than `DAY`, in ISO 8601."""
    return (TODAY + timedelta(days=days)).isoformat()


def milk(line_id: str = "1", *, quantity: int = 2) -> dict[str, Any]:
    """Milk at 2.50 the piece, 19 % tax included."""
    return {
        "id": line_id,
        "sku": "4006381333931",
        "text": "milk",
        "quantity": str(quantity),
        "unit_price": "2.50",
        "amount_minor": 250 * quantity,
        "taxes": [{"code": "A", "rate": "0.19", "included": True}],
        "categories": ["dairy"],
    }


def basket(*lines: dict[str, Any], card: str = CARD, points: int = 0) -> dict[str, Any]:
    """A basket with these lines (two of milk without any), for the member of `card`."""
    return {
        "store_time": STORE_TIME,
        "business_day": DAY,
        "currency": "EUR",
        "member": {"cards": [card]} if card else None,
        "redemptions": [{"unit": "points", "amount": points}] if points else [],
        "lines": list(lines) or [milk()],
    }


def paid(given: dict[str, Any], quote: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The completion of a quoted basket, paid in cash."""
    due = quote["totals"]["due_minor"]
    return {
        **given,
        "quote_id": quote["quote_id"],
        "tenders": [{"kind": "cash", "amount_minor": due}],
        "total_taken_minor": due,
        **changes,
    }


def stocked_till(folder: Path, *, programme: str = PROGRAMME, **identity: object) -> None:
    """A till in `folder`: enrolled, with a programme, a member with 1,000 points of which 500 are
    leased here, and a blocked member."""
    engines = enrolled_till(folder, **identity)
    hasher = CardHasher(key_id=1, key=CARD_KEY)
    (folder / "card.key").write_bytes(CARD_KEY)
    (folder / "register.key").write_bytes(bytes(32))
    bundle = content_hash(programme.encode())
    with engines.writer.begin() as tx:
        cached_members.apply_member(
            tx,
            [
                CachedMember(member_id="m-1", version=1, tier="silver", display_name="A. M."),
                CachedMember(member_id="m-2", version=1, status="blocked", display_name="B. L."),
            ],
        )
        for number, member in ((CARD, "m-1"), (BLOCKED_CARD, "m-2")):
            cached_members.apply_card(
                tx,
                card_hash=hasher.card(number),
                key_id=1,
                member_id=member,
                version=1,
                active=True,
            )
        cached_members.apply_balance(
            tx, "m-1", AccountState(account="points", points=1000, leased=500, version=1)
        )
        leases.grant(
            tx,
            [
                Grant(
                    lease_id="l-1",
                    member_id="m-1",
                    unit="points",
                    amount=500,
                    incarnation=LIFE,
                    generation="g1",
                    signature="",
                )
            ],
        )
        kept_bundles.keep(tx, KeptBundle(hash=bundle, text=programme, number=1))
        kept_bundles.activate(tx, bundle)
    engines.dispose()


def settings_file(folder: Path, **tables: dict[str, object]) -> Path:
    """A settings file for a till in `folder`, on a free port."""
    lines = [f'data_dir = "{folder}"', 'time_zone = "Europe/Berlin"']
    # What an answer holds is tested on machines of any speed; how soon it comes, in benchmarks.
    top = {"quote_deadline_ms": 5000, **tables.pop("top", {})}
    lines += [f"{name} = {json.dumps(value)}" for name, value in top.items()]
    tables = {"listen": {"port": 0}, "disk": {"reserve_mb": 0, "benefits_stop_mb": 0}, **tables}
    for table, values in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path = folder.parent / f"{folder.name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass(frozen=True)
class Reply:
    """An answer of the agent."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Agent:
    """A running agent process and the token of a POS paired with it."""

    process: subprocess.Popen[str]
    port: int
    token: str
    log: list[str]
    draining: threading.Thread

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request; `body` as JSON, or bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, content if body is not None else None, sent)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        return Reply(response.status, dict(response.getheaders()), raw)

    def put(self, sale_id: str, given: dict[str, Any]) -> Any:
        """A quote that must succeed."""
        reply = self.call("PUT", f"/v1/sales/{sale_id}", given)
        assert reply.status == 200, reply.raw
        return reply.json

    def complete(self, sale_id: str, given: dict[str, Any]) -> Any:
        """A completion that must succeed."""
        reply = self.call("POST", f"/v1/sales/{sale_id}/complete", given)
        assert reply.status == 200, reply.raw
        return reply.json

    def sell(self, sale_id: str, given: dict[str, Any]) -> Any:
        """A quote and its completion."""
        return self.complete(sale_id, paid(given, self.put(sale_id, given)))

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """As systemd would; the exit status."""
        self.process.terminate()
        return self._gone()

    def _gone(self) -> int:
        status = self.process.wait(10)
        self.draining.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


def launch(config: Path, *, wrap: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start `tessera agent serve`; its standard error is a pipe."""
    return subprocess.Popen(
        [*wrap, sys.executable, "-m", "tessera", "agent", "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def start(folder: Path, config: Path, *, wrap: tuple[str, ...] = (), pos: str = "pos-1") -> Agent:
    """Start an agent and wait until it answers a POS of this name."""
    token = pair(folder, PairedPos(name=pos), random=secrets.token_bytes)
    address = folder / "agent.address"
    address.unlink(missing_ok=True)
    process = launch(config, wrap=wrap)
    log: list[str] = []
    assert process.stderr is not None
    draining = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
    draining.start()

    def ready() -> int:
        assert process.poll() is None, "".join(log)
        return int(address.read_text().rsplit(":", 1)[1]) if address.exists() else 0

    def answers(agent: Agent) -> bool:
        with contextlib.suppress(OSError):
            return agent.call("GET", "/healthz").status == 200
        return False

    try:
        port = wait_until(ready, what="the agent's address", timeout_s=START_S_MAX)
        agent = Agent(process, port, token, log, draining)
        wait_until(lambda: answers(agent), what="the agent answers", timeout_s=START_S_MAX)
    except BaseException:
        Agent(process, 0, token, log, draining).kill()
        raise
    return agent


@contextlib.contextmanager
def running_agent(
    folder: Path, config: Path | None = None, *, wrap: tuple[str, ...] = (), pos: str = "pos-1"
) -> Iterator[Agent]:
    """An agent that is gone afterwards, and a POS of this name paired with it."""
    agent = start(folder, config or settings_file(folder), wrap=wrap, pos=pos)
    try:
        yield agent
    finally:
        if agent.process.poll() is None:
            agent.kill()
