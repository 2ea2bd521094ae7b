"""Keys and certificates change while real agents and a real central go on, and no sale notices."""

import time
from functools import partial
from pathlib import Path

import pytest

from tessera.agent.renewal import read_certificate
from tessera.agent.trusted_roots import read_root_file
from tessera.central.enrol import add_register
from tessera.central.members import NewMember, add_members
from tessera.fleet.shop import run_command
from tessera.store.central import register_book
from tessera.store.engine import open_sqlite
from tessera.store.till import identity_book
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_CERTIFICATE
from tessera.sync.wire import Certificate
from tests.support.agent import PROGRAMME, milk, paid, start
from tests.support.real_shop import STORE, RealShop, Register, card_of, of, real_shop
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000
WAIT_S = 90.0
pytestmark = pytest.mark.timeout(600)


def sell(till: Register, sale_id: str) -> None:
    """Milk for 5.00, minus a tenth for members."""
    given = of("m-1", milk())
    quote = till.agent.put(sale_id, given)
    assert quote["totals"]["due_minor"] == 450
    till.agent.complete(sale_id, paid(given, quote))


def row_of(shop: RealShop, register_id: str) -> register_book.RegisterRow:
    with shop.central.engines.reader.begin() as tx:
        found = register_book.read_register(tx, register_id)
    assert found is not None
    return found


def bring_near_its_end(shop: RealShop, folder: Path) -> None:
    """A certificate of three days of which an hour is left, at the till and at central."""
    now_ms = time.time_ns() // 1_000_000
    engines = open_sqlite(folder / "till.db")
    with engines.writer.begin() as tx:
        identity = identity_book.read_identity(tx)
        assert identity is not None
        known = read_certificate(identity.certificate)
        assert known is not None
        text = encoded(
            Certificate(
                register=known.register,
                store=known.store,
                public_key=known.public_key,
                serial=known.serial,
                issued_ms=now_ms - 71 * HOUR_MS,
                not_after_ms=now_ms + HOUR_MS,
            )
        )
        identity_book.write_certificate(
            tx,
            certificate=text.decode(),
            signature=shop.central.keys.signing.sign(PURPOSE_CERTIFICATE, text).hex(),
        )
    engines.dispose()
    with shop.central.engines.writer.begin() as tx:
        register_book.update_register(tx, known.register, not_after_ms=now_ms + HOUR_MS)


def knows(till: Register, member: str) -> bool:
    found = till.agent.call("POST", "/v1/members/lookup", {"card": card_of(member)}).json
    return bool(found["member"]["status"] == "known")


def notices(till: Register) -> list[str]:
    return [notice["code"] for notice in till.status()["notices"]]


def keys(shop: RealShop, *words: str) -> None:
    """As an administrator types it, beside the running central."""
    run_command("central", "keys", *words, "--config", str(shop.config))


def add_member(shop: RealShop, member: str) -> None:
    add_members(
        shop.central, [NewMember(member_id=member, home_store=STORE, cards=(card_of(member),))]
    )


def test_a_running_agent_renews_its_certificate_and_sells_on(tmp_path: Path) -> None:
    with real_shop(tmp_path, PROGRAMME, registers=1) as shop:
        till, folder = shop.registers[0], tmp_path / "till-1"
        before = (folder / "register.key").read_bytes()
        sell(till, "1")
        till.settled()
        till.agent.kill()
        bring_near_its_end(shop, folder)
        till.agent = start(folder, tmp_path / "till-1.toml")
        try:
            wait_until(
                lambda: row_of(shop, "till-1").serial == 2,
                what="the certificate is renewed",
                timeout_s=WAIT_S,
            )
            row = row_of(shop, "till-1")
            assert row.not_after_ms > row.enrolled_ms + 1_000 * 24 * HOUR_MS
            wait_until(
                lambda: (folder / "register.key").read_bytes() != before,
                what="the new key is in use",
                timeout_s=WAIT_S,
            )
            with shop.central.engines.writer.begin() as tx:
                # The overlap is over: from now on only the new key counts.
                register_book.update_register(tx, "till-1", public_key_before="")
            sell(till, "2")
            till.settled()
            # A request that was signed just before the change is refused once, and sent anew.
            wait_until(lambda: notices(till) == [], what="central knows the till", timeout_s=WAIT_S)
        finally:
            till.agent.kill()
        shop.agree()
        assert shop.points("m-1") == 8


def test_online_keys_change_while_agents_run_and_one_that_was_away_for_two_changes_follows(
    tmp_path: Path,
) -> None:
    with real_shop(tmp_path, PROGRAMME) as shop:
        first, away = shop.registers
        away.cut()
        sell(away, "1")
        keys(shop, "rotate")
        add_member(shop, "m-21")
        wait_until(partial(knows, first, "m-21"), what="a member comes", timeout_s=WAIT_S)
        keys(shop, "rotate", "--now")
        add_member(shop, "m-22")
        wait_until(partial(knows, first, "m-22"), what="the next comes", timeout_s=WAIT_S)
        sell(first, "2")
        first.settled()
        assert not knows(away, "m-22")
        away.mend()
        away.settled()
        wait_until(partial(knows, away, "m-22"), what="both reach the other", timeout_s=WAIT_S)
        for name in ("till-1", "till-2"):
            trust = read_root_file(tmp_path / name)
            assert trust is not None
            assert trust.version == 3
        wait_until(
            # The first one heard that central waited for the other one's grants.
            lambda: notices(first) == notices(away) == [],
            what="both know that nobody is awaited",
            timeout_s=WAIT_S,
        )
        shop.agree()
        assert shop.points("m-1") == 8


def test_a_revoked_register_is_refused_at_once_sells_on_and_comes_back(tmp_path: Path) -> None:
    with real_shop(tmp_path, PROGRAMME, registers=1) as shop:
        till, folder = shop.registers[0], tmp_path / "till-1"
        run_command(
            "central", "register", "revoke", "--register", "till-1", "--config", str(shop.config)
        )
        sell(till, "1")
        wait_until(
            lambda: "register_refused" in notices(till), what="the till is told", timeout_s=WAIT_S
        )
        assert till.status()["queue"]["waiting"] == 1
        till.agent.kill()
        code = add_register(shop.central, store_id=STORE, register_id="till-1", again=True)
        config = str(tmp_path / "till-1.toml")
        run_command("agent", "enrol", "--config", config, "--code", code, "--again")
        till.agent = start(folder, tmp_path / "till-1.toml")
        try:
            till.settled()
            assert notices(till) == []
        finally:
            till.agent.kill()
        shop.agree()
        assert shop.points("m-1") == 4
