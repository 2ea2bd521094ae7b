"""Reader profiles: the shipped ones are whole, and a mistake is named with file and line."""

from pathlib import Path

import pytest

from tessera.core.errors import TesseraError
from tessera.devices.card_formats import CardFormats
from tessera.devices.matching import matching_profiles
from tessera.devices.profiles import (
    framer_of,
    parse_profile,
    read_card_formats,
    read_profile,
    read_profiles,
    shipped_profiles_folder,
)

SHELF = read_profiles()
GOOD = """\
name = "own"
title = "our own"
transport = "serial"

[framing]
kind = "line"

[decode]
kind = "barcode"
"""


def test_every_shipped_profile_is_sound_and_says_where_its_facts_are_from() -> None:
    assert SHELF.problems == []
    assert [name for name, profile in SHELF.profiles.items() if not profile.sources] == []
    assert len(SHELF.profiles) == len(list(shipped_profiles_folder().glob("*.toml")))


def test_every_profile_of_a_model_says_how_to_set_the_model_up() -> None:
    models = [profile for profile in SHELF.profiles.values() if profile.models]
    silent = [each.name for each in models if not (each.wiring or each.transport == "hid-pos")]
    assert silent == []


@pytest.mark.parametrize("name", sorted(SHELF.profiles))
def test_a_framer_can_be_built_for_every_profile(name: str) -> None:
    framer = framer_of(SHELF.profiles[name])
    assert framer.feed(b"", 0) == []
    assert framer.deadline_ns() is None


@pytest.mark.parametrize(
    "change, line, words",
    [
        (('kind = "line"', 'kind = "lines"'), 6, 'did you mean "line"'),
        (("transport", "transports"), 3, "did you mean transport"),
        (('kind = "barcode"', 'kind = "barcode"\nids = "aims"'), 10, "ids"),
        (('title = "our own"', 'title = "our own"\nusb = ["5e0:1701"]'), 1, "05e0:1701"),
        (('transport = "serial"', 'transport = "evdev"'), 1, "keystrokes"),
        (('kind = "line"', 'kind = "wiegand"\nbits = 34'), 1, "differ"),
        (('name = "own"', 'name = "other"'), 1, "not the file's name"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(
    change: tuple[str, str], line: int, words: str
) -> None:
    profile, problems = parse_profile(GOOD.replace(*change), file="profiles/own.toml")
    assert profile is None
    assert any(words in problem.render() for problem in problems), problems
    assert {problem.line for problem in problems} <= {line, 0, 1, 3}


def test_a_shops_own_profile_stands_beside_the_shipped_ones_and_replaces_by_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "own.toml").write_text(GOOD)
    (tmp_path / "aim-cr.toml").write_text(GOOD.replace('"own"', '"aim-cr"'))
    assert read_profile("own", tmp_path).title == "our own"
    assert read_profile("aim-cr", tmp_path).title == "our own"
    assert read_profile("aim-crlf", tmp_path).decode.ids == "aim"


def test_a_profile_that_is_not_there_or_has_a_mistake_says_so(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("nam = 1")
    with pytest.raises(TesseraError, match=r"own\.toml") as caught:
        read_profile("own", tmp_path)
    assert "mend" in caught.value.hint
    with pytest.raises(TesseraError, match="no reader profile 'nobody'"):
        read_profile("nobody")


def test_card_formats_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    file = tmp_path / "cards.toml"
    file.write_text("[[format]]\nname = 5\n")
    with pytest.raises(TesseraError, match=r"cards\.toml:2"):
        read_card_formats(file)
    with pytest.raises(TesseraError, match="cannot be read"):
        read_card_formats(tmp_path / "missing.toml")
    file.write_text("")
    assert read_card_formats(file) == CardFormats()


def test_a_usb_device_finds_its_profiles_the_exact_ones_first() -> None:
    profiles = SHELF.profiles.values()
    assert matching_profiles("05e0:1701", profiles) == ["zebra-ds2208-cdc"]
    assert matching_profiles("0c2e:0907", profiles)[0] == "honeywell-hidpos"
    assert "honeywell-voyager-cdc" in matching_profiles("0c2e:0907", profiles)
    assert matching_profiles("", profiles) == []
