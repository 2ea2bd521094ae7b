"""Which POS may call the local API: pairing tokens, and what each POS declared.

Owns: the file of pairings (tokens as hashes, 0600) and the file with the first POS's token in
clear, for a plugin on the same machine. Must never: log a token, or compare one byte by byte.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tessera.agent.secret_files import alone_with, write_secret
from tessera.core.basket import TaxRounding
from tessera.core.errors import TesseraError
from tessera.core.identity import is_name

PAIRINGS_FILE = "pairings.json"
TOKEN_FILE = "pairing.token"  # noqa: S105 - a file's name
FIRST_POS = "pos"
TOKEN_BYTES = 32
PAIRINGS_MAX = 64
_FILE_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedPos:
    """A POS and what it declared when it was paired.

    `currency` empty: the store's. `token_sha256` is hexadecimal.
    """

    name: str
    token_sha256: str = ""
    currency: str = ""
    tax_rounding: TaxRounding = TaxRounding.GROUP
    owns_scanner: bool = False


def in_the_store(pos: PairedPos, register: str) -> PairedPos:
    """The POS under the name that it has beside the store's other registers.

    Each register's agent pairs a first POS by itself, all under the same name. Were it kept, sale
    0001 of two registers would be one sale; so the first POS goes by its register's.
    """
    return replace(pos, name=register) if pos.name == FIRST_POS and register else pos


def token_of(random: bytes) -> str:
    """A token from 32 random bytes, fit for a header."""
    assert len(random) == TOKEN_BYTES
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_pairings(data_dir: Path) -> tuple[PairedPos, ...]:
    """All pairings; none when nothing was paired yet. TesseraError for an unreadable file."""
    path = data_dir / PAIRINGS_FILE
    if not path.exists():
        return ()
    try:
        raw = path.read_bytes()[: _FILE_BYTES_MAX + 1]
        rows = json.loads(raw)
        return tuple(
            PairedPos(
                name=str(row["name"]),
                token_sha256=str(row["token_sha256"]),
                currency=str(row["currency"]),
                tax_rounding=TaxRounding(row["tax_rounding"]),
                owns_scanner=row["owns_scanner"] is True,
            )
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TesseraError(
            f"{path} does not read as a file of pairings",
            hint=f"remove it and pair every POS again: tessera agent pair --pos NAME ({error})",
            code="pairings_unreadable",
        ) from error


def pair(data_dir: Path, pos: PairedPos, *, random: Callable[[int], bytes]) -> str:
    """Give `pos` a new token and keep its hash; an earlier token of that name stops working.

    TesseraError for a name that is none, or too many pairings.
    """
    if not is_name(pos.name):
        raise TesseraError(
            f"{pos.name!r} cannot name a POS",
            hint="use 1 to 64 letters, digits, . _ : / -",
        )
    token = token_of(random(TOKEN_BYTES))
    paired = {**asdict(pos), "token_sha256": token_hash(token)}
    with alone_with(data_dir / PAIRINGS_FILE):
        others = [known for known in read_pairings(data_dir) if known.name != pos.name]
        if len(others) >= PAIRINGS_MAX:
            raise TesseraError(
                f"{PAIRINGS_MAX} POS are paired already", hint=f"remove one from {PAIRINGS_FILE}"
            )
        rows = [*(asdict(known) for known in others), paired]
        write_secret(data_dir / PAIRINGS_FILE, json.dumps(rows, indent=1).encode())
    return token


def first_pairing(data_dir: Path, *, random: Callable[[int], bytes]) -> bool:
    """At the first start: pair a POS named "pos" and leave its token beside; True when it did.

    Both must be there: the commands of this machine find their token in that file.
    """
    named = any(pos.name == FIRST_POS for pos in read_pairings(data_dir))
    if named and (data_dir / TOKEN_FILE).exists():
        return False
    token = pair(data_dir, PairedPos(name=FIRST_POS), random=random)
    write_secret(data_dir / TOKEN_FILE, token.encode() + b"\n")
    return True


class Pairings:
    """The pairings of a running agent; the file is read again when it has changed."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._stamp: tuple[int, int] = (0, 0)
        self._known: tuple[PairedPos, ...] = ()

    def find(self, token: str) -> PairedPos | None:
        """The POS that holds this token; every pairing is compared, in the same time each."""
        self._read_again()
        given = token_hash(token)
        found = None
        for pos in self._known:
            if hmac.compare_digest(pos.token_sha256, given):
                found = pos
        return found

    def _read_again(self) -> None:
        try:
            about = (self._data_dir / PAIRINGS_FILE).stat()
        except FileNotFoundError:
            self._known = ()
            return
        stamp = (about.st_mtime_ns, about.st_ino)
        if stamp != self._stamp:
            self._known = read_pairings(self._data_dir)
            self._stamp = stamp
