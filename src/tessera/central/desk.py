"""What booking needs beside the records: who signs, what is leased, chance and time.

Must never: hold a connection.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tessera.central.leasing import LeasePolicy
from tessera.central.recheck import Sample
from tessera.central.reviving import REVIVAL_DAYS
from tessera.core.errors import TesseraError
from tessera.sync.signing import SigningKey


class GenerationBegan(TesseraError):
    """Another server began a generation meanwhile: what was worked out counts in none."""

    code = "generation_began"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What booking needs beside the records: who signs, what leases are granted, chance, time.

    `version_base` is added to every version that is told to a till. `sample`: which sales are to be
    priced once more. `revival_days`: for how long units revive that had expired before goods paid
    with them came back. `is_awaiting`: registers have not presented the grants they hold.
    """

    key: SigningKey
    generation: str
    version_base: int
    policy: LeasePolicy
    sample: Sample
    random: Callable[[int], bytes]
    now_ms: Callable[[], int]
    revival_days: int = REVIVAL_DAYS
    is_awaiting: bool = False
