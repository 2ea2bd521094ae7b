"""Instant wins drawn at completion, by the seed that central keeps secret until the draw is over.

Owns: the seed's file on the till, one for each bundle that announced a seed, readable by the
agent's user alone; the draw of a sale from where its record stands. Must never: draw by chance, by
anything that a POS could choose, or twice for one sale: a repeat is answered from the journal.
"""

from pathlib import Path

import sqlalchemy as sa

from tessera.agent.secret_files import write_secret
from tessera.core.quote import Quote
from tessera.core.sale import DrawResult
from tessera.rules.draw import drawn, prize_of, seed_hash
from tessera.rules.programme import parse_programme
from tessera.store.till import committed_sales

SEEDS_FOLDER = "seeds"
SEED_BYTES = 32
FLAG_NOT_DRAWN = "not-drawn"


def announced_seed(text: str) -> str:
    """The hash of the seed that a bundle's text announces; "" for none."""
    if "seed_hash" not in text:
        return ""
    programme, _ = parse_programme(text, file="bundle")
    return programme.seed_hash if programme is not None else ""


def keep_seed(folder: Path, bundle: str, announced: str, raw: bytes) -> bool:
    """Keep a bundle's seed as central gave it (hexadecimal); False when it is not the announced."""
    try:
        seed = bytes.fromhex(raw.decode("ascii").strip())
    except ValueError:
        return False
    if seed_hash(seed) != announced:
        return False
    place = folder / SEEDS_FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    write_secret(place / bundle, seed.hex().encode())
    return True


def read_seed(folder: Path, bundle: str) -> bytes:
    """The seed of a bundle; empty when it is not here."""
    try:
        return bytes.fromhex((folder / SEEDS_FOLDER / bundle).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return b""


def draw_for(
    connection: sa.Connection, folder: Path, quote: Quote, bundle: str
) -> tuple[tuple[DrawResult, ...], tuple[str, ...]]:
    """What a sale's instant wins give, and its flags: the draw of the record written next.

    Within the transaction that writes the record, so nothing else can take its place.
    """
    wins = [right for right in quote.issued if right.kind == "win"]
    if not wins:
        return (), ()
    seed = read_seed(folder, bundle) if bundle else b""
    if not seed:
        return (), (FLAG_NOT_DRAWN,)
    incarnation, seq = committed_sales.next_place(connection)
    results = []
    for win in wins:
        (chance, *prizes) = win.detail
        won, _, of = chance.partition(" in ")
        number = drawn(seed, incarnation, seq, win.offer)
        prize = prize_of(number, tuple(prizes), (int(won), int(of)))
        results.append(DrawResult(offer=win.offer, prize=prize))
    return tuple(results), ()
