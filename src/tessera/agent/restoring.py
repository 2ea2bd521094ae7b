"""Putting a register's database back from a copy of its data folder.

Owns: the steps, in an order that can be broken off anywhere. Must never: go on under an incarnation
whose later records may exist elsewhere, or delete what stood there before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pysqlite3 import dbapi2 as pysqlite

from tessera.agent.enrolment import CARD_KEY, REGISTER_KEY
from tessera.agent.salvaging import SalvageReport, salvage_folder
from tessera.agent.secret_files import write_secret
from tessera.agent.trusted_roots import ROOT_FILE
from tessera.core.errors import TesseraError
from tessera.core.identity import INCARNATION_BYTES, new_incarnation
from tessera.store.till import identity_book
from tessera.store.till.identity_file import IDENTITY_FILE
from tessera.store.till.opening import DATABASE, open_till, set_aside
from tessera.store.till.soundness import is_sound

_SECRETS = (REGISTER_KEY, CARD_KEY, IDENTITY_FILE, ROOT_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done: the new life, where the old database is kept ("" if there was none)."""

    incarnation: str
    set_aside: str
    salvage: SalvageReport


def restore(copy: Path, folder: Path, *, random: Callable[[int], bytes], wall_ms: int) -> Restored:
    """Restore `folder` from `copy`, another folder that was once this register's.

    The caller holds the database's lock. TesseraError when the copy has no sound database of an
    enrolled register.
    """
    source = copy / DATABASE
    if not source.is_file() or not is_sound(source):
        raise TesseraError(
            f"{source} is no sound database",
            hint="choose a copy that was made while the agent was stopped, or by sqlite3's .backup",
        )
    kept = set_aside(folder, wall_ms).name if (folder / DATABASE).exists() else ""
    _copy_database(source, folder / DATABASE)
    for name in _SECRETS:
        if (copy / name).is_file() and not (folder / name).exists():
            write_secret(folder / name, (copy / name).read_bytes())
    till, _ = open_till(folder, random=random, wall_ms=wall_ms, reserve_bytes=0)
    try:
        with till.engines.writer.begin() as tx:
            if identity_book.read_identity(tx) is None:
                raise TesseraError(
                    "the copy is of a register that was never enrolled",
                    hint="tessera agent enrol --help",
                )
            # Always, witness or not: the copy's register may have sold on after it was made.
            born = new_incarnation(random(INCARNATION_BYTES))
            identity_book.begin_new_life(tx, born)
        report = salvage_folder(till.engines.writer, folder)
    finally:
        till.close()
    return Restored(incarnation=born, set_aside=kept, salvage=report)


def _copy_database(source: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    reading = pysqlite.connect(str(source))
    writing = pysqlite.connect(str(part))
    try:
        reading.backup(writing)
    finally:
        writing.close()
        reading.close()
    part.replace(target)
