"""The register's identity a second time, outside the database: so that a lost file is no lost till.

Owns: its bytes. Must never: hold a private key, or the incarnation (a new database is a new life).
"""

import json
from pathlib import Path

from tessera.core.journal import Head, canonical
from tessera.store.till.values import RegisterIdentity

IDENTITY_FILE = "till.identity"
_BYTES_MAX = 65_536
_PLAIN = (
    "register",
    "store",
    "region",
    "generation",
    "certificate",
    "certificate_signature",
    "card_key_id",
    "time_zone",
    "currency",
)


def encoded(identity: RegisterIdentity) -> bytes:
    """What enrolment leaves beside the database."""
    plain: dict[str, object] = {name: getattr(identity, name) for name in _PLAIN}
    return canonical({**plain, "central_key": identity.central_key.hex()})


def read_identity_file(
    folder: Path, *, incarnation: str, parent: Head | None
) -> RegisterIdentity | None:
    """The identity kept in `folder`, for a new life; None when there is none that reads."""
    try:
        plain = json.loads((folder / IDENTITY_FILE).read_bytes()[:_BYTES_MAX])
        central_key = bytes.fromhex(plain.pop("central_key"))
        return RegisterIdentity(
            incarnation=incarnation,
            parent=parent,
            central_key=central_key,
            **{name: plain[name] for name in _PLAIN},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
