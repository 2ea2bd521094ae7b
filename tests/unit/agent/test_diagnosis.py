"""What `tessera doctor` finds: each fault by its name, each with what to do next."""

from compileall import compile_dir
from dataclasses import replace
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest

from tessera.agent.diagnosis import (
    Finding,
    Grade,
    check_compiled,
    check_modem_manager,
    check_trust,
    diagnose,
)
from tessera.agent.settings import AgentSettings, CentralSettings, DiskSettings, ListenSettings
from tessera.agent.trust_ends import DAY_MS, TrustEnds
from tessera.devices.readers import ReaderSettings
from tessera.store.engine import held, open_sqlite
from tessera.store.till import identity_book
from tessera.sync.records import encoded
from tessera.sync.wire import Certificate
from tests.support.till import enrolled_till

NOW_MS = 1_795_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> AgentSettings:
    folder = tmp_path / "till"
    folder.mkdir()
    enrolled_till(folder).dispose()
    return AgentSettings(data_dir=folder)


def found(settings: AgentSettings) -> dict[str, Finding]:
    findings = list(diagnose(settings, wall_ms=NOW_MS))
    silent = [one.check for one in findings if one.grade is not Grade.FINE and not one.hint]
    assert silent == []
    return {one.check: one for one in findings}


def test_a_healthy_register_has_nothing_in_trouble(settings: AgentSettings) -> None:
    findings = found(settings)
    assert all(one.grade is not Grade.TROUBLE for one in findings.values())
    assert findings["enrolment"].text == "enrolled as till-1 of store shop"
    assert findings["agent"].grade is Grade.WARNING


def test_a_running_agent_is_seen(settings: AgentSettings) -> None:
    with held(settings.database):
        assert found(settings)["agent"].grade is Grade.FINE


def test_a_program_that_each_start_compiles_again_is_named_with_its_folder(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    for name in ("__init__.py", "app.py"):
        (package / name).write_text("PLACE = 1\n")

    def placed(name: str) -> ModuleSpec | None:
        module = "app.py" if "." in name else "__init__.py"
        return spec_from_file_location(name, package / module)

    seen = check_compiled(placed)
    assert (seen.check, seen.grade) == ("compiled", Grade.WARNING)
    assert seen.hint.endswith(f"-m compileall -q {package}")
    compile_dir(package, quiet=1)
    assert check_compiled(placed).grade is Grade.FINE


def test_a_folder_that_is_missing_is_trouble(settings: AgentSettings) -> None:
    assert found(replace(settings, data_dir=Path("/no/where")))["folder"].grade is Grade.TROUBLE


def test_a_database_of_a_later_release_is_trouble(settings: AgentSettings) -> None:
    engines = open_sqlite(settings.database)
    with engines.writer.begin() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engines.dispose()
    assert "9999" in found(settings)["database"].text


def test_a_database_that_is_none_is_trouble(settings: AgentSettings) -> None:
    settings.database.write_bytes(b"not a database at all" * 500)
    assert found(settings)["database"].grade is Grade.TROUBLE


def test_a_key_that_others_may_read_is_trouble(settings: AgentSettings) -> None:
    key = settings.data_dir / "card.key"
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    finding = found(settings)["secrets"]
    assert finding.grade is Grade.TROUBLE
    assert finding.hint == f"chmod 600 {key}"


def test_little_room_is_trouble(settings: AgentSettings) -> None:
    tight = replace(settings, disk=DiskSettings(benefits_stop_mb=1_000_000))
    assert found(tight)["disk"].grade is Grade.TROUBLE


def test_central_away_is_a_warning_since_sales_go_on(settings: AgentSettings) -> None:
    away = replace(settings, central=CentralSettings(url="http://127.0.0.1:9"))
    assert found(away)["central"].grade is Grade.WARNING


def test_how_long_register_and_central_believe_each_other_is_told() -> None:
    ends = TrustEnds(
        certificate_ms=NOW_MS + 90 * DAY_MS,
        certificate_life_ms=365 * DAY_MS,
        root_ms=NOW_MS + 61 * DAY_MS,
    )
    [finding] = check_trust(ends, wall_ms=NOW_MS)
    assert finding.grade is Grade.FINE
    assert finding.text == (
        "this register's certificate holds until 2027-02-16, central's root holds until 2027-01-18"
    )


def test_a_certificate_that_did_not_renew_itself_is_a_warning() -> None:
    ends = TrustEnds(certificate_ms=NOW_MS + 29 * DAY_MS, certificate_life_ms=365 * DAY_MS)
    [finding] = check_trust(ends, wall_ms=NOW_MS)
    assert finding.grade is Grade.WARNING
    assert "tessera central status" in finding.hint


def test_what_has_ended_is_trouble_and_says_who_can_mend_it() -> None:
    ends = TrustEnds(certificate_ms=NOW_MS, certificate_life_ms=DAY_MS, root_ms=NOW_MS - DAY_MS)
    certificate, root = check_trust(ends, wall_ms=NOW_MS)
    assert (certificate.grade, root.grade) == (Grade.TROUBLE, Grade.TROUBLE)
    assert "certificate ended on" in certificate.text
    assert "agent enrol" in certificate.hint
    assert "central keys" in root.hint


def test_the_certificate_of_the_database_is_looked_at(settings: AgentSettings) -> None:
    ended = Certificate(
        register="till-1",
        store="shop",
        public_key="0" * 64,
        serial=1,
        issued_ms=0,
        not_after_ms=NOW_MS - 1,
    )
    engines = open_sqlite(settings.database)
    with engines.writer.begin() as tx:
        identity_book.write_certificate(tx, certificate=encoded(ended).decode(), signature="")
    engines.dispose()
    assert found(settings)["trust"].grade is Grade.TROUBLE


def test_readers_are_looked_at_one_by_one(settings: AgentSettings) -> None:
    readers = (
        ReaderSettings(id="left", profile="no-such", port="/dev/null"),
        ReaderSettings(id="right", profile="generic-cr", port="/dev/no-such-port"),
        ReaderSettings(id="hand", profile="generic-cr", port="/dev/null"),
    )
    findings = found(replace(settings, readers=readers))
    assert "no-such" in findings["reader left"].text
    assert "not there" in findings["reader right"].text
    assert findings["reader hand"].grade is Grade.FINE


def test_modem_manager_is_named() -> None:
    assert check_modem_manager(lambda _: True).grade is Grade.WARNING
    assert check_modem_manager(lambda _: False).grade is Grade.FINE


def test_the_policy_for_a_web_pos_is_told(settings: AgentSettings) -> None:
    web = replace(settings, listen=ListenSettings(origins=("https://pos.example",)))
    assert (
        'LocalNetworkAccessAllowedForUrls to ["https://pos.example"]' in found(web)["browser"].text
    )
