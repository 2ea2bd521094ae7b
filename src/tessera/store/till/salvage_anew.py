"""Beginning the salvage file anew, once it is large and central has all that is in it.

Owns: what the new file begins with, and that there is a whole one after a power cut between any two
steps. Must never: begin anew while a record waits for central.
"""

from pathlib import Path

import sqlalchemy as sa

from tessera.core.journal import SealedRecord
from tessera.store.engine import Engines
from tessera.store.till import outbox
from tessera.store.till.committed_sales import read_page
from tessera.store.till.salvage import SalvageFile


def begin_anew(path: Path, engines: Engines) -> None:
    """Keep the file as the last one (`….old`) and begin another, unless something waits.

    The new one begins with the newest record of each life: what follows in it is chained to these,
    and could not be brought back without.
    """
    with engines.reader.connect() as connection:
        if outbox.oldest_waiting(connection) is not None:
            return
        newest = _newest(connection)
    after = _beside(path, "next")
    after.unlink(missing_ok=True)
    file = SalvageFile(after)
    try:
        for record in newest:
            file.append(record)
        file.sync()
    finally:
        file.close()
    path.replace(_beside(path, "old"))
    after.replace(path)


def end_change(path: Path) -> None:
    """Put the new file in its place, where a power cut came just before."""
    after = _beside(path, "next")
    if after.exists() and not path.exists():
        after.replace(path)


def _newest(connection: sa.Connection) -> list[SealedRecord]:
    return [
        record
        for life in outbox.lives(connection)
        for record in read_page(connection, life.number, after_seq=life.head.seq - 1, limit=1)
    ]


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")
