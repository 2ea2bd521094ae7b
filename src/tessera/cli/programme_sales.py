"""A file of sales read in chunks and priced by several processes.

Owns: the chunks and the processes. Must never: sum anything; `tessera.rules.replay` does. The
chunks depend on the file alone and are added up in its order, so that the number of processes
changes nothing but the time.
"""

import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from tessera.rules.replay_lines import Chunk, Part, Programmes

CHUNK_LINES = 250
AHEAD = 3
"""Chunks that wait for each process: enough to keep it busy, few enough to stay small."""


def read_programmes(draft: Path, current: Path | None) -> "Programmes":
    """Read the draft and what it is compared with; they have to be sound and in one currency."""
    from tessera.cli.programme_files import sound_programme
    from tessera.rules.replay_lines import Programmes

    found = Programmes(sound_programme(draft), sound_programme(current) if current else None)
    if found.current is not None and found.current.currency != found.draft.currency:
        raise TesseraError(
            f"{draft} is in {found.draft.currency}, {current} in {found.current.currency}",
            hint="compare programmes of one currency",
        )
    return found


def chunks_of(file: BinaryIO) -> "Iterator[Chunk]":
    """Give the lines in chunks; no more than one chunk is held at a time."""
    from tessera.rules.replay_lines import Chunk

    first = 1
    while lines := tuple(islice(_lines_of(file), CHUNK_LINES)):
        yield Chunk(first, lines)
        first += len(lines)


def _lines_of(file: BinaryIO) -> Iterator[bytes | None]:
    from tessera.rules.replay_lines import LINE_BYTES_MAX

    while line := file.readline(LINE_BYTES_MAX):
        if len(line) < LINE_BYTES_MAX or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)
        yield None


# -- processes


def priced(file: BinaryIO, draft: Path, current: Path | None, workers: int) -> "Iterator[Part]":
    """Give the parts of a file in its order; a file of one chunk needs no other process."""
    from tessera.rules.replay_lines import price_chunk

    chunks = chunks_of(file)
    start = list(islice(chunks, 2))
    everything = chain(start, chunks)
    if workers == 1 or len(start) < 2:
        programmes = read_programmes(draft, current)
        for chunk in everything:
            yield price_chunk(programmes, chunk)
        return
    executor = ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(draft, current),
    )
    try:
        waiting: deque[Future[Part]] = deque()
        for chunk in everything:
            waiting.append(executor.submit(_price, chunk))
            if len(waiting) >= workers * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise TesseraError(
            "a process that priced sales ended by itself",
            hint="was memory short? try it with --workers 1",
        ) from None
    finally:
        executor.shutdown(cancel_futures=True)


_of_this_process: list["Programmes"] = []
"""The programmes of a worker process, read once when it starts."""


def _begin(draft: Path, current: Path | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that was started
    _of_this_process.append(read_programmes(draft, current))


def _price(chunk: "Chunk") -> "Part":
    from tessera.rules.replay_lines import price_chunk

    return price_chunk(_of_this_process[0], chunk)
