"""Prices every sale of a real till's journal again, as central does with a sample of them."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from tessera.central.recheck import SAME, recheck
from tessera.core.sale import SaleBody
from tessera.rules.programme import parse_programme
from tessera.store.till.opening import DATABASE
from tessera.sync.records import read_body, read_envelope


def sales_that_come_out_again(till: Path) -> int:
    """How many sales stand in the journal of a till that is not running; each must be the same."""
    with tempfile.TemporaryDirectory() as folder:
        for path in till.glob(f"{DATABASE}*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder) / DATABASE)) as connection:
            records = [row[0] for row in connection.execute("SELECT raw FROM journal")]
            texts = dict(connection.execute("SELECT hash, text FROM kept_bundle").fetchall())
    count = 0
    for envelope in map(read_envelope, records):
        body = read_body(envelope)
        if isinstance(body, SaleBody):
            programme = None
            if envelope.bundle:
                programme = parse_programme(texts[envelope.bundle], file="kept")[0]
            found = recheck(
                body, programme=programme, bundle=envelope.bundle, engine=envelope.engine
            )
            assert found.verdict == SAME, (body.key, found)
            count += 1
    return count
