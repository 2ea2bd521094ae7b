import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.support.postgres import Cluster
from tests.support.waiting import wait_until

RUN_THAT_IS_KILLED = """
import os, signal
import pytest
from tests.support.postgres import postgres_cluster

def test_is_killed(postgres_cluster):
    print("\\nFOLDER", postgres_cluster.socket_folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_fresh_database_answers(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("SELECT 1 + 1").fetchone() == (2,)


def test_each_test_has_a_database_of_its_own(postgres_cluster: Cluster, postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    other = postgres_cluster.create_database()
    with psycopg.connect(postgres_cluster.dsn(other)) as connection:
        found = connection.execute("SELECT to_regclass('mine')").fetchone()
    postgres_cluster.drop_database(other)
    assert found == (None,)


def test_the_server_dies_with_a_killed_test_run(postgres_cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "test_killed.py").write_text(RUN_THAT_IS_KILLED)
    command = [sys.executable, "-m", "pytest", "-s", "-c", os.devnull, "--rootdir", str(tmp_path)]
    outcome = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == -signal.SIGKILL, outcome.stdout + outcome.stderr
    told = [line for line in outcome.stdout.splitlines() if line.startswith("FOLDER ")]
    lock = Path(told[0].removeprefix("FOLDER ")) / "db" / "postmaster.pid"
    wait_until(lambda: not lock.exists(), what="the server's end", timeout_s=20)
