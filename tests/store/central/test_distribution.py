"""The tables can be spread over several servers: read from PostgreSQL's own catalogue."""

import ast
import re
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import tessera.central
import tessera.store.central
from tessera.central.opening import Central
from tessera.store.central import schema
from tessera.store.migrate import known_versions
from tests.support.postgres import Cluster

REFERENCE = {
    "central",
    "store",
    "register",
    "enrolment_code",
    "bundle",
    "assignment",
    "coupon_lot",
    "backup",
    "offer_stop",
}
SOURCES = [
    path
    for package in (tessera.central, tessera.store.central)
    for path in Path(str(package.__file__)).parent.rglob("*.py")
    if "migrations" not in path.parts
]


@pytest.fixture
def catalogue(postgres_cluster: Cluster, postgres_template: tuple[str, Path]) -> str:
    """The address of a migrated PostgreSQL database."""
    return postgres_cluster.dsn(postgres_template[0])


def rows(catalogue: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(catalogue) as connection:
        return connection.execute(query.encode()).fetchall()


def test_every_key_begins_with_its_bucket(catalogue: str) -> None:
    """Primary keys and unique indexes alike, but for the small tables that are on every server."""
    found = rows(
        catalogue,
        """SELECT c.relname, i.relname, a.attname FROM pg_index x
           JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
           WHERE n.nspname = 'public' AND x.indisunique AND c.relname <> 'alembic_version'""",
    )
    wrong = [
        (table, index, column)
        for table, index, column in found
        if table not in REFERENCE and column not in schema.DISTRIBUTED_BY
    ]
    assert wrong == []
    assert {table for table, _, _ in found} == set(schema.METADATA.tables)


def test_nothing_counts_by_itself(catalogue: str) -> None:
    """No sequence, identity column, trigger, foreign key or default that a node evaluates."""
    assert rows(catalogue, "SELECT relname FROM pg_class WHERE relkind = 'S'") == []
    assert rows(catalogue, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert rows(catalogue, "SELECT conname FROM pg_constraint WHERE contype = 'f'") == []
    evaluated = rows(
        catalogue,
        """SELECT table_name, column_name, column_default FROM information_schema.columns
           WHERE table_schema = 'public' AND (is_identity = 'YES'
             OR (column_default LIKE '%(%'))""",
    )
    assert evaluated == []


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(central: Central) -> None:
    with central.engines.writer.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.METADATA) == []


def test_migrations_are_numbered_without_a_gap() -> None:
    folder = Path(str(tessera.store.central.__file__)).parent / "migrations"
    versions = known_versions(folder)
    assert versions == [f"{number:04}" for number in range(1, len(versions) + 1)]


def calls_on(table: str) -> list[str]:
    """Where the code updates or deletes rows of a table."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            verb = ast.unparse(node.func)
            about = " ".join(ast.unparse(argument) for argument in node.args)
            changes = any(word.arg == "update" for word in node.keywords)
            if re.search(rf"schema\.{table}\b", about) and (
                verb in {"sa.update", "sa.delete", "bulk.delete"} or changes
            ):
                found.append(f"{path.name}:{node.lineno}")
    return found


@pytest.mark.parametrize(
    "table", ["LEDGER_LINE", "UID", "INBOX", "SEGMENT", "SALE", "SALE_KEY", "RETURNED_LINE"]
)
def test_what_was_written_down_is_never_changed(table: str) -> None:
    assert calls_on(table) == []


def test_a_planted_change_of_the_ledger_is_caught() -> None:
    """The check above sees how the code writes to a table at all."""
    assert calls_on("BALANCE") != []
    assert calls_on("INBOX_DUE") != []


def test_locks_name_a_bucket() -> None:
    """FOR UPDATE only with a bucket equality, but on the small tables."""
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                text = ast.unparse(node)
                small = re.search(r"schema\.(ENROLMENT_CODE|CENTRAL|REGISTER)\b", text)
                if "with_for_update" in text and "bucket" not in text and not small:
                    wrong.append(f"{path.name}:{node.name}")
    assert wrong == []


def test_no_statement_merges() -> None:
    assert [path.name for path in SOURCES if "MERGE INTO" in path.read_text().upper()] == []


def test_a_bucket_is_a_small_number_everywhere() -> None:
    kinds = {
        column.name: type(column.type)
        for table in schema.METADATA.tables.values()
        for column in table.columns
        if column.name in schema.DISTRIBUTED_BY
    }
    assert set(kinds.values()) == {sa.SmallInteger}
