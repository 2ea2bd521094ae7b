"""A page of documentation as a story that can be run: its files are written, its commands executed.

A fenced block `yaml file=NAME` (or json, toml, text) is a file. A block `console` holds commands
after `$ ` and, below each, what it prints; `…` in a line stands for anything. Other blocks are
only read by people.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_S_MAX = 150


@dataclass(frozen=True, slots=True)
class File:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    words: str
    printed: str


def steps_of(page: Path) -> list[File | Command]:
    steps: list[File | Command] = []
    for kind, name, text in FENCE.findall(page.read_text("utf-8")):
        if name:
            steps.append(File(name, text))
        elif kind == "console":
            steps += [
                Command(words=found[1].replace("\\\n", ""), printed=found[2])
                for found in re.finditer(
                    r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE
                )
            ]
    return steps


# Reads a command, runs it, says that it is over. One shell runs a whole page, so that `wait` and
# `kill` mean what they mean to a person at a terminal.
SHELL = r"""
while IFS= read -r -d '' words <&3; do eval "$words" 3<&- </dev/null 2>&1; printf '\036'; done
"""
OVER = b"\x1e"


class Terminal:
    """Runs commands one after the other in one shell; what they left running ends with it."""

    def __init__(self, folder: Path) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        commands, self._commands = os.pipe()
        self._printed, printed = os.pipe()
        with os.fdopen(commands, "rb") as at_3, os.fdopen(printed, "wb") as out:
            self._shell = subprocess.Popen(
                ["bash", "-c", f"exec 3<&{at_3.fileno()}; {SHELL}"],
                cwd=folder,
                env={**os.environ, "PATH": path, "COLUMNS": "100"},
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=[at_3.fileno()],
                process_group=0,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        os.close(self._commands)
        os.close(self._printed)

    def run(self, words: str) -> str:
        """What a command prints, errors included; it must end, or go to the background."""
        os.write(self._commands, words.encode() + b"\0")
        printed, ends_at = b"", time.monotonic() + COMMAND_S_MAX
        while not printed.endswith(OVER):
            ready, _, _ = select.select([self._printed], [], [], ends_at - time.monotonic())
            part = os.read(self._printed, 65_536) if ready else b""
            assert part, f"$ {words}\nnot over after {COMMAND_S_MAX} s, printed {printed!r}"
            printed += part
        return printed.removesuffix(OVER).decode()


def play(page: Path, folder: Path) -> None:
    """Play a whole page; an assertion shows the first command that prints something else."""
    with Terminal(folder) as terminal:
        for step in steps_of(page):
            if isinstance(step, File):
                (folder / step.name).write_text(step.text, "utf-8")
            else:
                printed = terminal.run(step.words)
                assert agrees(printed, step.printed), f"$ {step.words}\n{printed}"


def agrees(printed: str, expected: str) -> bool:
    have, want = _lines(printed), _lines(expected)
    return len(have) == len(want) and all(
        re.fullmatch(re.escape(shape).replace("…", ".*"), line)
        for line, shape in zip(have, want, strict=True)
    )


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
