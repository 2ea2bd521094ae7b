"""Central's two secrets: the key that it signs with, and the key that card numbers are hashed with.

Owns: the files central.key and card.key in the data folder, readable by their owner alone.
Must never: overwrite one, print one, or use one that others can read.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tessera.core.cards import CardHasher
from tessera.core.errors import TesseraError
from tessera.sync.signing import KEY_BYTES, SigningKey

SIGNING_FILE = "central.key"
CARD_FILE = "card.key"
CARD_KEY_ID = 1
_TEXT_MAX = 200


class KeyUnusable(TesseraError):
    """A key file that cannot be used as it is."""

    code = "key_unusable"


@dataclass(frozen=True, slots=True, repr=False)
class CentralKeys:
    """What central signs and hashes with."""

    signing: SigningKey
    cards: CardHasher


def open_keys(folder: Path, *, random: Callable[[int], bytes]) -> CentralKeys:
    """Read the keys, or make them on the first start; KeyUnusable when others could read them."""
    signing = _secret(folder / SIGNING_FILE, random)
    card = _secret(folder / CARD_FILE, random)
    return CentralKeys(signing=SigningKey(signing), cards=CardHasher(CARD_KEY_ID, card))


def _secret(path: Path, random: Callable[[int], bytes]) -> bytes:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise KeyUnusable(
            f"key file {path} cannot be made: {error.strerror}",
            hint=f"make the folder {path.parent} and give it to central's user",
        ) from error
    secret = random(KEY_BYTES)
    with os.fdopen(handle, "w") as file:
        file.write(secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return secret


def _read(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")[:_TEXT_MAX]
        secret = bytes.fromhex(text.strip())
    except (OSError, ValueError) as error:
        raise KeyUnusable(
            f"key file {path} cannot be read",
            hint="put it back from your backup; a new key makes every register enrol again",
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyUnusable(
            f"key file {path} can be read by others", hint=f"chmod 600 {path}, as its owner"
        )
    if len(secret) != KEY_BYTES:
        raise KeyUnusable(
            f"key file {path} holds {len(secret)} bytes; {KEY_BYTES} are needed",
            hint="put it back from your backup",
        )
    return secret
