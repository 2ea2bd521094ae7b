"""Recognisable secrets and personal data go through a whole shop; nothing of them comes out again.

Agent and central are real processes that log all they can. Everything that can go wrong is made to:
unknown cards, bad requests, refused enrolments, failing databases, kills, records that cannot be
booked. Then every log, every command's words, every file, journal and batch is searched.
"""

import base64
import contextlib
import gzip
import http.client
import io
import json
import os
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tessera.cli.main import main
from tessera.store.central import schema
from tessera.store.engine import Engines, open_sqlite
from tests.support.agent import Agent, basket, milk, paid, start
from tests.support.real_shop import STORE, RealShop, Register, real_shop
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
WAIT_S = 90.0
PROGRAMME = """\
programme: planted
currency: EUR
units:
  points: {name: {en: points}, value: 0.01, redeem: tender}
offers:
  spring:
    trigger: {coupon: "SPRING-*", single_use: yes}
    give: 1.00 off the basket
  points:
    who: members
    give: 1 point for every whole 1.00
"""
CARD = "2411992288337"
UNKNOWN_CARD = "2499887766554"
PAYMENT_CARD = "4929123488885555"
NAME, LATER_NAME = "Quillfeather Z.", "Brambleworth Q."
PERSON = "Thistlewick Abernathy"
NEW_CARD = "2001111111119"
PHONE = "+49 170 9988776"
MAIL = "planted.person@shop.example"
WRONG_CODE = "ZZZZ-YYYY-XXXX"
STRANGE_TOKEN = "planted-token-of-nobody"
PASSWORD = "planted-database-password"


@dataclass
class Run:
    """What a run said and left behind."""

    folder: Path
    secrets: dict[str, set[bytes]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def plant(self, name: str, *values: str | bytes) -> None:
        """Look for a value in every form that it may come out in."""
        forms = self.secrets.setdefault(name, set())
        for value in values:
            raw = value if isinstance(value, bytes) else value.encode()
            forms |= {raw}
            if isinstance(value, bytes):
                forms |= {raw.hex().encode(), raw.hex().upper().encode()}
                forms |= {base64.b64encode(raw), base64.urlsafe_b64encode(raw)}
            else:
                forms |= {urllib.parse.quote(value).encode(), value.lower().encode()}
                forms |= {json.dumps(value)[1:-1].encode(), value.replace(" ", "").encode()}
                forms |= {form.replace(b"-", b"") for form in forms}

    def command(self, *words: str) -> str:
        """Run a command; whatever it says is searched later."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(list(words))
        self.said[f"{len(self.said)}: tessera {' '.join(words)[:80]}"] = (
            out.getvalue() + err.getvalue()
        )
        return out.getvalue()

    def found_in(self, raw: bytes) -> set[str]:
        """Which planted things stand in some bytes."""
        return {
            name
            for name, forms in self.secrets.items()
            if any(form in raw or form in raw.lower() for form in forms)
        }


@contextlib.contextmanager
def away(database: Path, table: str) -> Iterator[None]:
    """A table is gone for a while: whoever needs it fails inside, in the middle of its work."""
    engines = open_sqlite(database)
    try:
        with engines.writer.begin() as tx:
            tx.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_away")
        try:
            yield
        finally:
            with engines.writer.begin() as tx:
                tx.exec_driver_sql(f"ALTER TABLE {table}_away RENAME TO {table}")
    finally:
        engines.dispose()


def is_known(agent: Agent, card: str) -> bool:
    found = agent.call("POST", "/v1/members/lookup", {"card": card}).json
    return bool(found["member"]["status"] == "known")


def ask(agent: Agent, method: str, path: str, body: Any = None, **headers: str) -> None:
    """A request whose answer does not matter; it must only be one."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        assert agent.call(method, path, body, headers=headers).status


def bad_requests(run: Run, agent: Agent) -> None:
    """Everything that a POS, a page or a stranger may send wrongly, with planted values in it."""
    for card in (UNKNOWN_CARD, PAYMENT_CARD, MAIL, NAME, "x" * 200 + CARD):
        ask(agent, "POST", "/v1/members/lookup", {"card": card})
        ask(agent, "POST", "/v1/scans", {"code": card, "symbology": "code128"})
        ask(agent, "PUT", "/v1/sales/bad", {**basket(card=card), "currency": 7})
    ask(agent, "POST", "/v1/members/lookup", {"phone": PHONE})
    for wrong in ({"phone": NAME}, {"email": NAME}, {"birthday": MAIL}, {"language": MAIL}):
        ask(agent, "POST", "/v1/members", {"enrolment_id": "e-9", "name": PERSON, **wrong})
    ask(agent, "POST", "/v1/members", {"enrolment_id": "e-9", "card": PAYMENT_CARD, PERSON: MAIL})
    ask(agent, "POST", "/v1/members/lookup", {"phone": PHONE, MAIL: NAME})
    for body in (f'{{"card": "{CARD}", "n": {NAME}'.encode(), {"card": {CARD: PHONE}}, [MAIL]):
        ask(agent, "POST", "/v1/members/lookup", body)
        ask(agent, "POST", "/v1/quote", body)
    token = {"Authorization": f"Bearer {STRANGE_TOKEN}"}
    ask(agent, "GET", "/v1/status", None, **token)
    ask(agent, "GET", f"/v1/{urllib.parse.quote(NAME)}?card={CARD}", None)
    page = agent.call("GET", "/")
    cookie = page.headers["set-cookie"].split(";")[0]
    run.plant("cookie", cookie.partition("=")[2])
    ask(agent, "POST", "/panel/rewards", f"offer={CARD}".encode(), Cookie=cookie + "x")
    ask(agent, "POST", "/panel/language", f"language={NAME}".encode(), Cookie=cookie)


def sales(run: Run, register: Register, codes: list[str]) -> None:
    """A sale with card and coupon, the coupon again, one that the disk refuses, one left open."""
    agent = register.agent
    given = {**basket(milk(), card=CARD), "coupons": [codes[0]]}
    agent.sell("1", given)
    agent.put("2", {**given, "coupons": [codes[0], codes[1]]})
    agent.put("3", {**basket(milk(), card=CARD), "coupons": [codes[1] + "X", WRONG_CODE]})
    quote = agent.put("4", basket(milk(), card=CARD))
    with away(run.folder / "till-1" / "till.db", "outbox"):
        ask(agent, "POST", "/v1/sales/4/complete", paid(basket(milk(), card=CARD), quote))
    agent.sell("5", basket(milk(), card=CARD))
    register.settled()


def enrolments(run: Run, register: Register) -> None:
    """A new member: refused by the disk, then taken, while central fails on the person."""
    given = {
        "enrolment_id": "e-1",
        "card": NEW_CARD,
        "phone": PHONE,
        "name": PERSON,
        "email": MAIL,
        "birthday": "07-31",
    }
    with away(run.folder / "till-1" / "till.db", "profile_outbox"):
        ask(register.agent, "POST", "/v1/members", given)
    with away(run.folder / "central.db", "profile"):
        told = register.agent.call("POST", "/v1/members", given)
        assert told.status == 200, told.raw
        run.said["the answer to an enrolment"] = told.raw.decode()
        wait_until(
            lambda: "failed" in register.status()["last_error"],
            what="central fails on it",
            timeout_s=WAIT_S,
        )
    central = open_sqlite(run.folder / "central.db")
    try:
        wait_until(
            lambda: _has_person(central),
            what="central has the person",
            timeout_s=WAIT_S,
        )
    finally:
        central.dispose()


def _has_person(central: Engines) -> bool:
    with central.reader.connect() as c:
        return PERSON in c.exec_driver_sql("SELECT full_name FROM profile").scalars().all()


def failing_central(run: Run, shop: RealShop, register: Register) -> None:
    """Central fails on booking and on what strangers send; a till on a member's row."""
    central = run.folder / "central.db"
    with away(central, "sale"):
        register.agent.sell("6", basket(milk(), card=CARD))
        register.settled()
    with away(run.folder / "till-1" / "till.db", "member"):
        run.command(
            *("central", "member", "add", "--member", "m-late", "--name", LATER_NAME),
            *("--card", "2411992288344", "--store", STORE, "--config", str(shop.config)),
        )
        wait_until(
            lambda: register.status()["last_error"] or _mentions(register.agent, "member"),
            what="the till fails on it",
            timeout_s=WAIT_S,
        )
    port = shop.config.read_text().rpartition("port = ")[2].strip()
    line = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    bad = {"code": {WRONG_CODE: NAME}, "public_key": CARD, "host": MAIL}
    for path, body in (("/v1/enrol", bad), ("/v1/heartbeat", {"register": CARD * 9})):
        line.request("POST", path, json.dumps(body), {"Tessera-Request": f"v1 {CARD} {PHONE}"})
        line.getresponse().read()
    line.close()


def _mentions(agent: Agent, word: str) -> bool:
    return any(word in line and "failed" in line for line in agent.log)


def commands(run: Run, shop: RealShop) -> None:
    """What a help desk types, and what goes wrong with it."""
    till, central = ("--config", str(run.folder / "till-1.toml")), ("--config", str(shop.config))
    run.command("agent", "status", *till)
    run.command("agent", "queue", *till)
    run.command("agent", "journal", "verify", *till)
    run.command("doctor", *till)
    run.command("agent", "enrol", *till, "--code", WRONG_CODE)
    other = run.folder / "till-2.toml"
    other.write_text((run.folder / "till-1.toml").read_text().replace("till-1", "till-2"))
    run.command("agent", "enrol", "--config", str(other), "--code", WRONG_CODE)
    for words in (
        ("status",),
        ("alarms",),
        ("quarantine", "list"),
        ("records", "--register", "till-1"),
        ("register", "list"),
        ("coupon", "list"),
        ("keys", "show"),
        ("verify",),
        ("ledger", "m-planted"),
        ("member", "deeds", "m-planted"),
        ("member", "waiting"),
        ("draws",),
        ("lease", "list"),
    ):
        run.command("central", *words, *central)
    wrong = run.folder / "wrong.toml"
    wrong.write_text(
        f'data_dir = "{run.folder / "central"}"\n[database]\n'
        f'url = "postgresql://tessera:{PASSWORD}@127.0.0.1:1/none"\n'
    )
    run.command("central", "status", "--config", str(wrong))
    run.command("central", "verify", "--config", str(wrong), "--json")


TILL_DATABASE = {"till.db", "till.db-wal", "till.db-shm"}
ALLOWED = {
    # A sale that is not finished keeps its coupons, real or not, so that it outlives a kill.
    "coupon": TILL_DATABASE,
    "code": TILL_DATABASE,
    "name": TILL_DATABASE | {"central.db", "central.db-wal"},
    # Somebody who was enrolled at the till: on the way there, and in their profile.
    "phone": TILL_DATABASE | {"central.db", "central.db-wal"},
    "mail": TILL_DATABASE | {"central.db", "central.db-wal"},
    "register key": {"register.key"},
    "card key": {"card.key"},
    "online key": {"central.key"},
    "root key": {"root.key"},
    "first token": {"pairing.token"},
}
"""Where a planted thing may lie, and nowhere else: in files that their owner alone may read."""


def private_bytes(path: Path) -> bytes:
    raw = path.read_bytes()
    with contextlib.suppress(ValueError):
        return bytes.fromhex(raw.decode("ascii").strip())
    return raw


def records_of(run: Run) -> dict[str, bytes]:
    """Journals, batches as they were on the line, and parked records, as bytes."""
    kept: dict[str, bytes] = {}
    till = open_sqlite(run.folder / "till-1" / "till.db")
    with till.reader.connect() as c:
        kept["journal"] = b"\n".join(c.exec_driver_sql("SELECT raw FROM journal").scalars())
        kept["outbox"] = repr(c.exec_driver_sql("SELECT * FROM outbox").all()).encode()
    till.dispose()
    central = open_sqlite(run.folder / "central.db")
    with central.reader.connect() as c:
        bodies = c.execute(schema.INBOX.select()).mappings().all()
        kept["batches"] = b"\n".join(gzip.decompress(row["body"]) for row in bodies)
        kept["heads"] = b"\n".join(row["head"] for row in bodies)
        kept["parked"] = b"\n".join(
            row["raw"] for row in c.execute(schema.QUARANTINE.select()).mappings()
        )
        kept["alarms"] = repr(c.execute(schema.ALARM.select()).all()).encode()
        kept["heartbeats"] = repr(c.execute(schema.HEARTBEAT.select()).all()).encode()
    central.dispose()
    return kept


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What is known beforehand is planted; agent and central log all they can."""
    monkeypatch.setenv("TESSERA__LOG__LEVEL", "debug")
    run = Run(tmp_path)
    run.plant("card", CARD, UNKNOWN_CARD)
    run.plant("payment card", PAYMENT_CARD)
    run.plant("name", NAME, LATER_NAME, PERSON)
    run.plant("new card", NEW_CARD)
    run.plant("phone", PHONE, "+491709988776")
    run.plant("mail", MAIL)
    run.plant("code", WRONG_CODE)
    run.plant("strange token", STRANGE_TOKEN)
    run.plant("password", PASSWORD)
    return run


def plant_what_was_made(run: Run, shop: RealShop) -> list[str]:
    """Keys, tokens and codes of this very shop; the coupons."""
    central, till = ("--config", str(shop.config)), run.folder / "till-1"
    run.plant("register key", private_bytes(till / "register.key"))
    run.plant("card key", private_bytes(till / "card.key"))
    run.plant("online key", private_bytes(run.folder / "central" / "central.key"))
    run.plant("root key", private_bytes(run.folder / "central" / "root.key"))
    run.plant("pairing token", shop.registers[0].agent.token)
    run.plant("first token", (till / "pairing.token").read_text().strip())
    file = run.folder / "planted.yaml"
    file.write_text(PROGRAMME)
    issued = run.command(
        "central", "coupon", "issue", str(file), "--offer", "spring", "--count", "3", *central
    ).split()
    run.said.popitem()  # The one place where codes are said, to who asked for them.
    run.plant("coupon", *issued)
    told = run.command(
        "central", "register", "add", "--store", STORE, "--register", "till-9", *central
    )
    run.said.popitem()  # As is this one.
    codes = [word for word in told.split() if word.count("-") == 2 and word.isupper()]
    run.plant("enrolment code", *codes)
    assert (len(issued), len(codes)) == (3, 1)
    return issued


def lived_through(run: Run) -> None:
    """A shop's day on which everything goes wrong that can."""
    with real_shop(run.folder, PROGRAMME, registers=1) as shop:
        register = shop.registers[0]
        agent = register.agent
        issued = plant_what_was_made(run, shop)
        run.command(
            *("central", "member", "add", "--member", "m-planted", "--name", NAME, "--card", CARD),
            *("--store", STORE, "--config", str(shop.config)),
        )
        wait_until(lambda: is_known(agent, CARD), what="the member is known", timeout_s=WAIT_S)
        sales(run, register, issued)
        enrolments(run, register)
        bad_requests(run, agent)
        failing_central(run, shop, register)
        agent.put("7", {**basket(milk(), card=CARD), "coupons": [issued[2]]})
        agent.kill()
        run.said["agent's log until the kill"] = "".join(agent.log)
        register.agent = agent = start(run.folder / "till-1", run.folder / "till-1.toml")
        try:
            run.plant("pairing token", agent.token)
            commands(run, shop)
            assert agent.stop() == 0
        finally:
            if agent.process.poll() is None:
                agent.kill()
        run.said["agent's log after the kill"] = "".join(agent.log)
    run.said["central's log"] = (run.folder / "central.log").read_text()


def test_nothing_planted_comes_out_anywhere(run: Run) -> None:
    lived_through(run)
    assert "no such table" in run.said["agent's log until the kill"]
    assert "Traceback" in run.said["central's log"]
    said = {where: run.found_in(text.encode()) for where, text in run.said.items()}
    assert {where: found for where, found in said.items() if found} == {}
    kept = {name: run.found_in(raw) for name, raw in records_of(run).items()}
    assert {name: found for name, found in kept.items() if found} == {}
    misplaced, open_to_others = {}, {}
    for path in sorted(run.folder.rglob("*")):
        if not path.is_file() or path.name == "wrong.toml":
            continue
        found = run.found_in(path.read_bytes())
        where = str(path.relative_to(run.folder))
        if strays := {name for name in found if path.name not in ALLOWED.get(name, ())}:
            misplaced[where] = strays
        if found and path.stat().st_mode & 0o077 and not _is_closed(path, run.folder):
            open_to_others[where] = found
    assert (misplaced, open_to_others) == ({}, {})


def _is_closed(path: Path, top: Path) -> bool:
    """Whether a folder above lets nobody else in."""
    return any(
        parent.stat().st_mode & 0o077 == 0 for parent in path.parents if top in parent.parents
    )


def test_the_search_finds_what_it_is_to_find(tmp_path: Path) -> None:
    """Else a run without findings says nothing."""
    run = Run(tmp_path)
    run.plant("key", os.urandom(32))
    run.plant("code", "AB12-CD34-EF56")
    run.plant("mail", MAIL)
    raw = next(form for form in run.secrets["key"] if len(form) == 32)
    assert run.found_in(b"x" + raw + b"y") == {"key"}
    assert run.found_in(raw.hex().encode()) == {"key"}
    assert run.found_in(base64.b64encode(raw)) == {"key"}
    assert run.found_in(b"say ab12cd34ef56 now") == {"code"}
    assert run.found_in(f"card={urllib.parse.quote(MAIL)}".encode()) == {"mail"}
    assert run.found_in(b"nothing") == set()
