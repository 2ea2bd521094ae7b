"""Offers that central has stopped in this store, outside the programme's text.

Owns: table stopped_offer. Must never: let an older list replace a newer one.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from tessera.store.till import feed_state
from tessera.store.till.tables import stopped_offer

STOPS_VERSION = "stops_version"


def read(connection: sa.Connection) -> frozenset[tuple[str, str]]:
    """Programme and offer of everything that is stopped."""
    rows = connection.execute(sa.select(stopped_offer.c.programme, stopped_offer.c.offer))
    return frozenset((str(row[0]), str(row[1])) for row in rows)


def replace_all(tx: sa.Connection, stopped: Iterable[tuple[str, str]], *, version: int) -> None:
    """Keep the list that central has told; an older one than is here changes nothing."""
    if version < feed_state.read_mark(tx, STOPS_VERSION):
        return
    tx.execute(sa.delete(stopped_offer))
    rows = [{"programme": programme, "offer": offer} for programme, offer in sorted(set(stopped))]
    if rows:
        tx.execute(sa.insert(stopped_offer), rows)
    feed_state.set_mark(tx, STOPS_VERSION, version)
