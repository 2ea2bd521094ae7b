"""`tessera central keys` as an operator types it."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from tessera.central.keys import KeyUnusable, open_keys
from tessera.cli.main import main


@pytest.fixture
def config(sqlite_template: Path, tmp_path: Path) -> Path:
    shutil.copytree(sqlite_template / "central", tmp_path / "central")
    shutil.copy(sqlite_template / "central.db", tmp_path / "central" / "central.db")
    file = tmp_path / "central.toml"
    file.write_text('data_dir = "central"\n')
    return file


class Shell:
    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._config = config
        self._capsys = capsys

    def run(self, action: str, *words: str) -> tuple[int, str]:
        named = [] if action == "sign" else ["--config", str(self._config)]
        code = main(["central", "keys", action, *words, *named])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def shown(self) -> dict[str, Any]:
        code, out = self.run("show", "--json")
        assert code == 0, out
        told: dict[str, Any] = json.loads(out)
        return told


@pytest.fixture
def shell(config: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(config, capsys)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_root_lies_beside_the_online_key_and_says_so(
    shell: Shell, tmp_path: Path
) -> None:
    told = shell.shown()
    assert (told["version"], told["threshold"], told["root_keys"]) == (1, 1, 1)
    assert told["roles"]["segment"] == [told["using"]]
    code, out = shell.run("show")
    assert (code, "whoever takes one has both" in out) == (0, True)
    for name in ("central.key", "card.key", "root.key"):
        assert mode(tmp_path / "central" / name) == 0o600


def test_the_root_is_handed_over_to_keys_kept_elsewhere(shell: Shell, tmp_path: Path) -> None:
    safe = tmp_path / "safe"
    safe.mkdir()
    words = ("--into", str(safe), "--keys", "3", "--threshold", "2", "--days", "400")
    before = shell.shown()
    assert shell.run("init", *words) == (
        0,
        "root 2 is served; registers follow it with their next look\n",
    )
    after = shell.shown()
    assert (after["version"], after["threshold"], after["root_keys"]) == (2, 2, 3)
    assert after["fingerprint"] != before["fingerprint"]
    assert after["using"] == before["using"]
    assert not (tmp_path / "central" / "root.key").exists()
    assert [mode(safe / f"root-{n}.key") for n in (1, 2, 3)] == [0o600] * 3
    code, out = shell.run("renew", "--days", "30")
    assert (code, "2 of the present root's keys" in out) == (3, True)


def test_a_change_travels_to_the_root_keys_and_back(shell: Shell, tmp_path: Path) -> None:
    """The online key changes; one root key is here, the other on another machine."""
    words = ("--into", str(tmp_path), "--keys", "2", "--threshold", "2")
    assert shell.run("init", *words)[0] == 0
    first = shell.shown()["using"]
    change = str(tmp_path / "change.json")
    here, there = str(tmp_path / "root-1.key"), str(tmp_path / "root-2.key")
    code, out = shell.run("rotate", "--root-key", here, "--out", change)
    assert (code, "signatures missing: 1" in out) == (0, True)
    assert shell.shown()["using"] == first
    assert shell.run("publish", change)[0] == 3
    assert shell.run("sign", change, "--root-key", there) == (
        0,
        "root 3 carries 2 signatures now\n",
    )
    assert shell.run("publish", change)[0] == 0
    second = shell.shown()
    assert second["using"] != first
    assert set(second["roles"]["segment"]) == {first, second["using"]}
    assert mode(tmp_path / "central" / "central.key") == 0o600
    code, out = shell.run("retire", "--root-key", here, "--root-key", there)
    assert (code, "read everything anew" in out) == (0, True)
    assert shell.shown()["roles"]["segment"] == [second["using"]]
    assert shell.run("publish", change)[0] == 3


def test_rotating_now_drops_the_present_key_at_once(shell: Shell) -> None:
    first = shell.shown()["using"]
    code, out = shell.run("rotate", "--now")
    assert (code, "read everything anew" in out) == (0, True)
    told = shell.shown()
    assert told["roles"]["segment"] == [told["using"]]
    assert told["using"] != first


@pytest.mark.parametrize(
    "words",
    [
        ("renew",),
        ("renew", "--days", "0"),
        ("init", "--into", ".", "--keys", "17"),
        ("sign", "none.json"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run(*words)[0] == 2


def test_what_cannot_be_done_is_said(shell: Shell, tmp_path: Path) -> None:
    words = ("--into", str(tmp_path), "--keys", "1", "--threshold", "2")
    code, out = shell.run("init", *words)
    assert (code, "2 of 1 keys cannot sign" in out) == (3, True)
    code, out = shell.run("rotate", "--root-key", str(tmp_path / "none.key"))
    assert (code, "there is no root key at" in out) == (3, True)
    code, out = shell.run("publish", str(tmp_path / "none.json"))
    assert (code, "cannot be read" in out) == (3, True)


@pytest.mark.parametrize("name", ["central.key", "card.key", "root.key"])
def test_a_secret_that_others_can_read_is_not_used(shell: Shell, tmp_path: Path, name: str) -> None:
    path = tmp_path / "central" / name
    path.chmod(0o640)
    code, out = shell.run("rotate")
    assert (code, f"chmod 600 {path}" in out) == (3, True)


def test_a_change_that_was_broken_off_ends_with_the_next_start(tmp_path: Path) -> None:
    """Killed after the database names the next key, and before that has the usual file's name."""
    keys = open_keys(tmp_path, random=lambda size: bytes([7]) * size)
    following = keys.make_next(lambda size: bytes([8]) * size)
    again = open_keys(tmp_path, random=bytes)
    again.follow(following.public.hex())
    assert again.signing.public == following.public
    again.take_next()
    assert open_keys(tmp_path, random=bytes).signing.public == following.public
    with pytest.raises(KeyUnusable, match="another key"):
        again.follow("00" * 32)
