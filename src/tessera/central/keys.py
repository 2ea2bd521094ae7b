"""Central's secrets: the key that it signs with, and the key that card numbers are hashed with.

Owns: the files central.key, central-next.key and card.key in the data folder, readable by their
owner alone. Must never: print one, or use one that others can read; a key is replaced only by the
next one, once a root names that.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from tessera.core.cards import CardHasher
from tessera.core.errors import TesseraError
from tessera.sync.signing import KEY_BYTES, SigningKey

SIGNING_FILE = "central.key"
NEXT_FILE = "central-next.key"
CARD_FILE = "card.key"
CARD_KEY_ID = 1
_TEXT_MAX = 200


class KeyUnusable(TesseraError):
    """A key file that cannot be used as it is."""

    code = "key_unusable"


class CentralKeys:
    """What central signs and hashes with; it follows when another process changes the key."""

    def __init__(self, folder: Path, signing: SigningKey, cards: CardHasher) -> None:
        self._folder = folder
        self.signing = signing
        self.cards = cards

    def follow(self, public: str) -> None:
        """Use the key that the database names, in hexadecimal. KeyUnusable when it is not here."""
        if self.signing.public.hex() == public:
            return
        for name in (SIGNING_FILE, NEXT_FILE):
            if (self._folder / name).exists():
                key = SigningKey(read_secret(self._folder / name))
                if key.public.hex() == public:
                    self.signing = key
                    return
        raise KeyUnusable(
            "this database belongs to a central with another key",
            hint=f"put the right {SIGNING_FILE} into data_dir; registers trust that key alone",
        )

    def next_key(self) -> SigningKey | None:
        """The key that is to follow, None when none has been made."""
        path = self._folder / NEXT_FILE
        return SigningKey(read_secret(path)) if path.exists() else None

    def make_next(self, random: Callable[[int], bytes]) -> SigningKey:
        """The key that is to follow: the one that was made already, or a new one."""
        return SigningKey(secret_at(self._folder / NEXT_FILE, random))

    def take_next(self) -> None:
        """Let the next key take the place of the present one; it is the one in use by now."""
        (self._folder / NEXT_FILE).replace(self._folder / SIGNING_FILE)


def open_keys(folder: Path, *, random: Callable[[int], bytes]) -> CentralKeys:
    """Read the keys, or make them on the first start; KeyUnusable when others could read them."""
    signing = secret_at(folder / SIGNING_FILE, random)
    card = secret_at(folder / CARD_FILE, random)
    return CentralKeys(folder, SigningKey(signing), CardHasher(CARD_KEY_ID, card))


def secret_at(path: Path, random: Callable[[int], bytes]) -> bytes:
    """The secret in a file, made when there is none; 32 bytes, as 64 hexadecimal digits."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_secret(path)
    except OSError as error:
        raise KeyUnusable(
            f"key file {path} cannot be made: {error.strerror}",
            hint=f"make the folder {path.parent}, writable for the user who runs this",
        ) from error
    secret = random(KEY_BYTES)
    with os.fdopen(handle, "w") as file:
        file.write(secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return secret


def read_secret(path: Path) -> bytes:
    """The secret in a file. KeyUnusable when it does not read, or others can read it."""
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
