"""The commands about central as an operator types them."""

import json
import re
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tessera.central.programmes import release_programme
from tessera.cli.main import main
from tessera.rules.programme import parse_programme
from tessera.store.central import bundle_book
from tessera.sync.records import encoded
from tessera.sync.wire import EnrolRequest
from tests.store.central.parts import central_on, enrolled, member, send, settings_for
from tests.store.central.scripted_till import Till
from tests.support.waiting import wait_until

CARD = "2400000000017"
CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4}")


@pytest.fixture
def config(sqlite_template: Path, tmp_path: Path) -> Path:
    shutil.copytree(sqlite_template / "central", tmp_path / "central")
    shutil.copy(sqlite_template / "central.db", tmp_path / "central" / "central.db")
    file = tmp_path / "central.toml"
    file.write_text('data_dir = "central"\n[listen]\nport = 0\n[log]\nformat = "json"\n')
    return file


class Shell:
    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = config
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        code = main(["central", *words, "--config", str(self.config)])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def json(self, *words: str) -> Any:
        code, out, err = self.run(*words, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def shell(config: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(config, capsys)


def test_a_store_its_registers_and_members_are_set_up(shell: Shell) -> None:
    stores = shell.json("store", "add", "berlin-1", "--time-zone", "Europe/Berlin")
    assert stores[0]["currency"] == "EUR"
    code, out, _err = shell.run("register", "add", "--store", "berlin-1", "--register", "r1")
    assert code == 0
    assert CODE.search(out)
    words = ["--member", "M-1", "--store", "berlin-1", "--card", CARD, "--balance", "points=12"]
    assert shell.json("member", "add", *words) == {"new": ["M-1"], "changed": []}
    found = shell.json("ledger", "--card", CARD)
    assert found["balances"]["points"]["points"] == 12
    assert [entry["kind"] for entry in found["entries"]] == ["opening"]
    assert shell.json("register", "list")[0]["status"] == "waiting"
    assert shell.run("verify")[0] == 0


def test_a_register_that_exists_gets_a_new_code_only_when_asked(shell: Shell) -> None:
    words = ("register", "add", "--store", "berlin-1", "--register", "r1")
    first = shell.json(*words)["code"]
    code, _out, err = shell.run(*words)
    assert (code, "add --again" in err) == (3, True)
    assert shell.json(*words, "--again")["code"] != first
    assert shell.run("register", "revoke", "--register", "r1")[0] == 0
    assert shell.json("register", "list")[0]["status"] == "revoked"
    assert shell.run("register", "revoke", "--register", "none")[0] == 3


def test_members_are_imported_from_a_file(shell: Shell, tmp_path: Path) -> None:
    good = tmp_path / "members.csv"
    good.write_text("member_id,store,balances\nM-1,berlin-1,points=5\nM-2,berlin-1,\n")
    code, out, _err = shell.run("member", "import", str(good))
    assert (code, out) == (0, "2 members added, 0 changed\n")
    bad = tmp_path / "bad.csv"
    bad.write_text("member_id,balances\nM-3,five\n")
    code, _out, err = shell.run("member", "import", str(bad))
    assert (code, f"{bad}:2: balances" in err) == (1, True)


def test_a_programme_with_a_mistake_is_not_released(shell: Shell, tmp_path: Path) -> None:
    shell.json("store", "add", "berlin-1")
    draft = tmp_path / "draft.yaml"
    draft.write_text("programme: p\ncurrency: EUR\noffers:\n  x:\n    giev: 10 % off\n")
    code, _out, err = shell.run("programme", "release", str(draft))
    assert (code, "draft.yaml:5" in err) == (1, True)
    good = Path(__file__).parents[3] / "config" / "programmes" / "corner-shop.yaml"
    assert shell.json("programme", "release", str(good))["stores"] == ["berlin-1"]
    assert shell.run("programme", "release", str(good), "--store", "nowhere")[0] == 3


def test_a_folder_is_released_as_one_text_whose_hash_no_file_name_decides(
    shell: Shell, config: Path, tmp_path: Path
) -> None:
    shell.json("store", "add", "berlin-1")
    shipped = Path(__file__).parents[3] / "config" / "programmes" / "departments"
    store = Path(shutil.copytree(shipped, tmp_path / "store"))
    first = shell.json("programme", "release", str(store))
    (store / "food.yaml").rename(store / "a-hall.yaml")
    assert shell.json("programme", "release", str(store))["bundle"] == first["bundle"]
    (store / "books.yaml").write_text("offers:\n  b: {giv: 1.00 off}\n")
    code, _out, err = shell.run("programme", "release", str(store))
    assert (code, f"{store / 'books.yaml'}:2:7: offers.b.giv" in err) == (1, True)
    (store / "books.yaml").write_text("currency: USD\n")
    code, _out, err = shell.run("programme", "release", str(store))
    assert (code, "is said once, in programme.yaml" in err) == (1, True)
    settings = settings_for(f"sqlite:///{tmp_path / 'central' / 'central.db'}", tmp_path)
    with central_on(settings) as central, central.engines.writer.begin() as tx:
        body = bundle_book.read_bundle(tx, first["bundle"])
    assert body is not None
    programme, problems = parse_programme(body.decode(), file="bundle")
    assert (problems, programme is not None and len(programme.offers)) == ([], 6)


def test_the_quarantine_is_listed_shown_retried_and_dropped(
    shell: Shell, config: Path, tmp_path: Path
) -> None:
    till = Till()
    settings = settings_for(f"sqlite:///{tmp_path / 'central' / 'central.db'}", tmp_path)
    with central_on(settings) as central:
        enrolled(central, till)
        first, second = till.sell("M-1", earned=5), till.sell("M-2", earned=5)
        send(central, till)
    code, out, _err = shell.run("quarantine", "list")
    assert (code, out.count("member_unknown")) == (1, 2)
    assert first.uid in shell.run("quarantine", "show", first.uid)[1]
    shell.json("member", "add", "--member", "M-1")
    code, out, _err = shell.run("quarantine", "retry", "--all")
    assert (code, f"{first.uid}: booked" in out) == (1, True)
    assert shell.json("quarantine", "drop", second.uid)["state"] == "dropped"
    assert shell.run("quarantine", "list")[0] == 0
    assert shell.run("quarantine", "show", "none")[0] == 3
    assert shell.run("verify")[0] == 0


def test_what_must_be_looked_at_is_listed(shell: Shell, tmp_path: Path) -> None:
    assert shell.run("alarms") == (0, "0 alarms\n", "")
    till = Till()
    settings = settings_for(f"sqlite:///{tmp_path / 'central' / 'central.db'}", tmp_path)
    with central_on(settings) as central:
        enrolled(central, till)
        member(central, "M-1")
        till.sell("M-1", spent=5)
        send(central, till)
    code, out, _err = shell.run("alarms", "--register", till.register)
    assert (code, "overspent" in out) == (1, True)
    assert shell.json("alarms", "--register", "other") == []


def test_verify_ends_with_one_when_something_differs(shell: Shell, tmp_path: Path) -> None:
    import sqlalchemy as sa

    from tessera.store.central import schema

    shell.json("member", "add", "--member", "M-1", "--balance", "points=5")
    settings = settings_for(f"sqlite:///{tmp_path / 'central' / 'central.db'}", tmp_path)
    with central_on(settings) as central, central.engines.writer.begin() as tx:
        tx.execute(sa.update(schema.BALANCE).values(points=6))
    code, out, _err = shell.run("verify")
    assert code == 1
    assert "balance: member M-1 account points: balance 6, postings make 5" in out


def test_settings_with_mistakes_are_refused_with_their_line(shell: Shell) -> None:
    shell.config.write_text('data_dir = "central"\nleese_cap = 5\n')
    code, _out, err = shell.run("verify")
    assert code == 3
    assert f"{shell.config}:2" in err
    assert "lease_cap" in err


def test_a_key_that_others_can_read_is_refused(shell: Shell, config: Path) -> None:
    key = config.parent / "central" / "central.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o644)
    code, _out, err = shell.run("store", "list")
    assert (code, "chmod 600" in err) == (3, True)


def test_a_database_of_another_central_is_refused(shell: Shell, config: Path) -> None:
    key = config.parent / "central" / "central.key"
    key.write_text("11" * 32 + "\n")
    code, _out, err = shell.run("store", "list")
    assert (code, "another key" in err) == (3, True)


def test_a_restored_database_begins_a_new_generation(shell: Shell) -> None:
    told = shell.json("restored")
    assert told["before"] != told["generation"]


class Serving:
    """A real `tessera central serve`."""

    def __init__(self, config: Path) -> None:
        self.log = config.parent / "log"
        self.address = config.parent / "central" / "central.address"
        self.address.unlink(missing_ok=True)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tessera", "central", "serve", "--config", str(config)],
                stderr=log,
            )
        wait_until(
            lambda: self.address.exists() and self.address.read_text().endswith("\n"),
            what="central serves",
            timeout_s=30,
        )

    @property
    def url(self) -> str:
        return self.address.read_text().strip()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def push(url: str, till: Till, first: int) -> dict[str, Any]:
    batch = till.batch(first)
    answer = httpx.post(
        f"{url}/v1/batches",
        content=batch.body,
        headers=till.batch_headers(batch),
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_backup_is_copied_told_and_listed(shell: Shell, tmp_path: Path) -> None:
    copied = shell.json("backup", "copy", str(tmp_path / "copy.db"))
    assert copied == {"number": 1, "histories": 0}
    code, out, _ = shell.run("backup", "begin")
    assert (code, "central backup done 2" in out) == (0, True)
    code, out, _ = shell.run("backup", "done", "2")
    assert (code, "backup 2 is safe" in out) == (0, True)
    assert [one["number"] for one in shell.json("backup", "list")] == [2, 1]
    code, _, err = shell.run("backup", "done", "1")
    assert (code, "is not the one that was begun last" in err) == (3, True)


def test_a_killed_server_has_everything_it_accepted(shell: Shell, config: Path) -> None:
    """kill -9 right after each answer, three times; then SIGTERM ends it with 0."""
    code = shell.json("register", "add", "--store", "berlin-1", "--register", "berlin-1-1")["code"]
    shell.json("member", "add", "--member", "M-1", "--store", "berlin-1")
    till = Till()
    request = EnrolRequest(
        code=code, public_key=till.key.public.hex(), incarnation=till.incarnation
    )
    serving = Serving(config)
    httpx.post(f"{serving.url}/v1/enrol", content=encoded(request), trust_env=False)
    for turn in range(3):
        till.sell("M-1", earned=10)
        push(serving.url, till, turn + 1)
        assert serving.end(signal.SIGKILL) == -signal.SIGKILL
        serving = Serving(config)
    assert push(serving.url, till, 1)["repeated"] is True
    wait_until(
        lambda: shell.json("ledger", "M-1")["balances"]["points"]["points"] == 30,
        what="everything is booked",
        timeout_s=30,
    )
    assert serving.end(signal.SIGTERM) == 0
    assert shell.run("verify")[0] == 0
    lines = [json.loads(line) for line in serving.log.read_text().splitlines()]
    assert lines[-1]["event"] == "central has stopped"


def test_a_second_server_on_the_same_database_is_refused(config: Path) -> None:
    serving = Serving(config)
    words = [sys.executable, "-m", "tessera", "central", "serve", "--config", str(config)]
    second = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 3
    assert "in use by process" in second.stderr
    assert serving.end(signal.SIGINT) == 0


def test_no_secret_and_nobody_is_in_the_log(shell: Shell, config: Path) -> None:
    """A name, a card, a code, keys: planted, used, and looked for."""
    made = shell.json("register", "add", "--store", "berlin-1", "--register", "berlin-1-1")
    planted = ["Zaphod Q.", CARD, made["code"]]
    words = ["--name", planted[0], "--card", CARD, "--member", "M-1", "--store", "berlin-1"]
    shell.json("member", "add", *words)
    till = Till()
    shell.config.write_text(shell.config.read_text() + 'level = "debug"\n')
    serving = Serving(config)
    request = EnrolRequest(
        code=made["code"], public_key=till.key.public.hex(), incarnation=till.incarnation
    )
    welcome = httpx.post(f"{serving.url}/v1/enrol", content=encoded(request), trust_env=False)
    planted.append(welcome.json()["card_key"])
    till.sell("M-1", earned=10)
    push(serving.url, till, 1)
    bad = msgspec.json.encode({"code": planted[2], "public_key": planted[0]})
    httpx.post(f"{serving.url}/v1/enrol", content=bad, trust_env=False)
    assert serving.end(signal.SIGTERM) == 0
    planted.append((config.parent / "central" / "central.key").read_text().strip())
    log = serving.log.read_text()
    assert "register enrolled" in log
    assert [secret for secret in planted if secret in log] == []


def test_what_cannot_be_undone_wants_its_words(shell: Shell) -> None:
    shell.run("store", "add", "berlin-1")
    for name in ("m-1", "m-2"):
        shell.json(
            "member", "add", "--member", name, "--store", "berlin-1", "--balance", "points=5"
        )
    assert shell.json("member", "block", "m-1", "--by", "ada")["changed"]
    assert not shell.json("member", "block", "m-1")["changed"]
    assert shell.json("member", "unblock", "m-1", "--by", "ada")["changed"]
    code, _out, err = shell.run("member", "erase", "m-2", "--confirm", "yes")
    assert code == 3
    assert 'add --confirm "erase m-2"' in err
    words = "merge m-2 into m-1"
    assert shell.run("member", "merge", "m-2", "--into", "m-1")[0] == 3
    shell.json("member", "merge", "m-2", "--into", "m-1", "--confirm", words, "--by", "ada")
    assert shell.json("ledger", "m-1")["balances"]["points"]["points"] == 10
    assert shell.json("member", "erase", "m-1", "--confirm", "erase m-1", "--by", "bob")["changed"]
    told = [(deed["what"], deed["who"]) for deed in shell.json("member", "deeds", "m-1")]
    assert told == [("block", "ada"), ("unblock", "ada"), ("merged-from", "ada"), ("erase", "bob")]
    entries = shell.json("ledger", "m-1")["entries"]
    assert [entry["kind"] for entry in entries] == ["opening", "merge", "erasure"]
    assert shell.run("verify")[0] == 0


def test_a_lost_registers_leases_are_written_off_once_confirmed(shell: Shell) -> None:
    shell.run("register", "add", "--store", "berlin-1", "--register", "r1")
    assert shell.json("lease", "list") == []
    code, _out, err = shell.run("lease", "write-off", "--register", "r1")
    assert code == 3
    assert 'add --confirm "write off r1"' in err
    told = shell.json("lease", "write-off", "--register", "r1", "--confirm", "write off r1")
    assert told == {"register": "r1", "leases": 0, "units": 0, "limit_shares": 0}
    assert "0 open leases" in shell.run("lease", "list", "--register", "r1")[1]


def test_a_members_tier_and_what_is_missing_to_the_next_are_shown(
    shell: Shell, tmp_path: Path
) -> None:
    """600.00 of 1500.00; the tier is kept a year from central's day, 21 November 2025."""
    programme = tmp_path / "p.yaml"
    programme.write_text(
        "programme: corner-shop\ncurrency: EUR\ntiers:\n"
        "  silver: {from: 500.00 spent in 12 months}\n  gold: {from: 1500.00 spent in 12 months}\n"
    )
    till = Till()
    with central_on(settings_for(f"sqlite:///{tmp_path / 'central' / 'central.db'}", tmp_path)) as (
        central
    ):
        enrolled(central, till)
        member(central, "M-1")
        released, _ = release_programme(central, programme.read_text(), file="p.yaml")
        assert released is not None
        till.sell("M-1", amount_minor=600_00)
        send(central, till)
    _code, out, _err = shell.run("ledger", "M-1")
    assert "  tier silver, looked at again on 2026-11-21\n" in out
    found = shell.json("ledger", "M-1")["tier"]
    assert (found["tier"], found["next_tier"], found["need"]) == ("silver", "gold", 1500_00)
    # How much depends on the day on which this runs: the command goes by the machine's clock.
    assert re.search(r"  \d+\.\d\d EUR of spend within 12 months to tier gold\n", out)
    _code, out, _err = shell.run("member", "deeds", "M-1")
    assert "tier none -> silver (reached)  by programme corner-shop" in out
