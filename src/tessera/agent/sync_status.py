"""How the line to central is: what people and programs are told of it.

Owns: online and offline, since when, and what was last wrong. Must never: open anything.
"""

from collections.abc import Callable
from dataclasses import dataclass

UNKNOWN = "bad_signature"
SHUT_OUT = frozenset({"register_revoked", "certificate_expired", UNKNOWN})
"""Central's codes for a register that may not speak; see docs/api.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStatus:
    """How sync stands. Times are UTC milliseconds; `balance_as_of_ms` is by central's clock.

    None: never, or not now. `generation` is central's as last heard. `is_shut_out`: central refuses
    this register's key, as revoked, expired or unknown; what waits is kept until it is enrolled
    again. `awaited`: registers of this store that central, restored from a backup, waits for before
    it sets more units aside for the store's members.
    """

    online: bool
    offline_since_ms: int | None
    queued: int
    last_contact_ms: int | None
    balance_as_of_ms: int | None
    generation: str
    last_error: str
    is_shut_out: bool = False
    awaited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncNotice:
    """Something changed that others may show.

    `what`: online, offline, pushed, applied (members, balances, leases), bundle (another one is to
    price the next sale), bundle_refused, life (a new incarnation began), generation, root (another
    root is believed), certificate (the register has a new one), stuck (this register's own database
    fails).
    """

    what: str
    text: str = ""


class LineState:
    """The running account of the line; one object, shared by the loops that use the line."""

    def __init__(self, *, wall_ms: Callable[[], int], tell: Callable[[SyncNotice], None]) -> None:
        self._wall_ms = wall_ms
        self._tell = tell
        self.online = False
        self.offline_since_ms: int | None = None
        self.last_contact_ms: int | None = None
        self.balance_as_of_ms: int | None = None
        self.queued = 0
        self.awaited: tuple[str, ...] = ()
        self._errors: dict[str, str] = {}
        self._shut_out: set[str] = set()
        self._unknown: set[str] = set()

    @property
    def is_unknown(self) -> bool:
        """Central does not know this register's key: it may have been put back from a backup."""
        return bool(self._unknown)

    @property
    def last_error(self) -> str:
        """What keeps failing now, empty when nothing does."""
        return next(iter(self._errors.values()), "")

    def mended(self, step: str) -> None:
        """What failed in `step` works again."""
        self._errors.pop(step, None)
        self._shut_out.discard(step)
        self._unknown.discard(step)

    def heard(self) -> None:
        """Central answered."""
        self.last_contact_ms = self._wall_ms()
        if not self.online:
            self.online, self.offline_since_ms = True, None
            self._tell(SyncNotice(what="online"))

    def failed(self, step: str, reason: str, *, answered: bool, code: str = "") -> None:
        """A call of `step` failed; `answered`: central was there but did not do it.

        `code` is central's own word for it, empty when it had none.
        """
        self._errors[step] = reason
        self._shut_out.discard(step)
        self._unknown.discard(step)
        if code in SHUT_OUT:
            self._shut_out.add(step)
        if code == UNKNOWN:
            self._unknown.add(step)
        if answered:
            self.last_contact_ms = self._wall_ms()
            return
        if self.online or self.offline_since_ms is None:
            self.online, self.offline_since_ms = False, self._wall_ms()
            self._tell(SyncNotice(what="offline", text=reason))

    def failed_here(self, step: str, reason: str) -> None:
        """This register itself could not do `step`, which says nothing about the line.

        Told once for each reason: a full disk is not to be filled with words about it.
        """
        known = self._errors.get(step)
        self._errors[step] = reason
        if known != reason:
            self._tell(SyncNotice(what="stuck", text=reason))

    def tell(self, what: str, text: str = "") -> None:
        """Pass a notice on."""
        self._tell(SyncNotice(what=what, text=text))

    def status(self, generation: str) -> SyncStatus:
        """The account as a value."""
        return SyncStatus(
            online=self.online,
            offline_since_ms=self.offline_since_ms,
            queued=self.queued,
            last_contact_ms=self.last_contact_ms,
            balance_as_of_ms=self.balance_as_of_ms,
            generation=generation,
            last_error=self.last_error,
            is_shut_out=bool(self._shut_out),
            awaited=self.awaited,
        )
