"""Central on a database of its own, for each test and on both kinds: a copy of one set up once.

A test that books in one transaction and by bucket has four combinations; two of them run each time:
SQLite in one transaction, PostgreSQL by bucket. Every promise is so shown on both databases and in
both ways, and by bucket where its transactions really meet others. How a cut into transactions
depends on the database is no test's own subject but that of `test_concurrency` and `test_killed`;
and what PostgreSQL does in one transaction is shown by all tests that ask for `central`. The other
two run with `make test-faults`.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tessera.central.opening import Central
from tests.store.central.parts import central_on, settings_for
from tests.support.postgres import Cluster

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)]

CROSSED = {("sqlite", False), ("sqlite", "by-bucket"), ("postgres", True), ("postgres", "spans")}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what shows nothing of its own to the long run."""
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            given = item.callspec.params
            way = given.get("either_central", given.get("spans"))
            if (given.get("place"), way) in CROSSED:
                item.add_marker(pytest.mark.soak)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test's central keeps its database and its keys."""

    url: str
    folder: Path


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys and an empty, migrated database."""
    folder = tmp_path_factory.mktemp("template")
    with central_on(settings_for(f"sqlite:///{folder / 'central.db'}", folder)):
        pass
    return folder


@pytest.fixture(scope="session")
def postgres_template(
    postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """The name of an empty, migrated database, and the folder with its keys."""
    folder = tmp_path_factory.mktemp("template")
    name = postgres_cluster.create_database()
    with central_on(settings_for(postgres_cluster.url(name), folder)):
        pass
    return name, folder


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A migrated database of the test's own, and its keys."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copytree(template, tmp_path, dirs_exist_ok=True)
        yield Place(f"sqlite:///{tmp_path / 'central.db'}", tmp_path)
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    name, folder = request.getfixturevalue("postgres_template")
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    database = cluster.create_database(template=name)
    yield Place(cluster.url(database), tmp_path)
    cluster.drop_database(database)


@pytest.fixture
def central(place: Place) -> Iterator[Central]:
    """Central as it runs on one server."""
    with central_on(settings_for(place.url, place.folder)) as opened:
        yield opened


@pytest.fixture(params=[True, False], ids=["one-transaction", "by-bucket"])
def either_central(request: pytest.FixtureRequest, place: Place) -> Iterator[Central]:
    """Central as it runs on one server, and as on several: a transaction for each bucket."""
    with central_on(settings_for(place.url, place.folder, spans_buckets=request.param)) as opened:
        yield opened
