from pathlib import Path

import sqlalchemy as sa

from tessera.store.engine import open_sqlite
from tessera.store.migrate import ensure_schema
from tessera.store.till import MIGRATIONS
from tessera.store.till.tables import metadata


def columns(engine: sa.Engine, table: str) -> list[tuple[object, ...]]:
    with engine.connect() as c:
        rows = c.exec_driver_sql(f'PRAGMA table_info("{table}")').all()
    return [(row[1], row[2], bool(row[3]) or bool(row[5]), bool(row[5])) for row in rows]


def names(engine: sa.Engine) -> set[str]:
    with engine.connect() as c:
        rows = c.exec_driver_sql("SELECT name FROM sqlite_master WHERE sql IS NOT NULL").all()
    return {str(row[0]) for row in rows}


def test_migrations_make_the_tables_that_the_code_names(tmp_path: Path) -> None:
    engines = open_sqlite(tmp_path / "till.db")
    ensure_schema(engines.writer, MIGRATIONS, name="till.db")
    drawn = open_sqlite(tmp_path / "drawn.db")
    metadata.create_all(drawn.writer)
    assert names(engines.writer) - {"alembic_version"} == names(drawn.writer)
    for table in metadata.tables:
        assert columns(engines.writer, table) == columns(drawn.writer, table), table
    engines.dispose()
    drawn.dispose()


def test_a_migrated_database_is_left_alone(tmp_path: Path) -> None:
    engines = open_sqlite(tmp_path / "till.db")
    assert ensure_schema(engines.writer, MIGRATIONS, name="till.db")
    assert not ensure_schema(engines.writer, MIGRATIONS, name="till.db")
    engines.dispose()
