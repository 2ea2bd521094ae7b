"""How far each audience of central's feed was applied, and small marks of the sync.

Owns: tables feed_cursor and mark. Must never: advance without the rows in the same transaction.
"""

import sqlalchemy as sa

from tessera.store.till.rows import cursor_of

SIGNED_MS = "signed_ms"
"""Central's time as it signed it last: the floor under this till's clock."""

CONTACT_MS = "contact_ms"
"""When central last answered, by this till's clock."""

BALANCE_AS_OF_MS = "balance_as_of_ms"
"""Central's time when the balances here were last up to its head."""


def cursor(connection: sa.Connection, audience: str) -> tuple[str, int]:
    """Generation and number of the last segment applied; ("", 0) before the first."""
    driver = cursor_of(connection)
    try:
        row = driver.execute(
            "SELECT generation, number FROM feed_cursor WHERE audience = ?", (audience,)
        ).fetchone()
    finally:
        driver.close()
    return ("", 0) if row is None else (str(row[0]), int(row[1]))


def advance(connection: sa.Connection, audience: str, generation: str, number: int) -> None:
    """Everything of this audience up to `number` is applied in this very transaction."""
    driver = cursor_of(connection)
    try:
        driver.execute(
            "INSERT INTO feed_cursor (audience, generation, number) VALUES (?, ?, ?)"
            " ON CONFLICT (audience) DO UPDATE SET generation = excluded.generation,"
            " number = excluded.number",
            (audience, generation, number),
        )
    finally:
        driver.close()


def begin_generation(connection: sa.Connection, generation: str) -> None:
    """Central came back as another generation: every audience is read from its beginning."""
    driver = cursor_of(connection)
    try:
        driver.execute(
            "UPDATE feed_cursor SET generation = ?, number = 0 WHERE instr(audience, ':')",
            (generation,),
        )
    finally:
        driver.close()


def read_mark(connection: sa.Connection, name: str) -> int:
    """A mark's amount; 0 when it was never set."""
    driver = cursor_of(connection)
    try:
        row = driver.execute("SELECT amount FROM mark WHERE name = ?", (name,)).fetchone()
    finally:
        driver.close()
    return 0 if row is None else int(row[0])


def set_mark(connection: sa.Connection, name: str, amount: int) -> None:
    """Set a mark to `amount`, whatever it was."""
    driver = cursor_of(connection)
    try:
        driver.execute(
            "INSERT INTO mark (name, amount) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET amount = excluded.amount",
            (name, amount),
        )
    finally:
        driver.close()


def raise_mark(connection: sa.Connection, name: str, amount: int) -> None:
    """Set a mark to `amount` unless it is higher already."""
    driver = cursor_of(connection)
    try:
        driver.execute(
            "INSERT INTO mark (name, amount) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET amount = max(amount, excluded.amount)",
            (name, amount),
        )
    finally:
        driver.close()
