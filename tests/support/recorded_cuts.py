"""A small program recorded, and its power cut at every call: for tests of what a till's file holds.

The program is a module of `tests.support` that says on standard output what it has promised.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from tests.support.recorded_writes import Call, Facts, Replay, read_trace, strace_words

FILES = ("till.db", "till.db-wal", "till.db-journal")


@dataclass(frozen=True, slots=True)
class Recording:
    """What one run of a program wrote into `folder`."""

    folder: Path
    calls: list[Call]


class Hears(Protocol):
    """What a program had promised when the power went."""

    def hear(self, text: str) -> None:
        """Take in what the program said next."""


T = TypeVar("T")
P = TypeVar("P", bound=Hears)


def record(module: str, place: Path) -> Recording:
    """Run `tests.support.<module>` on an empty folder under strace, to its end."""
    folder, trace = place / "till", place / "trace"
    folder.mkdir()
    command = [*strace_words(trace), sys.executable, "-m", f"tests.support.{module}", str(folder)]
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("closed\n")
    return Recording(folder, read_trace(trace))


def cut_everywhere(
    recording: Recording,
    memory: Path,
    read: Callable[[Path], T],
    promises: Callable[[], P],
    wrong_with: Callable[[T, P], list[str]],
    *,
    torn: int,
    images: int = 0,
) -> P:
    """Cut the power after every call, until at least so many images differ; none may be wrong.

    Each place is cut with the unsynced writes dropped, kept, and `torn` times torn by chance of a
    fixed seed; `read` tells what an image holds. Gives the promises at the program's end.
    """
    wrong, cuts, chance = Counter[str](), 0, random.Random(20261121)
    nothing = memory / "nothing"
    nothing.mkdir()
    facts = Facts(memory / "image", read)
    promised = promises()
    while not cuts or facts.images < images:
        promised, replay = promises(), Replay(recording.calls, nothing, FILES)
        for call in replay.steps(recording.folder):
            if call.what == "send":
                promised.hear(call.content.decode(errors="replace"))
            for how in ("dropped", "kept", *["torn"] * torn):
                cuts += 1
                wrong.update(wrong_with(facts.of(replay.image(how, chance)), promised))
    print(f"{facts.images} different images in {cuts} cuts: {dict(wrong)}")
    assert facts.images > 1_000
    assert wrong == Counter()
    return promised
