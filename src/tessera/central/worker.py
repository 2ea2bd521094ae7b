"""The loop that books and publishes, in a thread of its own.

Owns: when a round runs. What a round does is decided elsewhere; here it is only called again until
nothing is left, then waited for a kick or for the time after which another process may have brought
something. Several processes may run it at once. Must never: die of a failed round.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from tessera.central.apart import Apart
from tessera.central.apply import (
    RECORDS_AT_ONCE,
    apply_carefully,
    apply_waiting,
    book_overdue_returns,
)
from tessera.central.desk import GenerationBegan
from tessera.central.enrol import HOUR_MS
from tessera.central.generations import tell_everything
from tessera.central.granting import grant_put_off
from tessera.central.log import LOGGER, note
from tessera.central.members import top_up_store
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.publish import publish_waiting
from tessera.central.purging import purge_inbox
from tessera.central.quarantine import Progress, retry_claims, retry_unknown_members
from tessera.central.reach import ReachWatch
from tessera.central.shared_limits import follow_releases, grant_due
from tessera.central.turns import Turns
from tessera.central.upkeep import keep_up
from tessera.store.central import inbox, register_book
from tessera.store.engine import AWAY_ERRORS, driver_words

IDLE_S = 0.5
FAILED_S_MAX = 10.0
TIDY_EVERY_MS = 600_000
LEASES_AT_ONCE = 500
LEASES_EVERY_MS = 30_000
"""Leases that a backlog put off are granted when nothing comes any more, or after this time."""
GIVE_WAY_S_MAX = 0.25
BACKLOG_FIRST_S_MAX = 1.0
RECORDS_BETWEEN_TURNS = 1_000
"""On one writer: longest that publishing lets requests go first, longest that booking lets a
backlog come in first, and most records that are booked meanwhile."""


class Worker:
    """Books and publishes. `on_published` hears of every round that published something."""

    def __init__(
        self,
        central: Central,
        *,
        metrics: Metrics,
        on_published: Callable[[], None] = lambda: None,
        idle_s: float = IDLE_S,
    ) -> None:
        self._central = central
        self._metrics = metrics
        self.turns = Turns()
        """Requests that write take theirs before rounds of booking do."""
        self._reach = ReachWatch(central, self.turns)
        self._has_one_writer = central.engines.has_one_writer
        self._on_published = on_published
        self._idle_s = idle_s
        self._kicked = threading.Event()
        self._stopping = threading.Event()
        self._claims = Progress()
        self._apart = Apart(central.now_ms)
        self._is_careful = False
        self._rounds_failed = 0
        self._tidied_ms = 0
        self._is_quiet = True
        self._granted_ms = central.now_ms()
        self.waiting = 0
        """Batches that waited when this was last counted."""

    def kick(self) -> None:
        """Say that something has come."""
        self._kicked.set()

    def stop(self) -> None:
        """End the loop after the present round."""
        self._stopping.set()
        self._kicked.set()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._stopping.is_set():
            try:
                while not self._stopping.is_set() and self.run_once():
                    pass
                self._rounds_failed = 0
                pause_s = self._idle_s
            except Exception as error:  # noqa: BLE001 - nothing may end the loop but `stop`
                pause_s = self._after_failure(error)
            self._is_quiet = not self._kicked.wait(pause_s)
            self._kicked.clear()

    def run_once(self) -> bool:
        """One round of everything; whether anything was done."""
        self._reach.look()
        applied = self._apply()
        if applied or self._claims.is_underway:
            # A claim whose sale was still on its way may now be worked out.
            applied += self._step("retrying claims", retry_claims, self._claims, self._apart)
        if applied:
            applied += self._step("retrying unknown members", retry_unknown_members, self._apart)
            self._step("sharing out limits", grant_due)
        swept = self._sweep() + self._grant_put_off(is_busy=bool(applied))
        published = self._publish()
        self._tidy()
        return bool(applied or swept or published)

    def _step(self, what: str, step: Callable[..., int | None], *arguments: object) -> int:
        """Take a step of a round; one that fails is told as `what` and lets the others go on."""
        work = partial(step, self._central, *arguments)
        return self._apart.attempt(what, work, otherwise=None) or 0

    def _apply(self) -> int:
        central = self._central
        if self._has_one_writer:
            self.turns.give_way(BACKLOG_FIRST_S_MAX, to_expected=True)
        writer = central.engines.writer
        with central.engines.reader.begin() as tx:
            self.waiting = inbox.due_count(tx, most=central.settings.limits.inbox_batches_max + 1)
        if not self.waiting:
            return 0
        if self._is_careful:
            applied = apply_carefully(writer, central.desk(), note=self._note_failed)
            self._is_careful = False
        else:
            spans = central.settings.database.spans_buckets
            most = RECORDS_BETWEEN_TURNS if self._has_one_writer else RECORDS_AT_ONCE
            applied = apply_waiting(writer, central.desk(), spans_buckets=spans, records_max=most)
        self._metrics.count("tessera_batches_applied_total", applied)
        return applied

    def _grant_put_off(self, *, is_busy: bool) -> int:
        """Grant leases that a backlog put off, once all of it is there or it takes too long."""
        now_ms = self._central.now_ms()
        # A clock that is put back must not keep anybody waiting either.
        is_early = 0 <= now_ms - self._granted_ms < LEASES_EVERY_MS
        if is_early and (is_busy or not self._is_quiet):
            return 0
        self._granted_ms = now_ms
        return self._step("granting what was put off", _grant, self._apart)

    def _sweep(self) -> int:
        """What a new generation, and registers that have just been enrolled, have to be told."""
        central = self._central
        told = (
            0 if central.state().is_told else self._step("telling everything anew", tell_everything)
        )
        with central.engines.reader.begin() as tx:
            fresh = [
                register
                for register in register_book.read_registers(tx, status=register_book.ACTIVE)
                if not register.is_swept
            ]
        for store_id in sorted({register.store_id for register in fresh}):
            here = [one.register_id for one in fresh if one.store_id == store_id]
            step = partial(_sweep_store, central, store_id, here)
            told += self._apart.attempt("sweeping a store", step, about=store_id, otherwise=0)
        if fresh:
            self._step("following releases", follow_releases)
        return told

    def _publish(self) -> int:
        central = self._central
        if self._has_one_writer:
            self.turns.give_way(GIVE_WAY_S_MAX)
        # First, since the key follows it: a key that was dropped signs nothing of a new generation.
        state = central.state()
        heads = publish_waiting(
            central.engines.writer,
            key=central.keys.signing,
            generation=state.generation,
            now_ms=central.now_ms(),
        )
        if heads:
            self._metrics.count("tessera_segments_published_total", len(heads))
            self._on_published()
        return len(heads)

    def _tidy(self) -> None:
        now_ms = self._central.now_ms()
        if now_ms - self._tidied_ms < TIDY_EVERY_MS:
            return
        self._tidied_ms = now_ms
        kept_ms = self._central.settings.limits.nonce_hours * HOUR_MS
        with self._central.engines.writer.begin() as tx:
            register_book.forget_nonces(tx, before_ms=now_ms - kept_ms)
        self._step("booking overdue returns", _book_overdue, self._apart)
        keep_up(self._central, self._apart)
        give_way = partial(self.turns.give_way, GIVE_WAY_S_MAX)
        self._apart.attempt(
            "purging the inbox", partial(purge_inbox, self._central, give_way=give_way), otherwise=0
        )
        self._step("following releases", follow_releases)

    def _after_failure(self, error: Exception) -> float:
        self._rounds_failed += 1
        if isinstance(error, GenerationBegan):
            note("a generation began, working anew", about=error.message)
            return 0.0
        self._metrics.count("tessera_apply_failures_total")
        if isinstance(error, AWAY_ERRORS):
            # The database is away, busy or full; no record is at fault.
            note(
                "database does not answer, trying again",
                level=logging.WARNING,
                error=driver_words(error),
            )
        else:
            self._is_careful = True
            LOGGER.error("a round failed, going on record by record", exc_info=error)
        return min(FAILED_S_MAX, self._idle_s * self._rounds_failed)

    def _note_failed(self, uid: str, error: Exception) -> None:
        LOGGER.error(
            "a record could not be booked and was parked",
            exc_info=error,
            extra={"fields": {"uid": uid}},
        )


def _sweep_store(central: Central, store_id: str, register_ids: Sequence[str]) -> int:
    top_up_store(central, store_id)
    for register_id in register_ids:
        with central.engines.writer.begin() as tx:
            register_book.update_register(tx, register_id, is_swept=1)
    return len(register_ids)


def _grant(central: Central, apart: Apart) -> int:
    return grant_put_off(
        central.engines,
        central.desk(),
        spans_buckets=central.settings.database.spans_buckets,
        limit=LEASES_AT_ONCE,
        apart=apart,
    )


def _book_overdue(central: Central, apart: Apart) -> int:
    return book_overdue_returns(central.engines.writer, central.desk(), apart)
