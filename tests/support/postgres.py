"""A PostgreSQL of the test run's own: private folder, private socket, gone when the run is gone.

The server refuses to run as root, so then it runs as `postgres` (or `nobody`). It dies with pytest,
even if that is killed; a folder left behind by a killed run is removed by the next one. The folder
is in memory: a database for each test is hundreds of copied files, and to write them onto a disk
costs more than the tests themselves.
"""

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.in_memory import MEMORY, in_memory
from tests.support.needs import postgres_binaries

FOLDER_PREFIX = "tessera-pg-"
START_TIMEOUT_S = 30.0
ROOM_MB = 1024
"""What a server may take: 60 MB at first, 9 MB a database, and what is written ahead."""
PR_SET_PDEATHSIG = 1

# Loaded before any fork: the child must not import between fork and exec.
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server; every address it gives is that of a database of its own."""

    socket_folder: Path
    user: str
    _numbers: Iterator[int]

    def dsn(self, database: str) -> str:
        """The address in psycopg's own form."""
        return f"host={self.socket_folder} user={self.user} dbname={database}"

    def url(self, database: str) -> str:
        """The address in SQLAlchemy's form."""
        return f"postgresql+psycopg://{self.user}@/{database}?host={self.socket_folder}"

    def create_database(self, template: str = "template1") -> str:
        name = f"t{next(self._numbers)}"
        self.run_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        self.run_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run_sql(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """One throw-away server for the whole run, started in about a second."""
    binaries = postgres_binaries()
    assert binaries is not None, "the tests that need PostgreSQL are left out without it"
    _remove_folders_of_dead_runs()
    folder = Path(
        tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=in_memory(room_mb=ROOM_MB))
    )
    account = _server_account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    user = account.pw_name if account is not None else pwd.getpwuid(os.getuid()).pw_name
    try:
        command = [binaries / "initdb", "-D", folder / "db", "-U", user, "-A", "trust"]
        _run_as(account, [*command, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        with _started(account, binaries, folder):
            yield Cluster(folder, user, itertools.count(1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_database(postgres_cluster: Cluster) -> Iterator[str]:
    """The name of a fresh database in the throw-away server."""
    name = postgres_cluster.create_database()
    yield name
    postgres_cluster.drop_database(name)


@pytest.fixture
def postgres_dsn(postgres_cluster: Cluster, postgres_database: str) -> str:
    """The psycopg address of a fresh database."""
    return postgres_cluster.dsn(postgres_database)


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)],
)
def central_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The SQLAlchemy address of an empty database for central: each test runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'central.db'}"
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    database: str = request.getfixturevalue("postgres_database")
    return cluster.url(database)


def _server_account() -> pwd.struct_passwd | None:
    """Whom to run the server as; None means as ourselves."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _identity(account: pwd.struct_passwd | None) -> dict[str, object]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run_as(account: pwd.struct_passwd | None, command: list[object]) -> None:
    outcome = subprocess.run(  # type: ignore[call-overload]
        [str(part) for part in command],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **_identity(account),
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def _stop_when_pytest_dies() -> None:
    # SIGINT is PostgreSQL's fast shutdown; the kernel sends it when our process ends, however.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


class _started:  # noqa: N801 - read as `with _started(...)`
    """The server process while the block runs."""

    def __init__(self, account: pwd.struct_passwd | None, binaries: Path, folder: Path) -> None:
        self._log = folder / "log"
        self._socket = folder / ".s.PGSQL.5432"
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "128MB",
            # Databases that live for a second give neither of these anything to gain.
            "autovacuum": "off",
            "jit": "off",
            "shared_buffers": "32MB",
            "max_connections": "60",
        }
        command = [str(binaries / "postgres"), "-D", str(folder / "db")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("wb") as log:
            start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
            self._server = start(
                command,
                cwd="/",
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_stop_when_pytest_dies,
                **_identity(account),
            )

    def __enter__(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._accepts():
            alive = self._server.poll() is None
            assert alive, self._log.read_text(errors="replace")
            assert time.monotonic() < deadline, self._log.read_text(errors="replace")
            time.sleep(0.02)

    def _accepts(self) -> bool:
        import psycopg

        if not self._socket.exists():
            return False
        try:
            owner = pwd.getpwuid(self._socket.stat().st_uid).pw_name
            psycopg.connect(f"host={self._socket.parent} user={owner} dbname=postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()


def _remove_folders_of_dead_runs() -> None:
    places = {Path(tempfile.gettempdir()), Path(MEMORY)}
    for folder in [one for place in places for one in place.glob(f"{FOLDER_PREFIX}*")]:
        owner = folder.name.removeprefix(FOLDER_PREFIX).split("-")[0]
        if not owner.isdecimal() or Path(f"/proc/{owner}").exists():
            continue
        shutil.rmtree(folder, ignore_errors=True)
