import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tessera import __version__
from tessera.cli import main as cli
from tessera.core.errors import TesseraError


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a command into the table that does what the test says."""

    def put(*path: str, run: Callable[[argparse.Namespace], int]) -> None:
        def add_arguments(parser: argparse.ArgumentParser) -> None:
            parser.add_argument("--sum", type=int)
            parser.add_argument("--json", action="store_true")

        module = ModuleType("tests_command", f"Do what {path} does.")
        module.add_arguments = add_arguments  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        module.EXAMPLES = "examples:\n  tessera x"  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tests_command", module)
        monkeypatch.setitem(cli.COMMANDS, path, cli.Command("tests_command", "does it"))

    return put


def fail(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(_: argparse.Namespace) -> int:
        raise error

    return run


def test_the_exit_code_is_the_commands_own(command: Callable[..., None]) -> None:
    command("agent", "weigh", run=lambda arguments: int(arguments.sum))
    assert cli.main(["agent", "weigh", "--sum", "1"]) == 1


def test_a_failure_tells_the_fact_and_the_hint(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command("weigh", run=fail(TesseraError("port COM9 is busy", hint="close the other program")))
    assert cli.main(["weigh"]) == 3
    assert capsys.readouterr().err == (
        "tessera: port COM9 is busy\n  hint: close the other program\n"
    )


def test_a_failure_without_a_hint_is_one_line(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command("weigh", run=fail(TesseraError("port COM9 is busy")))
    assert cli.main(["weigh"]) == 3
    assert capsys.readouterr().err == "tessera: port COM9 is busy\n"


def test_ctrl_c_is_no_traceback(command: Callable[..., None]) -> None:
    command("weigh", run=fail(KeyboardInterrupt()))
    assert cli.main(["weigh"]) == 130


def test_a_mistake_of_our_own_is_not_hidden(command: Callable[..., None]) -> None:
    command("weigh", run=fail(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["weigh"])


def test_an_unknown_option_is_wrong_usage(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command("weigh", run=lambda _: 0)
    assert cli.main(["weigh", "--su", "1"]) == 2
    assert "usage: tessera weigh" in capsys.readouterr().err


def test_the_help_of_a_command_is_its_docstring_and_examples(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command("agent", "weigh", run=lambda _: 0)
    assert cli.main(["agent", "weigh", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "usage: tessera agent weigh" in shown
    assert "Do what ('agent', 'weigh') does." in shown
    assert shown.endswith("examples:\n  tessera x\n")


@pytest.mark.parametrize(
    "words, hint",
    [
        (["weihg"], "did you mean 'tessera weigh'?"),
        (["qqqq"], "tessera --help lists the commands"),
        (["agent", "measur"], "did you mean 'tessera agent measure'?"),
        (["agent", "0815-4711-0"], "tessera agent --help lists the commands"),
    ],
)
def test_an_unknown_command_is_wrong_usage_with_a_proposal(
    command: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    hint: str,
) -> None:
    command("weigh", run=lambda _: 0)
    command("agent", "measure", run=lambda _: 0)
    assert cli.main(words) == 2
    told = capsys.readouterr().err
    assert told == f"tessera: there is no command '{' '.join(words)}'\n  hint: {hint}\n"


def test_the_overview_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for path, entry in cli.COMMANDS.items():
        assert " ".join(path) in shown
        assert entry.summary in shown


def test_a_group_lists_its_own_commands_only(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command("agent", "weigh", run=lambda _: 0)
    assert cli.main(["agent", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "agent weigh" in shown
    assert "version" not in shown


@pytest.mark.parametrize("words", [[], ["agent"]])
def test_no_command_is_wrong_usage(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    command("agent", "weigh", run=lambda _: 0)
    assert cli.main(words) == 2
    assert "usage: tessera" in capsys.readouterr().err


def test_the_overview_imports_no_command() -> None:
    script = (
        "import sys; from tessera.cli.main import main, COMMANDS; main(['--help']);"
        "sys.exit(any(c.module in sys.modules for c in COMMANDS.values()))"
    )
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert outcome.returncode == 0


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    script = "import sys; from tessera.cli.main import main; sys.exit(main(['version']))"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        told = running.stderr.read()
    assert (running.returncode, told) == (141, b"")


def test_the_version_is_told_in_words_and_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["tessera", __version__]
    assert cli.main(["version", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)
    assert versions["tessera"] == __version__
    assert tuple(map(int, versions["sqlite"].split("."))) > (3, 51, 2)


def test_the_module_is_the_command() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "tessera", "--version"], capture_output=True, check=False
    )
    assert outcome.stdout.startswith(b"tessera")


def test_a_command_may_have_three_words(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command("agent", "scale", "weigh", run=lambda arguments: int(arguments.sum))
    assert cli.main(["agent", "scale", "weigh", "--sum", "1"]) == 1
    assert cli.main(["agent", "scale", "wiegh"]) == 2
    assert "did you mean 'tessera agent scale weigh'?" in capsys.readouterr().err


def test_the_help_of_an_action_says_what_it_does_and_shows_its_own_examples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["central", "programme", "start", "--help"]) == 0
    told = capsys.readouterr().out
    assert "\nLet a stopped offer go again.\n" in told
    assert told.endswith("examples:\n  tessera central programme start dairy-10\n")


def test_an_example_that_goes_on_in_a_second_line_is_shown_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["central", "member", "add", "--help"]) == 0
    assert capsys.readouterr().out.endswith("2400000000017 \\\n      --balance points=120\n")


def test_a_terminal_without_utf_8_is_no_traceback() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "tessera", "--help"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert outcome.stdout.startswith(b"usage: tessera COMMAND \\u2026\n")


def test_a_line_that_is_no_text_is_a_malformed_line() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "tessera", "devices", "decode", "--profile", "aim-cr"],
        input=b'\xff\n{"id": "\\ud800", "hex": "5d4530343030363338313333333933310d"}\n',
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )
    assert (outcome.returncode, outcome.stderr) == (1, b"")
    malformed, read = map(json.loads, outcome.stdout.splitlines())
    assert "not JSON" in malformed["problem"]
    assert read["scans"][0]["payload"] == "4006381333931"


def test_a_failure_is_told_to_programs_as_json(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    trouble = TesseraError("port COM9 is busy", hint="close the other program", code="port_busy")
    command("weigh", run=fail(trouble))
    assert cli.main(["weigh", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "error": "port COM9 is busy",
        "hint": "close the other program",
        "code": "port_busy",
    }
    assert err.startswith("tessera: port COM9 is busy\n")


@pytest.mark.parametrize(
    "words",
    [
        ("doctor", "--config", "/dev/zero"),
        ("central", "status", "--config", "/dev/zero"),
        ("devices", "decode", "--profile", "aim-cr", "--cards", "/dev/zero"),
    ],
)
def test_a_settings_file_without_end_is_not_read_to_its_end(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(list(words)) in {1, 3}
    assert "larger than 64 KiB" in capsys.readouterr().err


def test_doctor_tells_programs_of_settings_with_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "agent.toml"
    wrong.write_text("")
    assert cli.main(["doctor", "--config", str(wrong), "--json"]) == 1
    out, err = capsys.readouterr()
    (finding,) = json.loads(out)["findings"]
    assert (finding["check"], finding["grade"]) == ("settings", "trouble")
    assert "data_dir" in err


def test_a_ledger_of_nobody_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["central", "ledger"]) == 2
    assert "tessera central ledger --help" in capsys.readouterr().err
