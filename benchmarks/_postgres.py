"""A throw-away PostgreSQL with durable commits, for benchmarks; gone when the block ends."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.support.needs import postgres_binaries

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "60",
    "max_wal_size": "4GB",
}


@contextlib.contextmanager
def running() -> Iterator[Path]:
    """The folder with the server's socket; its database and user are called postgres."""
    binaries = postgres_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL's initdb is not here: install the package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    who: dict[str, Any] = {}
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    make = [binaries / "initdb", "-D", folder / "db", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run([str(word) for word in make], check=True, **quiet, **who)
    words = [str(binaries / "postgres"), "-D", str(folder / "db")]
    for name, value in {**SETTINGS, "unix_socket_directories": str(folder)}.items():
        words += ["-c", f"{name}={value}"]
    server = subprocess.Popen(words, **quiet, **who)
    try:
        for _ in range(600):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(f"host={folder} user=postgres").close()
                break
            time.sleep(0.05)
        yield folder
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
