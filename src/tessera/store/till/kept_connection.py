"""The writer's connection, kept from one transaction to the next.

Owns: when it is taken out of the writer's pool and when it is let go. Must never: be used by two
threads at once, or be kept after an error of the database.

Taking a connection out of the pool and giving it back costs a sale a fifth of what SQLite itself
needs for it. So the one thread that writes keeps it. As long as it does nobody else gets one: the
pool has a single connection, which is what makes writing one line.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tessera.store.engine import DATABASE_ERRORS, Engines


class KeptConnection:
    """Begins transactions on one connection; taken at the first, and anew after an error."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._connection: sa.Connection | None = None

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction: committed when the block ends, rolled back when it raises.

        After an error of the database the connection is closed, since what SQLite believes then
        can't be trusted; the next transaction opens another.
        """
        try:
            if self._connection is None:
                self._connection = self._engines.writer.connect()
            with self._connection.begin():
                yield self._connection
        except DATABASE_ERRORS:
            self.let_go()
            self._engines.writer.dispose()
            raise

    def let_go(self) -> None:
        """Give the connection back to its pool; others may write until the next transaction."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
