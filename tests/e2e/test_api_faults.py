"""Faults around a real agent: each gets a clear word with what to do next, and loses nothing."""

import http.client
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tessera.store.engine import open_sqlite
from tessera.store.till import identity_book
from tessera.sync.records import encoded
from tessera.sync.wire import Certificate
from tests.support.agent import (
    CARD,
    Agent,
    basket,
    launch,
    paid,
    running_agent,
    settings_file,
    start,
    stocked_till,
)
from tests.support.full_disk import disk_at
from tests.support.waiting import wait_until

COULD_NOT = 3


@pytest.fixture
def till(tmp_path: Path) -> Path:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder)
    return folder


def said(config: Path) -> tuple[int, str]:
    """How a start that fails ends, and what it says."""
    process = launch(config)
    _, told = process.communicate(timeout=30)
    assert "Traceback" not in told
    return process.returncode, told


# ---- at the start --------------------------------------------------------------------------


def test_a_second_agent_on_one_database_names_the_first(till: Path) -> None:
    with running_agent(till) as agent:
        status, told = said(settings_file(till))
        assert status == COULD_NOT
        assert f"is in use by process {agent.process.pid}" in told
        assert "hint:" in told
        assert agent.call("POST", "/v1/quote", basket()).status == 200


def test_a_taken_port_is_named(till: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, told = said(settings_file(till, listen={"port": port}))
    assert status == COULD_NOT
    assert f"port {port}" in told
    assert "listen.port" in told


def test_a_database_of_a_later_release_is_left_alone(till: Path) -> None:
    engines = open_sqlite(till / "till.db")
    with engines.writer.begin() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engines.dispose()
    status, told = said(settings_file(till))
    assert status == COULD_NOT
    assert "schema version 9999" in told
    assert "nothing was changed" in told


def test_a_mistake_in_the_settings_is_told_with_its_line(till: Path) -> None:
    config = settings_file(till)
    config.write_text(config.read_text().replace("port =", "prot ="))
    status, told = said(config)
    assert status == 1
    assert f"{config}:5:" in told
    assert "did you mean port?" in told


def test_missing_settings_are_told(tmp_path: Path) -> None:
    status, told = said(tmp_path / "none.toml")
    assert status == COULD_NOT
    assert "cannot be read" in told


def test_a_register_that_is_not_enrolled_answers_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    with running_agent(folder) as agent:
        status = agent.call("GET", "/v1/status").json
        assert (status["mode"], status["enrolled"]) == ("local", False)
        quote = agent.put("1", basket())
        assert quote["totals"]["due_minor"] == 500
        assert quote["totals"]["taxes"][0]["tax_minor"] == 80
        assert [one["code"] for one in quote["notices"]] == ["not_enrolled"]
        assert agent.complete("1", paid(basket(), quote))["result"] == "unrecorded"
        wait_until(lambda: "not enrolled" in "".join(agent.log), what="the log says so")


def test_central_being_down_changes_nothing_at_the_till(till: Path) -> None:
    config = settings_file(till, central={"url": "http://127.0.0.1:9"})
    with running_agent(till, config) as agent:
        assert agent.sell("1", basket())["totals"]["due_minor"] == 450
        status = wait_until(
            lambda: (
                agent.call("GET", "/v1/status").json["last_error"]
                and agent.call("GET", "/v1/status").json
            ),
            what="the agent has tried",
        )
        assert (status["mode"], status["queue"]["waiting"]) == ("offline", 1)


def test_a_reader_that_cannot_be_used_stops_nobody(till: Path) -> None:
    config = settings_file(till)
    config.write_text(
        config.read_text() + '[[readers]]\nid = "left"\nprofile = "no-such"\nport = "/dev/none"\n'
        '[[readers]]\nid = "right"\nprofile = "generic-cr"\nport = "/dev/none"\n'
    )
    with running_agent(till, config) as agent:
        left, right = agent.call("GET", "/v1/status").json["readers"]
        assert (left["condition"], right["id"]) == ("failed", "right")
        assert "no-such" in left["message"]
        assert agent.sell("1", basket())["result"] == "completed"


# ---- while it runs -------------------------------------------------------------------------


def test_a_sale_that_finds_no_room_is_never_confirmed_and_comes_in_late(tmp_path: Path) -> None:
    with disk_at(tmp_path) as disk:
        till = tmp_path / "till"
        till.mkdir()
        stocked_till(till)
        config = settings_file(till, disk={"reserve_mb": 1, "benefits_stop_mb": 0})
        with running_agent(till, config) as agent:
            given = basket()
            quotes = {f"s-{n}": agent.put(f"s-{n}", given) for n in range(80)}
            agent.complete("s-0", paid(given, quotes["s-0"]))
            disk.fill(agent.process.pid)
            refused = [one for one in list(quotes)[1:] if not taken(agent, one, quotes[one])]
            assert refused
            assert agent.call("POST", "/v1/quote", given).status == 200
            disk.free(agent.process.pid)
            for sale_id in refused:
                late = paid(given, quotes[sale_id])
                reply = agent.call("POST", f"/v1/sales/{sale_id}/late", late)
                assert reply.status == 200, reply.raw
            assert agent.call("GET", "/v1/status").json["queue"]["waiting"] == len(quotes)
            agent.kill()
        assert len(verified(till, config)) == len(quotes)


def taken(agent: Agent, sale_id: str, quote: dict[str, Any]) -> bool:
    """Whether the agent confirms a sale on a full disk; if not, it must say what to do."""
    reply = agent.call("POST", f"/v1/sales/{sale_id}/complete", paid(basket(), quote))
    if reply.status != 200:
        assert reply.json["code"] in {"disk_full", "database_failing"}, reply.raw
        assert "report it late" in reply.json["hint"]
    return reply.status == 200


def verified(folder: Path, config: Path) -> list[str]:
    """The uids in the journal, once `agent journal verify` found it whole."""
    done = subprocess.run(
        [sys.executable, "-m", "tessera", "agent", "journal", "verify", "--json"]
        + ["--config", str(config)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not json.loads(done.stdout)["findings"], done.stdout
    engines = open_sqlite(folder / "till.db")
    with engines.reader.connect() as connection:
        uids = connection.exec_driver_sql("SELECT hex(uid) FROM journal").scalars().all()
    engines.dispose()
    return list(uids)


def test_little_room_stops_benefits_and_not_sales(till: Path) -> None:
    """A limit above any disk's free space stands for a disk that is almost full."""
    config = settings_file(till, disk={"reserve_mb": 0, "benefits_stop_mb": 1_000_000})
    with running_agent(till, config) as agent:
        quote = agent.put("1", basket())
        assert quote["totals"]["due_minor"] == 500
        assert "benefits_stopped" in [one["code"] for one in quote["notices"]]
        done = agent.complete("1", paid(basket(), quote))
        assert (done["result"], done["flags"]) == ("completed", ["no-benefits"])
        assert agent.call("GET", "/v1/status").json["disk"]["benefits_stopped"]


def test_a_clock_that_is_years_off_is_flagged_and_sells_on(till: Path) -> None:
    with running_agent(till) as agent:
        given = {**basket(), "store_time": "2036-11-21T10:15:00+01:00", "business_day": None}
        quote = agent.put("1", given)
        assert "clock_doubt" in [one["code"] for one in quote["notices"]]
        assert agent.complete("1", paid(given, quote))["flags"] == ["clock-doubt"]


def test_training_records_nothing(till: Path) -> None:
    config = settings_file(till, top={"training": True})
    with running_agent(till, config) as agent:
        assert agent.sell("1", basket())["result"] == "training"
        assert agent.call("GET", "/v1/status").json["queue"]["waiting"] == 0


# ---- the event stream ----------------------------------------------------------------------


def events(agent: Agent, count: int, *, after: int | None = None) -> list[dict[str, object]]:
    """The next `count` events of a stream; with `after`, those that were missed first."""
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
    headers = {"Authorization": f"Bearer {agent.token}"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    connection.request("GET", "/v1/events", headers=headers)
    response = connection.getresponse()
    assert response.getheader("content-type", "").startswith("text/event-stream")
    found: list[dict[str, object]] = []
    while len(found) < count:
        line = response.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: "):
            found.append(json.loads(line[6:]))
    response.close()
    connection.close()
    return found


def test_a_stream_that_was_cut_gives_what_was_missed(till: Path) -> None:
    with running_agent(till) as agent:
        agent.call("POST", "/v1/scans", {"code": CARD})
        scan, member = events(agent, 2, after=0)
        assert (scan["type"], scan["code"], member["display_name"]) == ("scan", CARD, "A. M.")
        agent.sell("1", basket())
        missed = events(agent, 2, after=int(str(member["id"])))
        assert [(one["type"], one["state"]) for one in missed] == [
            ("sale", "open"),
            ("sale", "done"),
        ]
        assert agent.stop() == 0


def test_a_restart_goes_on_with_higher_ids(till: Path) -> None:
    config = settings_file(till)
    with running_agent(till, config) as agent:
        agent.put("1", basket())
        (before,) = events(agent, 1, after=0)
        agent.kill()
    with running_agent(till, config) as agent:
        agent.put("1", basket())
        (after,) = events(agent, 1, after=int(str(before["id"])))
        assert int(str(after["id"])) > int(str(before["id"]))


def test_a_new_pairing_is_taken_in_without_a_restart(till: Path) -> None:
    config = settings_file(till)
    agent = start(till, config)
    made = subprocess.run(
        [sys.executable, "-m", "tessera", "agent", "pair", "--json", "--pos", "kiosk"]
        + ["--config", str(config)],
        capture_output=True,
        text=True,
        check=True,
    )
    token = json.loads(made.stdout)["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert agent.call("POST", "/v1/quote", basket(), headers=headers).status == 200
    assert (till / "pairings.json").stat().st_mode & 0o077 == 0
    assert token not in (till / "pairings.json").read_text()
    assert agent.stop() == 0


def test_a_certificate_that_ended_is_told_by_status_and_figures_alike(till: Path) -> None:
    ended = Certificate(
        register="till-1", store="shop", public_key="0" * 64, serial=1, issued_ms=0, not_after_ms=1
    )
    engines = open_sqlite(till / "till.db")
    with engines.writer.begin() as tx:
        identity_book.write_certificate(tx, certificate=encoded(ended).decode(), signature="")
    engines.dispose()
    with running_agent(till) as agent:
        status = agent.call("GET", "/v1/status").json
        figures = agent.call("GET", "/metrics").raw.decode()
    assert "trust_ending" in [one["code"] for one in status["notices"]]
    assert status["certificate_until"] == "1970-01-01T00:00:00+00:00"
    assert "\ntessera_agent_trust_ending 1\n" in figures
