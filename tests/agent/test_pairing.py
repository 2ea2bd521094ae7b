"""Pairings that are made at the same time: by an operator, a script, the agent's first start."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from tessera.agent.pairing import PAIRINGS_FILE, PairedPos, Pairings, pair, read_pairings

AT_ONCE = 8


def test_every_pos_that_is_paired_at_the_same_time_may_call(tmp_path: Path) -> None:
    names = [f"pos-{number}" for number in range(AT_ONCE)]
    together = Barrier(AT_ONCE)

    def paired(name: str) -> str:
        together.wait(30)
        return pair(tmp_path, PairedPos(name=name), random=os.urandom)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        tokens = list(threads.map(paired, names))
    known = Pairings(tmp_path)
    found = [known.find(token) for token in tokens]
    assert [pos.name if pos is not None else "" for pos in found] == names


def test_what_guards_the_file_holds_no_secret_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    pair(tmp_path, PairedPos(name="pos-1"), random=os.urandom)
    assert [pos.name for pos in read_pairings(tmp_path)] == ["pos-1"]
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {PAIRINGS_FILE: 0o600, f"{PAIRINGS_FILE}.lock": 0o600}
    assert (tmp_path / f"{PAIRINGS_FILE}.lock").read_bytes() == b""
