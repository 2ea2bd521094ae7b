"""Seeds of instant wins: made here, announced by their hash, told to tills, published afterwards.

Owns: the files below `seeds` in central's data folder, each readable by its owner alone; like the
keys they lie outside the database and its backups. Must never: print a seed unless asked to
publish it, or let a programme out whose seed is not here.
"""

import os
from pathlib import Path

from tessera.core.errors import TesseraError
from tessera.rules.draw import seed_hash
from tessera.rules.draw_audit import instant_wins
from tessera.rules.programme import Programme

SEEDS_FOLDER = "seeds"
SEED_BYTES = 32
SEED_DIGITS = range(32, 257)
"""How many hexadecimal digits a seed may have: 16 to 128 bytes."""


def add_seed(data_dir: Path, seed: bytes) -> str:
    """Keep a seed; the hash under which a programme announces it."""
    digest = seed_hash(seed)
    _write(data_dir / SEEDS_FOLDER / digest, seed)
    return digest


def read_seed(data_dir: Path, name: str) -> bytes:
    """The seed of a hash or, as `bundle-…`, of a released bundle; empty when it is not here."""
    try:
        return bytes.fromhex((data_dir / SEEDS_FOLDER / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return b""


def seed_of(text: str) -> bytes:
    """A seed from its hexadecimal digits. TesseraError when it is none."""
    word = text.strip()
    try:
        seed = bytes.fromhex(word) if len(word) in SEED_DIGITS and word.isalnum() else b""
    except ValueError:
        seed = b""
    if not seed:
        raise TesseraError(
            "the seed is no hexadecimal number of 16 to 128 bytes",
            hint="write its digits in one line: 00112233445566778899aabbccddeeff",
        )
    return seed


def seed_for_release(data_dir: Path, programme: Programme) -> bytes:
    """The seed that a programme needs before tills may run it; empty when it draws nothing.

    TesseraError when it has an instant win and announces no seed, or one that is not here.
    """
    if not instant_wins(programme):
        return b""
    if not programme.seed_hash:
        raise TesseraError(
            f"programme {programme.programme_id} has an instant win and no seed_hash",
            hint="tessera central seed makes one and prints the line for the programme",
        )
    seed = read_seed(data_dir, programme.seed_hash)
    if seed_hash(seed) != programme.seed_hash:
        raise TesseraError(
            f"the seed of hash {programme.seed_hash[:16]}… is not kept here",
            hint="tessera central seed makes one, or takes yours with --take",
        )
    return seed


def tie_to_bundle(data_dir: Path, bundle: str, seed: bytes) -> None:
    """Keep a seed as that of a released bundle, which is how tills ask for it."""
    _write(data_dir / SEEDS_FOLDER / bundle_name(bundle), seed)


def bundle_name(bundle: str) -> str:
    """The name under which a bundle's seed is kept."""
    return f"bundle-{bundle}"


def _write(path: Path, seed: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(seed.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
