import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tessera.agent.enrolment import (
    EnrolmentFailed,
    checked_identity,
    keep_identity_beside,
    read_key,
)
from tessera.cli.main import main
from tessera.core.errors import TesseraError
from tessera.store.engine import open_sqlite
from tessera.store.till import identity_book
from tessera.store.till.identity_file import IDENTITY_FILE
from tessera.store.till.opening import open_till
from tessera.sync.client import HttpCentral
from tessera.sync.signing import SigningKey
from tessera.sync.wire import EnrolAnswer, EnrolRequest
from tests.support.small_central import CENTRAL_KEY, Serving, SmallCentral
from tests.support.till import enrolled_till


@pytest.fixture
def central() -> SmallCentral:
    return SmallCentral()


@pytest.fixture
def serving(central: SmallCentral) -> Iterator[Serving]:
    with Serving(central.app()) as server:
        yield server


def config_of(folder: Path, url: str) -> str:
    """A settings file beside nothing else but the register's own files."""
    file = folder / "agent.toml"
    file.write_text(f'data_dir = "."\n[central]\nurl = "{url}"\n')
    return str(file)


def enrol(folder: Path, serving: Serving, code: str = "CODE-1234") -> int:
    return main(["agent", "enrol", "--config", config_of(folder, serving.url), "--code", code])


def test_a_code_makes_a_register_known(
    tmp_path: Path, serving: Serving, central: SmallCentral, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrol(tmp_path, serving) == 0
    assert "enrolled as till-1 of store shop" in capsys.readouterr().out
    engines = open_sqlite(tmp_path / "till.db")
    with engines.reader.connect() as c:
        identity = identity_book.read_identity(c)
        assert identity is not None
        assert (identity.register, identity.generation) == ("till-1", "g1")
        assert identity.central_key == CENTRAL_KEY.public
    engines.dispose()
    assert read_key(tmp_path / "register.key").public == central.public_key
    for name in ("register.key", "card.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert (tmp_path / "card.key").read_bytes() == b"\x22" * 32


def test_a_register_is_enrolled_once(
    tmp_path: Path, serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrol(tmp_path, serving) == 0
    assert enrol(tmp_path, serving) == 3
    assert "enrolled already, as till-1 of store shop" in capsys.readouterr().err


def test_a_wrong_code_keeps_the_key_for_the_next_try(
    tmp_path: Path, serving: Serving, central: SmallCentral
) -> None:
    assert enrol(tmp_path, serving, "CODE-9999") == 3
    key = (tmp_path / "register.key").read_bytes()
    assert enrol(tmp_path, serving) == 0
    assert (tmp_path / "register.key").read_bytes() == key


def test_settings_without_centrals_address_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(tmp_path, "")
    assert main(["agent", "enrol", "--config", config, "--code", "CODE-1234"]) == 3
    assert "does not say where central is" in capsys.readouterr().err


def answered(serving: Serving, key: SigningKey) -> EnrolAnswer:
    async def ask() -> EnrolAnswer:
        link = HttpCentral(serving.url, signer=None, wall_ms=lambda: 0, random=bytes)
        try:
            return await link.enrol(
                EnrolRequest(
                    code="CODE-1234", public_key=key.public.hex(), incarnation="00000000000000a1"
                )
            )
        finally:
            await link.close()

    return asyncio.run(ask())


def test_a_certificate_that_central_did_not_sign_is_refused(serving: Serving) -> None:
    key = SigningKey(b"\x44" * 32)
    answer = answered(serving, key)
    forged = msgspec.structs.replace(
        answer, certificate=answer.certificate.replace("till-1", "till-2")
    )
    with pytest.raises(EnrolmentFailed, match="not signed"):
        checked_identity(forged, public_key=key.public, incarnation="00000000000000a1")


def test_a_certificate_about_another_key_is_refused(serving: Serving) -> None:
    answer = answered(serving, SigningKey(b"\x44" * 32))
    with pytest.raises(EnrolmentFailed, match="another key"):
        checked_identity(answer, public_key=bytes(32), incarnation="00000000000000a1")


@pytest.mark.parametrize(
    "url, why",
    [
        ("http://central.example:8450", "not encrypted"),
        ("ftp://central.example", "no web address"),
        ("central.example", "no web address"),
    ],
)
def test_an_address_that_would_send_secrets_in_clear_is_refused(url: str, why: str) -> None:
    with pytest.raises(TesseraError, match=why):
        HttpCentral(url, signer=None, wall_ms=lambda: 0, random=bytes)


def test_the_queue_and_the_journal_of_a_fresh_register_are_whole(
    tmp_path: Path, serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    enrol(tmp_path, serving)
    capsys.readouterr()
    assert main(["agent", "queue", "--config", str(tmp_path / "agent.toml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == 0
    assert main(["agent", "journal", "verify", "--config", str(tmp_path / "agent.toml")]) == 0
    assert capsys.readouterr().out == "0 records read: the journal is whole\n"


@pytest.mark.parametrize("left", [None, b'{"register": "till-'], ids=["none", "torn"])
def test_an_identity_that_is_not_beside_the_database_is_put_there(
    tmp_path: Path, left: bytes | None
) -> None:
    """So that the till knows who it is when its database is lost one day."""
    engines = enrolled_till(tmp_path)
    if left is not None:
        (tmp_path / IDENTITY_FILE).write_bytes(left)
    keep_identity_beside(tmp_path, engines.reader)
    engines.dispose()
    (tmp_path / "till.db").unlink()
    till, findings = open_till(tmp_path, random=bytes, wall_ms=1, reserve_bytes=0)
    with till.engines.reader.connect() as connection:
        found = identity_book.read_identity(connection)
    till.close()
    assert found is not None
    assert (found.register, found.store) == ("till-1", "shop")
    assert [one.code for one in findings] == ["database_begun_anew"]
