"""When what this register is believed by, and believes, comes to its end.

Owns: how long before the end somebody is told. Must never: change anything, or fail because a file
is damaged; the sync loop says that.
"""

from dataclasses import dataclass
from pathlib import Path

from tessera.agent.renewal import read_certificate
from tessera.agent.trusted_roots import read_root_file
from tessera.core.errors import TesseraError
from tessera.store.till.values import RegisterIdentity

DAY_MS = 86_400_000
ROOT_DAYS = 60
CERTIFICATE_DAYS = 30
LATEST_MS = 253_402_300_799_000
"""The last second that a date can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustEnds:
    """UTC milliseconds, 0 where there is none or it does not read."""

    certificate_ms: int = 0
    certificate_life_ms: int = 0
    root_ms: int = 0

    def is_near(self, now_ms: int) -> bool:
        """Whether somebody should know: the root ends soon, or the certificate was not renewed.

        A certificate renews itself in its last third, so one with a sixth left did not.
        """
        least_ms = min(CERTIFICATE_DAYS * DAY_MS, self.certificate_life_ms // 6)
        return bool(
            (self.certificate_ms and self.certificate_ms - now_ms < least_ms)
            or (self.root_ms and self.root_ms - now_ms < ROOT_DAYS * DAY_MS)
        )


def read_trust_ends(folder: Path, identity: RegisterIdentity | None) -> TrustEnds:
    """What the identity and the root beside it say."""
    certificate = read_certificate(identity.certificate) if identity is not None else None
    try:
        trust = read_root_file(folder)
    except TesseraError:
        trust = None
    return TrustEnds(
        certificate_ms=certificate.not_after_ms if certificate else 0,
        certificate_life_ms=certificate.not_after_ms - certificate.issued_ms if certificate else 0,
        root_ms=trust.root.expires_ms if trust is not None and trust.root is not None else 0,
    )
