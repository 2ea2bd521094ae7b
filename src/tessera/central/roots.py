"""The roots that central serves: one file for each version, and the next one in the making.

Owns: the folder `roots` in central's data folder, and what a next root may be. Must never: change
a root that is served, or serve one that does not follow the one before it.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tessera.central.keys import KeyUnusable, read_secret, secret_at
from tessera.core.errors import TesseraError
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_ROOT, SigningKey
from tessera.sync.trust import PURPOSES, Trust, first_root, next_root, read_root, signers_of
from tessera.sync.wire import ROOT_BYTES_MAX, KeySignature, Root, SignedRoot

FOLDER = "roots"
ROOT_KEY_FILE = "root.key"
DAY_MS = 86_400_000
FIRST_DAYS = 3650
"""The root that central makes for itself lasts ten years: nobody has been told to renew it."""


class RootShelf:
    """The roots of one central, by version from 1 on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._newest = 0

    def newest(self) -> int:
        """The newest root's version; 0 before the first. Looks again each time: one file."""
        while self._path(self._newest + 1).exists():
            self._newest += 1
        return self._newest

    def read(self, version: int) -> SignedRoot | None:
        """A root by its version, None when there is none."""
        try:
            return read_signed_root(self._path(version))
        except FileNotFoundError:
            return None

    def trust(self) -> Trust:
        """The newest root, as a till would believe it."""
        signed = self.read(self.newest())
        if signed is None:
            raise TesseraError(
                "central has no root yet", hint="start central once, or put its folder roots back"
            )
        return first_root(signed)

    def write(self, version: int, signed: SignedRoot) -> None:
        """Serve a root from now on. FileExistsError when its version is taken."""
        self._folder.mkdir(mode=0o755, exist_ok=True)
        write_signed_root(self._path(version), signed)

    def _path(self, version: int) -> Path:
        return self._folder / f"{version}.json"


def write_signed_root(path: Path, signed: SignedRoot) -> None:
    """Write a root to a file of its own, whole or not at all. FileExistsError when it is there."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(encoded(signed) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    finally:
        part.unlink()


def read_signed_root(path: Path) -> SignedRoot:
    """A root from a file. FileNotFoundError, or TesseraError when it does not read."""
    with path.open("rb") as file:
        raw = file.read(4 * ROOT_BYTES_MAX)
    try:
        return msgspec.json.decode(raw, type=SignedRoot)
    except (msgspec.DecodeError, RecursionError) as error:
        raise TesseraError(
            f"{path} is no signed root: {error}", hint="put it back from your backup"
        ) from error


def ensure_root(
    folder: Path, shelf: RootShelf, *, online: str, random: Callable[[int], bytes], now_ms: int
) -> None:
    """Make the first root, of one key beside central's own, where there is none yet."""
    if shelf.newest():
        return
    key = SigningKey(secret_at(folder / ROOT_KEY_FILE, random))
    root = Root(
        version=1,
        expires_ms=now_ms + FIRST_DAYS * DAY_MS,
        root_keys=(key.public.hex(),),
        root_threshold=1,
        roles=dict.fromkeys(PURPOSES, (online,)),
    )
    shelf.write(1, with_signatures(SignedRoot(document=_text(root), signatures=()), [key]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the next root is to have otherwise; None or empty: as before.

    `online`: the keys that sign, for every role, in hexadecimal. `root_keys` come with `threshold`.
    """

    expires_ms: int
    online: Sequence[str] = ()
    root_keys: Sequence[str] = ()
    threshold: int = 0


def proposed(trust: Trust, change: Change) -> SignedRoot:
    """The next root, not signed by anybody yet."""
    before = trust.root
    assert before is not None
    root = Root(
        version=before.version + 1,
        expires_ms=change.expires_ms,
        root_keys=tuple(change.root_keys) or before.root_keys,
        root_threshold=change.threshold or before.root_threshold,
        roles=dict.fromkeys(PURPOSES, tuple(change.online)) if change.online else before.roles,
    )
    signed = SignedRoot(document=_text(root), signatures=())
    read_root(signed)
    return signed


def with_signatures(signed: SignedRoot, keys: Iterable[SigningKey]) -> SignedRoot:
    """The root with these keys' signatures added; one that signed already does so once."""
    known = {one.key: one for one in signed.signatures}
    for key in keys:
        made = key.sign(PURPOSE_ROOT, signed.document.encode()).hex()
        known[key.public.hex()] = KeySignature(key=key.public.hex(), signature=made)
    return SignedRoot(document=signed.document, signatures=tuple(known.values()))


def missing_signatures(trust: Trust, signed: SignedRoot) -> tuple[int, int]:
    """How many signatures are missing: of the present root's keys, and of the next one's."""
    before, after = trust.root, read_root(signed)
    assert before is not None
    have_before = len(signers_of(signed, before.root_keys))
    have_after = len(signers_of(signed, after.root_keys))
    return (
        max(0, before.root_threshold - have_before),
        max(0, after.root_threshold - have_after),
    )


def check_next(trust: Trust, signed: SignedRoot) -> Root:
    """The root inside, once it may follow. A TrustRefused when tills would not follow it."""
    root = next_root(trust, signed).root
    assert root is not None
    return root


def read_root_keys(files: Iterable[Path]) -> list[SigningKey]:
    """Root keys from their files. KeyUnusable when one is missing, or others can read it."""
    keys = []
    for file in files:
        if not file.exists():
            raise KeyUnusable(
                f"there is no root key at {file}",
                hint="bring the medium that holds it, and name it with --root-key",
            )
        keys.append(SigningKey(read_secret(file)))
    return keys


def make_root_keys(folder: Path, count: int, *, random: Callable[[int], bytes]) -> list[SigningKey]:
    """Make root keys as files root-1.key … in a folder; those that are there already are used."""
    return [
        SigningKey(secret_at(folder / f"root-{number}.key", random))
        for number in range(1, count + 1)
    ]


def _text(root: Root) -> str:
    return encoded(root).decode()
