"""What the agent's parts share while it runs: who this register is, and how it is.

Owns: the register's state in memory, read anew from the database when sync says that it changed.
Must never: be a global; `app` makes one and passes it on.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tessera.agent.clock import Clock
from tessera.agent.clock_trust import ClockTrust
from tessera.agent.events import EventHub
from tessera.agent.programme_in_force import ProgrammeInForce
from tessera.agent.settings import AgentSettings
from tessera.agent.sync_status import SyncStatus
from tessera.agent.writer import Writer
from tessera.core.cards import CardHasher
from tessera.core.errors import TesseraError
from tessera.store.till import feed_state, identity_book, stopped_offers
from tessera.store.till.file_limit import file_room
from tessera.store.till.opening import OpenTill
from tessera.store.till.values import KeptBundle, RegisterIdentity

_LOG = logging.getLogger("tessera.agent.state")
CARD_KEY_FILE = "card.key"
DISK_LOOK_MS = 1_000
_MIB = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Room on the disk of the database, in bytes."""

    free_bytes: int
    total_bytes: int
    benefits_stopped: bool


class TillState:
    """The register while its agent runs."""

    def __init__(
        self,
        *,
        settings: AgentSettings,
        till: OpenTill,
        writer: Writer,
        clock: Clock,
        random: Callable[[int], bytes],
        hub: EventHub,
    ) -> None:
        self.settings = settings
        self.engines = till.engines
        self.reserve = till.reserve
        self.writer = writer
        self.clock = clock
        self.random = random
        self.hub = hub
        self.identity: RegisterIdentity | None = None
        self.hasher: CardHasher | None = None
        self.zone = ZoneInfo(settings.time_zone)
        self.currency = settings.currency
        self.programme = ProgrammeInForce()
        self.sync: Callable[[], SyncStatus] | None = None
        self.kick: Callable[[], None] = _nothing
        self.send_profiles: Callable[[], None] = _nothing
        self.balance_as_of_ms = 0
        self.clock_trust = ClockTrust(wall_ms=clock.wall_ms(), mono_ms=clock.mono_ms())
        self._is_floor_known = False
        self._disk: Disk | None = None
        self._disk_looked_ms = 0

    @property
    def mode(self) -> str:
        """training, local (not enrolled), online or offline."""
        if self.settings.training:
            return "training"
        if self.identity is None:
            return "local"
        return "online" if self.sync is not None and self.sync().online else "offline"

    def refresh(self) -> KeptBundle | None:
        """Read from the database what enrolment and sync may have changed.

        Gives the programme that is to be in force now, if it is another: `programme.take` parses
        it, in a thread while sales are made.
        """
        with self.engines.reader.connect() as connection:
            self._refresh_identity(connection)
            wanted = self.programme.wanted(connection)
            self.programme.stop(stopped_offers.read(connection))
            self.balance_as_of_ms = feed_state.read_mark(connection, feed_state.BALANCE_AS_OF_MS)
            signed_ms = feed_state.read_mark(connection, feed_state.SIGNED_MS)
        if not self._is_floor_known:
            # What stands in the database at start was signed at an unknown time before it.
            self.clock_trust.remember(signed_ms)
            self._is_floor_known = True
        return wanted

    def _refresh_identity(self, connection: sa.Connection) -> None:
        identity = identity_book.read_identity(connection)
        if identity is None:
            return
        self.identity = identity
        self.zone = ZoneInfo(identity.time_zone)
        self.currency = identity.currency
        key = _read_card_key(self.settings.data_dir / CARD_KEY_FILE)
        self.hasher = CardHasher(key_id=identity.card_key_id, key=key)

    # -- clock

    def hear_time(self, signed_ms: int) -> None:
        """Central signed its time just now, for this register."""
        self.clock_trust.hear(signed_ms, mono_ms=self.clock.mono_ms())

    def believed_ms(self) -> int:
        """The right time, as far as it can be known."""
        return self.clock_trust.believed_ms(
            wall_ms=self.clock.wall_ms(), mono_ms=self.clock.mono_ms()
        )

    def clock_off_ms(self) -> int:
        """By how much the register's clock is wrong, as far as can be known."""
        return self.clock_trust.off_ms(wall_ms=self.clock.wall_ms(), mono_ms=self.clock.mono_ms())

    def is_clock_doubtful(self, at_ms: int | None = None) -> bool:
        """Whether the clock, or this time, is off by more than a day."""
        return self.clock_trust.is_doubtful(
            wall_ms=self.clock.wall_ms(), mono_ms=self.clock.mono_ms(), at_ms=at_ms
        )

    # -- disk

    def disk(self) -> Disk:
        """Room on the disk, looked at most once a second."""
        now = self.clock.mono_ms()
        if self._disk is None or now - self._disk_looked_ms >= DISK_LOOK_MS:
            usage = shutil.disk_usage(self.settings.data_dir)
            room = file_room(self.settings.data_dir)
            free = usage.free if room is None else min(usage.free, room)
            limit = self.settings.disk.benefits_stop_mb * _MIB
            given_up = self.reserve.size > 0 and not self.reserve.is_whole()
            self._disk = Disk(
                free_bytes=free,
                total_bytes=usage.total,
                benefits_stopped=given_up or free < limit,
            )
            self._disk_looked_ms = now
        return self._disk


def _nothing() -> None:
    return None


def _read_card_key(path: Path) -> bytes:
    """The key for card hashes: hexadecimal text or raw bytes, as enrolment wrote it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TesseraError(
            f"{path.name} cannot be read: {error.strerror}",
            hint="enrol this register again: tessera agent enrol --help",
            code="card_key_missing",
        ) from error
    return raw
