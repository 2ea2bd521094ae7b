"""The commands for readers and cards, as a person runs them."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from tessera.cli.main import main
from tessera.devices.simulated import SimulatedScanner

CARD = b"]E02001234567893\r"
VECTORS = (Path(__file__).parent / "device_vectors.jsonl").read_text().splitlines()
Captured = pytest.CaptureFixture[str]


@contextmanager
def scanned_again_and_again(scanner: SimulatedScanner, content: bytes) -> Iterator[None]:
    """Type the bytes twice a second, as somebody does who waits for the screen to answer."""
    done = threading.Event()

    def scan() -> None:
        while not done.wait(0.5):
            scanner.type_bytes(content)

    thread = threading.Thread(target=scan)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr("sys.stdin", StringIO(text))


def test_decode_answers_every_line_and_marks_a_malformed_one(
    given: Callable[[str], None], capsys: Captured
) -> None:
    whole = json.dumps({"id": "a", "hex": CARD.hex()})
    given(f'{whole}\n\nnonsense\n[]\n{{"id": "b"}}\n')
    assert main(["devices", "decode", "--profile", "aim-cr"]) == 1
    first, second, third, fourth = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["id"] == "a"
    assert first["scans"][0]["card_id"] == "2001234567893"
    assert "not JSON" in second["problem"]
    assert third["problem"] == "not a JSON object"
    assert (fourth["id"], fourth["scans"]) == ("b", [])


def test_decode_takes_the_vectors_as_they_are(
    given: Callable[[str], None], capsys: Captured
) -> None:
    cases = [json.loads(line) for line in VECTORS]
    of_profile = [case for case in cases if case["profile"] == "aim-cr"]
    given("\n".join(json.dumps(case) for case in of_profile))
    assert main(["devices", "decode", "--profile", "aim-cr"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["id"] for answer in answers] == [case["id"] for case in of_profile]


def test_a_profile_nobody_knows_is_named(capsys: Captured) -> None:
    assert main(["devices", "decode", "--profile", "nobody"]) == 3
    assert "known profiles" in capsys.readouterr().err


def test_list_shows_ports_and_profiles(tmp_path: Path, capsys: Captured) -> None:
    assert main(["devices", "list", "--json"]) == 0
    assert "ports" in json.loads(capsys.readouterr().out)
    assert main(["devices", "list", "--profiles", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "aim-cr" in {profile["name"] for profile in listed["profiles"]}
    (tmp_path / "broken.toml").write_text("nam = 1\n")
    assert main(["devices", "list", "--profiles", "--profiles-from", str(tmp_path)]) == 1
    assert "broken.toml:1" in capsys.readouterr().out


def test_listen_masks_unless_asked(capsys: Captured) -> None:
    with SimulatedScanner() as scanner, scanned_again_and_again(scanner, CARD):
        assert main(["devices", "listen", scanner.port, "--profile", "aim-cr", "--count", "1"]) == 0
        shown = capsys.readouterr().out
        assert "member card" in shown
        assert "2001234567893" not in shown
        clear = ["--profile", "aim-cr", "--count", "1", "--json", "--in-clear"]
        assert main(["devices", "listen", scanner.port, *clear]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert events[-1]["card_id"] == "2001234567893"


def test_a_recording_is_made_and_read_again(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "scanner.jsonl"
    asked = ["devices", "capture", "--profile", "aim-cr", "--count", "1", "--in-clear"]
    with SimulatedScanner() as scanner, scanned_again_and_again(scanner, CARD):
        assert main([*asked, scanner.port, "--out", str(file)]) == 0
        assert main([*asked, scanner.port, "--out", str(file)]) == 3
    assert "not overwritten" in capsys.readouterr().err
    assert main(["devices", "replay", str(file)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scans"][0]["card_id"] == "2001234567893"
    assert main(["devices", "replay", str(file), "--profile", "rdm6300"]) == 0
    assert main(["devices", "replay", str(file), "--profile", "msr-cr"]) == 1
    assert main(["devices", "replay", str(tmp_path / "missing")]) == 3
    (tmp_path / "other.jsonl").write_text("[]\n")
    assert main(["devices", "replay", str(tmp_path / "other.jsonl")]) == 3


def test_an_unknown_scanner_is_learnt_and_its_profile_works(
    tmp_path: Path, capsys: Captured
) -> None:
    with SimulatedScanner() as scanner, scanned_again_and_again(scanner, CARD[:-1] + b"\r\n"):
        asked = ["devices", "learn", scanner.port, "--name", "counter", "--write", str(tmp_path)]
        assert main(asked) == 0
        shown = capsys.readouterr().out
        assert "profile: aim-crlf" in shown
        assert "ean13: member card, card format ean13-in-store" in shown
        assert "2001234567893" not in shown
        assert main(asked) == 3
        own = ["--profile", "counter", "--profiles-from", str(tmp_path), "--count", "1"]
        assert main(["devices", "listen", scanner.port, *own]) == 0


def test_gibberish_teaches_nothing(capsys: Captured) -> None:
    with SimulatedScanner() as scanner, scanned_again_and_again(scanner, b"\xff\x01\x07abc"):
        assert main(["devices", "learn", scanner.port]) == 1
    assert "another --baud" in capsys.readouterr().out


def test_a_payment_card_in_learning_is_not_shown(capsys: Captured) -> None:
    content = b";4111111111111111=2912?\r"
    with SimulatedScanner() as scanner, scanned_again_and_again(scanner, content):
        main(["devices", "learn", scanner.port, "--scans", "1", "--in-clear"])
    shown = capsys.readouterr()
    assert "they hold a payment card number" in shown.out
    assert "4111" not in shown.out + shown.err


def test_a_silent_scanner_is_given_up(capsys: Captured) -> None:
    with SimulatedScanner() as scanner:
        assert main(["devices", "learn", scanner.port, "--wait", "0"]) == 3
    assert "nothing came" in capsys.readouterr().err


def test_udev_rules_need_a_device_that_is_there(capsys: Captured) -> None:
    assert main(["devices", "udev"]) == 0
    assert 'GROUP="tessera"' in capsys.readouterr().out
    assert main(["devices", "udev", "--for", "/dev/ttyNONE"]) == 3


def issue(tmp_path: Path, *more: str) -> Path:
    out = tmp_path / "cards.csv"
    asked = ["cards", "issue", "--format", "ean13-in-store", "--prefix", "2001", "--count", "9"]
    assert main([*asked, "--out", str(out), *more]) == 0
    return out


def test_cards_are_issued_printed_and_checked(tmp_path: Path, capsys: Captured) -> None:
    cards = issue(tmp_path)
    sheet = tmp_path / "sheet.pdf"
    assert main(["cards", "print", str(cards), "--out", str(sheet), "--title", "Shop"]) == 0
    assert main(["cards", "check", str(sheet), "--list", str(cards)]) == 0
    assert "9 cards on the list, 9 read back" in capsys.readouterr().out
    assert main(["cards", "print", str(cards), "--out", str(sheet)]) == 3


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_single_cards_are_drawn(kind: str, tmp_path: Path) -> None:
    cards = issue(tmp_path)
    folder = tmp_path / "drawn"
    assert main(["cards", "print", str(cards), "--out", str(folder), "--as", kind]) == 0
    assert len(list(folder.glob(f"*.{kind}"))) == 9


def test_a_card_that_is_missing_or_strange_is_found_out(tmp_path: Path, capsys: Captured) -> None:
    cards = issue(tmp_path)
    lines = cards.read_text().splitlines()
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("\n".join(lines[:-1]) + "\n")
    sheet = tmp_path / "sheet.pdf"
    main(["cards", "print", str(fewer), "--out", str(sheet)])
    assert main(["cards", "check", str(sheet), "--list", str(cards)]) == 1
    assert "1 cannot be read" in capsys.readouterr().out
    fewest = tmp_path / "fewest.csv"
    fewest.write_text("\n".join(lines[:-2]) + "\n")
    assert main(["cards", "check", str(sheet), "--list", str(fewest)]) == 1
    assert "1 are not on the list" in capsys.readouterr().out
    assert main(["cards", "check", str(sheet), "--json"]) == 0
    assert lines[1].split(",")[0] not in capsys.readouterr().out


def test_files_without_a_code_and_lists_that_are_none_are_named(
    tmp_path: Path, capsys: Captured
) -> None:
    cards = issue(tmp_path)
    text = tmp_path / "text.png"
    text.write_text("no image")
    assert main(["cards", "check", str(text)]) == 3
    pdf = tmp_path / "none.pdf"
    pdf.write_text("no PDF")
    assert main(["cards", "check", str(pdf)]) == 3
    assert main(["cards", "check", str(pdf), "--list", str(text)]) == 3
    assert main(["cards", "print", str(text), "--out", str(tmp_path / "x.pdf")]) == 3
    assert main(["cards", "print", str(cards), "--out", str(pdf), "--colour", "red"]) == 3
    new = tmp_path / "new.pdf"
    assert main(["cards", "print", str(cards), "--out", str(new), "--colour", "red"]) == 3
    assert "is no colour" in capsys.readouterr().err


def test_a_wrong_check_digit_on_the_list_is_refused_with_its_line(
    tmp_path: Path, capsys: Captured
) -> None:
    cards = tmp_path / "cards.csv"
    cards.write_text("payload,symbology\n2001234567893,ean13\n2001234567894,ean13\n")
    out = tmp_path / "sheet.pdf"
    assert main(["cards", "print", str(cards), "--out", str(out)]) == 3
    assert "cards.csv, line 3: the number cannot be printed" in capsys.readouterr().err
    assert list(tmp_path.glob("sheet*")) == []


def test_a_format_nobody_knows_or_cannot_draw_is_named(capsys: Captured) -> None:
    assert main(["cards", "issue", "--format", "nobody"]) == 3
    assert "known formats" in capsys.readouterr().err
    assert main(["cards", "issue", "--format", "nfc-uid"]) == 3
    assert "nothing that is drawn here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "part, command, words",
    [
        ("serial", ["devices", "list"], "need pyserial"),
        ("serial", ["devices", "listen", "/dev/ttyACM0"], "need pyserial"),
        ("segno", ["cards", "print", "LIST", "--out", "x.pdf"], "needs segno"),
        ("barcode", ["cards", "print", "LIST", "--out", "x.pdf"], "needs python-barcode"),
        ("reportlab", ["cards", "print", "LIST", "--out", "x.pdf"], "need reportlab"),
        ("PIL", ["cards", "print", "LIST", "--out", "drawn", "--as", "png"], "need Pillow"),
        ("PIL", ["cards", "check", "x.png"], "needs Pillow"),
        ("pypdfium2", ["cards", "check", "x.pdf"], "needs pypdfium2"),
    ],
)
def test_a_part_that_is_not_installed_is_named_with_the_way_to_get_it(
    part: str, command: list[str], words: str, tmp_path: Path
) -> None:
    symbology, payload = ("qr", "A") if part == "segno" else ("ean13", "2001234567893")
    cards = tmp_path / "cards.csv"
    cards.write_text(f"payload,symbology\n{payload},{symbology}\n")
    asked = [str(cards) if word == "LIST" else word for word in command]
    script = (
        f"import sys; sys.modules[{part!r}] = None\n"
        f"from tessera.cli.main import main; sys.exit(main({asked!r}))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert outcome.returncode == 3, outcome.stderr
    assert words in outcome.stderr
    assert "install tessera-pos[" in outcome.stderr


@pytest.mark.parametrize(
    "file",
    sorted((Path(__file__).parents[2] / "hardware" / "captures").glob("*.jsonl")),
    ids=lambda file: file.stem,
)
def test_every_shipped_recording_reads_without_an_error(file: Path, capsys: Captured) -> None:
    assert main(["devices", "replay", str(file)]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(answer["scans"] for answer in answers)


@pytest.mark.parametrize(
    "words",
    [
        ["listen", "port", "--count", "0"],
        ["capture", "port", "--count", "-1"],
        ["learn", "port", "--scans", "0"],
        ["learn", "port", "--wait", "many"],
    ],
    ids=" ".join,
)
def test_a_number_that_makes_no_sense_is_wrong_usage(words: list[str], capsys: Captured) -> None:
    assert main(["devices", *words]) == 2
    assert f"{words[-1]!r} is no whole number from" in capsys.readouterr().err


def test_only_its_owner_reads_a_recording(tmp_path: Path) -> None:
    file = tmp_path / "scanner.jsonl"
    asked = ["devices", "capture", "--profile", "aim-cr", "--count", "1", "--in-clear"]
    with SimulatedScanner() as scanner, scanned_again_and_again(scanner, CARD):
        assert main([*asked, scanner.port, "--out", str(file)]) == 0
    assert file.stat().st_mode & 0o077 == 0


def test_a_font_without_end_is_refused(tmp_path: Path, capsys: Captured) -> None:
    cards = issue(tmp_path)
    sheet = tmp_path / "sheet.pdf"
    asked = ["cards", "print", str(cards), "--out", str(sheet), "--font", "/dev/zero"]
    assert main(asked) == 3
    assert "/dev/zero is no font" in capsys.readouterr().err
