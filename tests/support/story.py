"""A page of documentation as a story that can be run: its files are written, its commands executed.

A fenced block `yaml file=NAME` (or json, toml, text) is a file. A block `console` holds commands
after `$ ` and, below each, what it prints; `…` in a line stands for anything. Other blocks are
only read by people.
"""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_S_MAX = 60


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


class Terminal:
    """Runs commands one after the other; what they left running ends with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._groups: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def run(self, words: str) -> str:
        """What a command prints, errors included; it must end, or go to the background."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with subprocess.Popen(
            ["bash", "-c", words],
            cwd=self._folder,
            env={**os.environ, "PATH": path, "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        ) as process:
            self._groups.append(process.pid)
            return process.communicate(timeout=COMMAND_S_MAX)[0]


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
