"""The command `tessera`: finds the one module that a command needs, imports it and runs it.

Help for `tessera` and for a group (`tessera agent`) comes from the table below, without importing
anything. No command's work belongs here, only what all of them share: help, unknown words, the exit
codes and how a failure is shown.

A command is a module with

- a docstring: its text is the description in `--help`;
- `add_arguments(parser: argparse.ArgumentParser) -> None`;
- `run(arguments: argparse.Namespace) -> int`, the exit code;
- if it likes, `EXAMPLES: str`, shown below the options.

Exit codes: 0 fine, 1 the thing asked about is wrong, 2 wrong usage, 3 could not do it, 130 stopped
by Ctrl-C, 141 the reader of our output went away.
"""

import argparse
import difflib
import importlib
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from tessera.core.errors import TesseraError

EXIT_WRONG_USAGE = 2
EXIT_COULD_NOT = 3
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives and the one line about it that the overview shows."""

    module: str
    summary: str


# To add a command: write its module, add its line here and its section in docs/commands.md.
COMMANDS: dict[tuple[str, ...], Command] = {
    ("agent", "enrol"): Command(
        "tessera.cli.agent_enrol", "make this register known to central, by a one-time code"
    ),
    (
        "agent",
        "journal",
        "shorten",
    ): Command("tessera.cli.agent_journal_shorten", "drop old records that central has backed up"),
    (
        "agent",
        "journal",
        "verify",
    ): Command("tessera.cli.agent_journal_verify", "check that the register's journal is whole"),
    ("agent", "pair"): Command("tessera.cli.agent_pair", "give a POS the token that it must send"),
    ("agent", "queue"): Command(
        "tessera.cli.agent_queue", "show what waits to be sent, and what central kept aside"
    ),
    (
        "agent",
        "restore",
    ): Command("tessera.cli.agent_restore", "put back a register's data folder from a copy of it"),
    ("agent", "salvage"): Command(
        "tessera.cli.agent_salvage", "bring back records from the salvage file"
    ),
    ("agent", "serve"): Command("tessera.cli.agent_serve", "run the agent of this register"),
    ("agent", "status"): Command("tessera.cli.agent_status", "show how the running agent is"),
    ("cards", "check"): Command("tessera.cli.cards_check", "read printed cards back"),
    ("cards", "issue"): Command("tessera.cli.cards_issue", "make and draw new card numbers"),
    ("cards", "print"): Command("tessera.cli.cards_print", "draw cards for printing"),
    ("central", "alarms"): Command(
        "tessera.cli.central_alarms", "forks, new lives, overspent leases: what must be looked at"
    ),
    ("central", "backup"): Command(
        "tessera.cli.central_backup", "copy the database, and tell registers what is safe"
    ),
    ("central", "coupon"): Command(
        "tessera.cli.central_coupon", "issue single-use coupons in lots, list what was used"
    ),
    ("central", "draws"): Command(
        "tessera.cli.central_draws", "what was drawn at the tills, and who holds entries"
    ),
    ("central", "keys"): Command(
        "tessera.cli.central_keys", "what registers believe: root and online keys, rotation"
    ),
    (
        "central",
        "lease",
    ): Command("tessera.cli.central_lease", "list leases, and write off what is lost"),
    (
        "central",
        "ledger",
    ): Command("tessera.cli.central_ledger", "show a member's balances, leases and entries"),
    ("central", "limits"): Command(
        "tessera.cli.central_limits", "limits over all members: used, at registers, left"
    ),
    ("central", "member"): Command(
        "tessera.cli.central_member", "add, import, block, erase and merge members"
    ),
    ("central", "programme"): Command(
        "tessera.cli.central_programme", "release a programme to the stores; stop an offer at once"
    ),
    ("central", "quarantine"): Command(
        "tessera.cli.central_quarantine", "records that could not be booked: look, retry, drop"
    ),
    ("central", "recheck"): Command(
        "tessera.cli.central_recheck", "price booked sales once more: what does not come out again"
    ),
    ("central", "records"): Command(
        "tessera.cli.central_records", "show what a register sent, and what became of it"
    ),
    ("central", "register"): Command(
        "tessera.cli.central_register", "add, list and revoke registers"
    ),
    ("central", "restored"): Command(
        "tessera.cli.central_restored", "say that the database was restored from a backup"
    ),
    ("central", "seed"): Command(
        "tessera.cli.central_seed", "make the seed of instant wins, publish it afterwards"
    ),
    ("central", "serve"): Command("tessera.cli.central_serve", "run the server"),
    ("central", "status"): Command(
        "tessera.cli.central_status", "what needs a person now, and how central stands"
    ),
    ("central", "store"): Command("tessera.cli.central_store", "add and list stores"),
    ("central", "verify"): Command(
        "tessera.cli.central_verify", "rebuild balances from postings and compare"
    ),
    ("demo",): Command("tessera.cli.demo", "a shop's bad day, all real, told as it happens"),
    ("devices", "capture"): Command("tessera.cli.devices_capture", "record what a reader sends"),
    ("devices", "decode"): Command("tessera.cli.devices_decode", "decode recorded bytes"),
    (
        "devices",
        "learn",
    ): Command("tessera.cli.devices_learn", "find an unknown scanner's profile"),
    ("devices", "list"): Command("tessera.cli.devices_list", "list readers and reader profiles"),
    ("devices", "listen"): Command("tessera.cli.devices_listen", "show what one reader scans"),
    ("devices", "replay"): Command("tessera.cli.devices_replay", "read a recording again"),
    ("devices", "udev"): Command("tessera.cli.devices_udev", "print udev rules for readers"),
    ("doctor",): Command(
        "tessera.cli.doctor", "look at this register: what is wrong and how to mend it"
    ),
    ("programme", "audit-draw"): Command(
        "tessera.cli.programme_audit_draw", "draw instant wins again and say which differ"
    ),
    ("programme", "check"): Command(
        "tessera.cli.programme_check", "check a programme and say everything that is wrong with it"
    ),
    ("programme", "diff"): Command(
        "tessera.cli.programme_diff", "say in words what a release changes against the last one"
    ),
    ("programme", "evaluate"): Command(
        "tessera.cli.programme_evaluate", "price one basket by a programme and show the quote"
    ),
    ("programme", "explain"): Command(
        "tessera.cli.programme_explain", "explain a quote: what every offer did, and why not"
    ),
    ("programme", "lint-combinations"): Command(
        "tessera.cli.programme_lint_combinations", "rank the pairs of offers that can meet"
    ),
    ("programme", "new"): Command(
        "tessera.cli.programme_new", "write a commented starter from the name of a mechanic"
    ),
    (
        "programme",
        "replay",
    ): Command(
        "tessera.cli.programme_replay", "price a period's sales by a draft: what would change"
    ),
    ("programme", "schema"): Command(
        "tessera.cli.programme_schema", "print the JSON Schema of programme files, for editors"
    ),
    (
        "programme",
        "test",
    ): Command(
        "tessera.cli.programme_test", "run a programme's own cases: baskets and what must come out"
    ),
    ("version",): Command(
        "tessera.cli.version", "show what runs here: versions of tessera and its parts"
    ),
}

# One line for each first word that has commands under it.
GROUPS: dict[str, str] = {
    "agent": "the process on a register",
    "cards": "member cards: issue and draw them",
    "central": "the server that the registers report to",
    "devices": "scanners and other readers",
    "programme": "loyalty programmes: write, check and try them",
}

PROLOGUE = (
    "Tessera keeps a shop's loyalty programme running at the till, with or without a network."
)
EPILOGUE = (
    "exit codes: 0 fine · 1 the thing asked about is wrong · 2 wrong usage · 3 could not do it"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; `argv` is without the program's name."""
    words = list(sys.argv[1:] if argv is None else argv)
    _write_in_any_encoding()
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except TesseraError as error:
        print(f"tessera: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  hint: {error.hint}", file=sys.stderr)
        if "--json" in words:
            # Whoever reads the answer with a program shall not have to read the other stream.
            told = {"error": error.message, "hint": error.hint, "code": error.code}
            print(json.dumps(told), flush=True)
        return EXIT_COULD_NOT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # `tessera … | head` is no failure; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    return code


def _write_in_any_encoding() -> None:
    """Write what a terminal's encoding lacks as an escape, as standard error does already."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _dispatch(words: list[str]) -> int:
    if not words:
        print(_overview(), file=sys.stderr)
        return EXIT_WRONG_USAGE
    first, rest = words[0], words[1:]
    if first in {"-h", "--help", "help"}:
        print(_overview())
        return 0
    if first == "--version":
        first, rest = "version", []
    path = _longest_path([first, *rest])
    if path is not None:
        return _run(path, [first, *rest][len(path) :])
    if not any(known[0] == first for known in COMMANDS):
        return _unknown(first, sorted({known[0] for known in COMMANDS}), "tessera --help")
    if not rest:
        print(_group_overview(first), file=sys.stderr)
        return EXIT_WRONG_USAGE
    if rest[0] in {"-h", "--help"}:
        print(_group_overview(first))
        return 0
    deeper = any(known[:2] == (first, rest[0]) for known in COMMANDS)
    words = [word for word in rest[: 1 + deeper] if not word.startswith("-")]
    known = [" ".join(known) for known in COMMANDS if known[0] == first]
    return _unknown(" ".join([first, *words]), known, f"tessera {first} --help")


def _longest_path(words: list[str]) -> tuple[str, ...] | None:
    """Find the command that the first words name; `agent journal verify` has three."""
    for count in range(min(len(words), 3), 0, -1):
        if tuple(words[:count]) in COMMANDS:
            return tuple(words[:count])
    return None


def _run(path: tuple[str, ...], rest: list[str]) -> int:
    module = importlib.import_module(COMMANDS[path].module)
    try:
        arguments = _parser(path, module).parse_args(rest)
    except SystemExit as stop:  # argparse has printed its help or its complaint
        return stop.code if isinstance(stop.code, int) else EXIT_WRONG_USAGE
    code: int = module.run(arguments)
    return code


def _parser(path: tuple[str, ...], module: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=" ".join(("tessera", *path)),
        description=(module.__doc__ or "").strip(),
        epilog=getattr(module, "EXAMPLES", None),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    _tell_actions(parser, getattr(module, "EXAMPLES", ""))
    return parser


def _tell_actions(parser: argparse.ArgumentParser, examples: str) -> None:
    """Let the help of each action say what it does, and show those examples that are its own."""
    # argparse has no public way from a parser to the actions that a module has added.
    for group in parser._actions:  # noqa: SLF001
        if not isinstance(group, argparse._SubParsersAction):  # noqa: SLF001
            continue
        for told in group._choices_actions:  # noqa: SLF001
            action: argparse.ArgumentParser = group.choices[told.dest]
            sentence = told.help or ""
            action.description = action.description or f"{sentence[:1].upper()}{sentence[1:]}."
            own = [one for one in _each_of(examples) if f"{action.prog} " in f"{one} "]
            if own and action.epilog is None:
                action.epilog = "\n".join(["examples:", *own])
                action.formatter_class = argparse.RawDescriptionHelpFormatter


def _each_of(examples: str) -> list[str]:
    """Give each example with the lines on which it goes on."""
    found: list[str] = []
    for line in examples.splitlines():
        if found and found[-1].endswith("\\"):
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


def _unknown(word: str, known: list[str], help_command: str) -> int:
    print(f"tessera: there is no command '{word}'", file=sys.stderr)
    close = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean 'tessera {close[0]}'?" if close else f"{help_command} lists the commands"
    print(f"  hint: {hint}", file=sys.stderr)
    return EXIT_WRONG_USAGE


def _overview() -> str:
    lines = ["usage: tessera COMMAND …", "", PROLOGUE, ""]
    lines += _listing(sorted(COMMANDS))
    return "\n".join([*lines, "", "tessera COMMAND --help tells more about one.", EPILOGUE])


def _group_overview(group: str) -> str:
    lines = [f"usage: tessera {group} COMMAND …", "", f"{group}: {GROUPS[group]}", ""]
    lines += _listing(sorted(path for path in COMMANDS if path[0] == group))
    return "\n".join(
        [*lines, "", f"tessera {group} COMMAND --help tells more about one.", EPILOGUE]
    )


def _listing(paths: list[tuple[str, ...]]) -> list[str]:
    width = max(len(" ".join(path)) for path in paths)
    return [f"  {' '.join(path):<{width}}  {COMMANDS[path].summary}" for path in paths]
