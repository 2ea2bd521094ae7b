"""Sales in a Parquet file: rows in, plain values out, as the lines of a JSON file would give them.

Owns: pyarrow, which only this needs and only where such a file is read, and the columns' meaning.
Must never: price, or hold more of a file than a chunk of rows.

The reading process decodes pages and hands chunks on as Arrow's own bytes, whatever the sizes of
the file's row groups; the pricing processes make values of them. Values are made column by column
from the few that differ: making each cell for itself takes longer than pricing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

MAGIC = b"PAR1"
CHUNK_ROWS = 250
CHUNK_BYTES_MAX = 250_000_000
COLUMNS = ("at", "store", "region", "register", "member", "basket")


@dataclass(frozen=True, slots=True)
class RowChunk:
    """Rows in Arrow's stream format, the first with its number; `end` is the number of the last."""

    first: int
    rows: bytes
    end: int


def opened_table(path: Path, file: BinaryIO) -> "ParquetFile":
    """Open a Parquet file whose columns are those of a sale. Raises TesseraError."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise TesseraError(
            f"{path} is a Parquet file, and pyarrow is not installed",
            hint="pip install 'tessera-pos[parquet]', or write the sales as JSON lines",
        ) from None
    try:
        table = ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    except (ArrowException, OSError) as error:
        raise TesseraError(
            f"{path} is no whole Parquet file: {error}", hint="write it again"
        ) from None
    names = table.schema_arrow.names
    for name in ("at", "basket"):
        if name not in names:
            raise TesseraError(
                f"{path} has no column {name!r}", hint=f"a sale has {', '.join(COLUMNS)}"
            )
    if unknown := sorted(set(names) - set(COLUMNS)):
        raise TesseraError(
            f"{path}: unknown column {unknown[0]!r}",
            hint=f"leave it out or correct its name; a sale has {', '.join(COLUMNS)}",
        )
    return table


def row_chunks_of(table: "ParquetFile") -> Iterator[RowChunk]:
    """Give the rows in chunks; no more than one chunk is held at a time."""
    import pyarrow as pa

    end = 0
    try:
        for batch in table.iter_batches(batch_size=CHUNK_ROWS, use_threads=False):
            if batch.nbytes > CHUNK_BYTES_MAX:
                raise TesseraError(
                    f"rows {end + 1} to {end + batch.num_rows} hold {batch.nbytes} bytes",
                    hint="is it the right file?",
                )
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            first, end = end + 1, end + batch.num_rows
            yield RowChunk(first, sink.getvalue().to_pybytes(), end)
    except (pa.ArrowException, OSError) as error:
        raise TesseraError(
            f"the Parquet file can't be read after row {end}: {error}", hint="write it again"
        ) from None


def values_of(chunk: RowChunk) -> list[object]:
    """Give each row as a sale's plain values; a TesseraError where one is none."""
    import pyarrow as pa

    with pa.ipc.open_stream(chunk.rows) as stream:
        columns = {
            name: _cells(column)
            for batch in stream
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
    return [
        _sale({name: one for name, one in zip(columns, row, strict=True) if one is not None})
        for row in zip(*columns.values(), strict=True)
    ]


def _sale(found: dict[str, object]) -> object:
    """Read the parts that are written as texts of JSON."""
    from tessera.rules.replay_lines import json_value

    for name in ("member", "basket"):
        text = found.get(name)
        if isinstance(text, str):
            value = json_value(text)
            if isinstance(value, TesseraError):
                return TesseraError(f"{name}: {value.message}")
            found[name] = value
    return found


def _cells(array: "pa.Array[Any]") -> list[Any]:
    """Give a column's cells as plain values, None for those that are not there."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_struct(kind):
        return _structs(array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(array)
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("us", kind.tz), safe=False)
    try:
        coded = array.dictionary_encode()
    except pa.ArrowNotImplementedError:
        return [_plain(one) for one in array.to_pylist(maps_as_pydicts="strict")]
    values = [_plain(one) for one in coded.dictionary.to_pylist()]
    codes = coded.indices
    if codes.null_count:
        codes = codes.fill_null(len(values))
    values.append(None)
    numbers = memoryview(codes.buffers()[1]).cast("i")[codes.offset : codes.offset + len(codes)]
    return [values[number] for number in numbers]


def _structs(array: "pa.Array[Any]") -> list[Any]:
    """Give structs as dictionaries of the fields that are there."""
    names = [field.name for field in array.type]
    columns = [_cells(column) for column in array.flatten()]
    found: list[Any] = [
        {name: one for name, one in zip(names, row, strict=True) if one is not None}
        for row in zip(*columns, strict=True)
    ] or [{} for _ in range(len(array))]
    if array.null_count:
        there = array.is_valid().to_pylist()
        found = [one if valid else None for one, valid in zip(found, there, strict=True)]
    return found


def _lists(array: "pa.Array[Any]") -> list[Any]:
    items = _cells(array.flatten())
    sizes = array.value_lengths().to_pylist()
    ends = accumulate((size or 0 for size in sizes), initial=0)
    return [
        None if size is None else items[start:end]
        for size, (start, end) in zip(sizes, pairwise(ends), strict=True)
    ]


def _plain(value: object) -> object:
    """Give a cell as JSON would have it: whole numbers as such, no floats, times as text."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if whole else value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
