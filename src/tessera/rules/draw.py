"""Instant wins that anybody can check afterwards.

Owns: the draw from a seed that is published later. Must never: use chance of its own, or an id that
a POS could choose: incarnation and sequence number are the register's own.
"""

import hashlib
import hmac


def seed_hash(seed: bytes) -> str:
    """Give the hash of a seed that stands in the bundle before the draw begins."""
    return hashlib.sha256(seed).hexdigest()


def drawn(seed: bytes, incarnation: str, seq: int, offer: str) -> int:
    """Give the number drawn for one completed sale: HMAC-SHA256 over where it stands.

    The offer's id is part of what is hashed, so that two draws of one sale are independent.
    """
    place = f"{incarnation}\x00{seq}\x00{offer}".encode()
    return int.from_bytes(hmac.digest(seed, place, "sha256"))


def wins(number: int, chance: tuple[int, int]) -> bool:
    """Tell whether a drawn number wins: (1, 4) is one in four."""
    won, of = chance
    return number % of < won


def prize_of(number: int, prizes: tuple[str, ...], chance: tuple[int, int]) -> str:
    """Give the prize of a number, "" when it does not win; all prizes are equally likely."""
    if not wins(number, chance):
        return ""
    return prizes[number // chance[1] % len(prizes)]
