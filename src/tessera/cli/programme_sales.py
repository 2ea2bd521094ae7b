"""A file of sales read in chunks and priced by several processes.

Owns: the chunks and the processes. Must never: sum anything; `tessera.rules.replay` does. The
chunks depend on the file alone and are added up in its order, so that the number of processes
changes nothing but the time.
"""

import gc
import io
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from tessera.cli.programme_sales_parquet import RowChunk
    from tessera.rules.replay import Programmes
    from tessera.rules.replay_lines import Chunk, Part

CHUNK_LINES = 250
AHEAD = 3
"""Chunks that wait for each process: enough to keep it busy, few enough to stay small."""


def read_programmes(draft: Path, current: Path | None) -> "Programmes":
    """Read the draft and what it is compared with; they have to be sound and in one currency."""
    from tessera.cli.programme_files import sound_programme
    from tessera.rules.replay import Programmes

    found = Programmes.of(sound_programme(draft), sound_programme(current) if current else None)
    if found.current is not None and found.current.currency != found.draft.currency:
        raise TesseraError(
            f"{draft} is in {found.draft.currency}, {current} in {found.current.currency}",
            hint="compare programmes of one currency",
        )
    return found


@dataclass(frozen=True, slots=True)
class Sales:
    """A file of sales: its chunks, and where it ends (0 where nobody knows)."""

    chunks: "Iterator[Chunk | RowChunk]"
    end: int
    unit: str


@contextmanager
def opened(path: Path) -> Iterator[Sales]:
    """Open a file of sales: JSON lines or Parquet, told apart by its first bytes."""
    from tessera.cli.programme_sales_parquet import MAGIC, opened_table, row_chunks_of

    if str(path) == "-":
        if _first_bytes(sys.stdin.buffer).startswith(MAGIC):
            raise TesseraError(
                "Parquet can't be read from standard input", hint="name the file instead of -"
            )
        yield Sales(chunks_of(sys.stdin.buffer), 0, "line")
        return
    try:
        file = path.open("rb")
    except OSError as error:
        reason = (error.strerror or "can't be read").lower()
        raise TesseraError(f"{path}: {reason}", hint="look at the path and its rights") from None
    with file:
        if _first_bytes(file).startswith(MAGIC):
            table = opened_table(path, file)
            yield Sales(row_chunks_of(table), table.metadata.num_rows, "row")
        else:
            yield Sales(chunks_of(file), os.fstat(file.fileno()).st_size, "line")


def _first_bytes(file: BinaryIO) -> bytes:
    return file.peek(4) if isinstance(file, io.BufferedReader) else b""


def chunks_of(file: BinaryIO) -> "Iterator[Chunk]":
    """Give the lines in chunks; no more than one chunk is held at a time."""
    from tessera.rules.replay_lines import Chunk

    first, end = 1, 0
    lines = _lines_of(file)
    while found := tuple(islice(lines, CHUNK_LINES)):
        end += sum(size for _, size in found)
        yield Chunk(first, tuple(line for line, _ in found), end)
        first += len(found)


def _lines_of(file: BinaryIO) -> Iterator[tuple[bytes | None, int]]:
    """Give each line with its size; None instead of a line that is too long."""
    from tessera.rules.replay_lines import LINE_BYTES_MAX

    while line := file.readline(LINE_BYTES_MAX):
        size = len(line)
        if size < LINE_BYTES_MAX or line.endswith(b"\n"):
            yield line, size
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)
            size += len(line)
        yield None, size


# -- processes


def priced(sales: Sales, draft: Path, current: Path | None, workers: int) -> "Iterator[Part]":
    """Give the parts of a file in its order; a file of one chunk needs no other process."""
    chunks = sales.chunks
    start = list(islice(chunks, 2))
    everything = chain(start, chunks)
    if workers == 1 or len(start) < 2:
        programmes = read_programmes(draft, current)
        for chunk in everything:
            yield _priced(programmes, chunk)
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
    # The programmes stay to the end, and pricing makes much that is freed without being looked for.
    gc.freeze()
    gc.set_threshold(50_000)


def _price(chunk: "Chunk | RowChunk") -> "Part":
    return _priced(_of_this_process[0], chunk)


def _priced(programmes: "Programmes", chunk: "Chunk | RowChunk") -> "Part":
    from tessera.cli.programme_sales_parquet import RowChunk, values_of
    from tessera.rules.replay_lines import price_chunk, price_values

    if isinstance(chunk, RowChunk):
        return price_values(programmes, values_of(chunk), first=chunk.first, end=chunk.end)
    return price_chunk(programmes, chunk)
