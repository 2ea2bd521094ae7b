"""Schema versions: bring a database to this release's, refuse one from a later release.

Owns: when Alembic runs. It costs over a second to import, so a database that is already at the
right version never imports it. A migration and its record share one transaction.
Must never: run on a database whose version it does not know.
"""

import re
from pathlib import Path

import sqlalchemy as sa

from tessera.core.errors import TesseraError

_SETUP_LOCK = 0x7E55E2A
"""Number of PostgreSQL's advisory lock that whoever sets a database up holds."""

_FILE = re.compile(r"(\d{4})_\w+\.py\Z")


class DatabaseNewer(TesseraError):
    """The database was written by a later release."""

    code = "database_newer"


def known_versions(migrations: Path) -> list[str]:
    """The versions that this release can bring a database to, oldest first."""
    files = sorted(path.name for path in (migrations / "versions").iterdir())
    return [found.group(1) for name in files if (found := _FILE.match(name))]


def current_version(connection: sa.Connection) -> str | None:
    """The version that the database says it has; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def hold_setup(connection: sa.Connection) -> None:
    """Set this database up alone until the transaction ends; others wait here, then find it done.

    On SQLite a transaction that writes is alone anyhow.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SETUP_LOCK})


def ensure_schema(engine: sa.Engine, migrations: Path, *, name: str) -> bool:
    """Bring the database to the newest known version; True when something was migrated.

    `migrations` is a folder with `env.py` and `versions/`. DatabaseNewer when the version is not
    one of ours; the database is left as it is.
    """
    versions = known_versions(migrations)
    with engine.connect() as connection:
        current = current_version(connection)
    if current == versions[-1]:
        return False
    if current is not None and current not in versions:
        raise DatabaseNewer(
            f"{name} has schema version {current}; this release knows up to {versions[-1]}",
            hint="install the release that wrote it, or a later one; nothing was changed",
        )
    from alembic import command  # noqa: PLC0415 - over a second to import, rarely needed
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with engine.begin() as connection:
        hold_setup(connection)
        if current_version(connection) == versions[-1]:
            return False  # somebody else was setting it up meanwhile
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True
