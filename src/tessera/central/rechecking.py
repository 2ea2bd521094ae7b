"""Prices a sample of booked sales once more, when nothing else is to be done; and any by hand.

Owns: the thread that does it beside the booking, the walk over a register's sales for the command,
and the alarm about a sale that comes out otherwise. Must never: keep acceptance or booking waiting,
hold a transaction while it prices, or correct anything.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from tessera.central.claims import parsed_bundle, record_at
from tessera.central.log import LOGGER, note
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.recheck import DIFFERS, UNREADABLE, Difference, Verdict, recheck
from tessera.central.turns import Turns
from tessera.central.work import inflate, split
from tessera.core.errors import TesseraError
from tessera.core.sale import KIND_SALE, SaleBody
from tessera.rules.programme import Programme
from tessera.store.central import bundle_book, inbox, recheck_book, register_book, sale_book
from tessera.store.central.inbox import BatchRow
from tessera.store.central.recheck_book import Found
from tessera.store.engine import AWAY_ERRORS
from tessera.sync.records import Envelope, RecordMalformed, read_body, read_envelope

ALARM = "not-reproduced"
AT_ONCE = 20
IDLE_S = 5.0
FAILED_S = 30.0
GIVE_WAY_S_MAX = 2.0
_NAMED_MAX = 3
_BATCHES_AT_ONCE = 16
_PROGRAMMES_MAX = 16
_DIFFERENCES = msgspec.json.Decoder(tuple[Difference, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A sale that was priced again."""

    register_id: str
    uid: str
    verdict: Verdict
    sale_key: str = ""
    bundle: str = ""

    def found(self, now_ms: int) -> Found:
        """What is kept of it when it differs."""
        told = [asdict(one) for one in self.verdict.differences]
        return Found(
            register_id=self.register_id,
            uid=self.uid,
            sale_key=self.sale_key,
            bundle=self.bundle,
            differences=msgspec.json.encode(told).decode(),
            found_ms=now_ms,
        )


class Rechecker:
    """Prices what waits, one sale after the other, in a thread of its own.

    `is_busy` tells whether anything is to be booked: it then waits.
    """

    def __init__(
        self,
        central: Central,
        *,
        metrics: Metrics,
        turns: Turns,
        is_busy: Callable[[], bool],
        idle_s: float = IDLE_S,
    ) -> None:
        self._central = central
        self._metrics = metrics
        self._turns = turns
        self._is_busy = is_busy
        self._idle_s = idle_s
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End after the present sale."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`."""
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            try:
                pause_s = 0.0 if self._run_once() else self._idle_s
            except AWAY_ERRORS:
                note("sales cannot be rechecked now, trying again", level=logging.WARNING)
                pause_s = FAILED_S
            except Exception as error:  # noqa: BLE001 - nothing may end the loop but `stop`
                LOGGER.error("rechecking sales failed, trying again", exc_info=error)
                pause_s = FAILED_S

    def _run_once(self) -> bool:
        checked = price_waiting(self._central, go_on=self._may_go_on)
        if not checked:
            return False
        self._turns.give_way(GIVE_WAY_S_MAX, to_expected=True)
        for one in settle_checked(self._central, checked):
            self._metrics.count("tessera_rechecks_total", code=one.verdict.verdict)
        return True

    def _may_go_on(self) -> bool:
        return not (self._stopping.is_set() or self._is_busy())


def price_waiting(central: Central, *, go_on: Callable[[], bool]) -> list[Checked]:
    """Price some of the sales that wait, as long as `go_on`; nothing is written."""
    checked: list[Checked] = []
    programmes = Programmes(central)
    with central.engines.reader.begin() as tx:
        due = recheck_book.read_due(tx, limit=AT_ONCE) if go_on() else []
        places = sale_book.read_uids(tx, due)
    for register_id, uid in due:
        if not go_on():
            break
        place = places.get((register_id, uid))
        with central.engines.reader.begin() as tx:
            record = None if place is None else record_at(tx, place)
        checked.append(_priced(register_id, uid, record, programmes))
    return checked


def settle_checked(central: Central, checked: Iterable[Checked]) -> list[Checked]:
    """Write down what came out; those of them that no other process had written down before."""
    now_ms = central.now_ms()
    with central.engines.writer.begin() as tx:
        fresh = [one for one in checked if recheck_book.take_due(tx, one.register_id, one.uid)]
        for one in fresh:
            recheck_book.count_verdict(tx, one.register_id, one.verdict.verdict, now_ms=now_ms)
            _raise(tx, one, now_ms)
    for one in fresh:
        _tell(one)
    return fresh


def recheck_register(
    central: Central, register_id: str, *, since: str = "", every: bool = False
) -> Iterator[Checked]:
    """Price a register's sales again: those of the sample, or `every` one, as they were stored.

    `since`: only what was received on that UTC day or later, 2026-11-21. What differs is kept and
    raises the alarm. TesseraError when the register is unknown.
    """
    sample, programmes = central.sample(), Programmes(central)
    with central.engines.reader.begin() as tx:
        if register_book.read_register(tx, register_id) is None:
            raise TesseraError(
                f"register {register_id!r} is unknown",
                hint="tessera central register list names them",
            )
    seen: set[str] = set()
    for record in _records(central, register_id, since):
        if record.kind != KIND_SALE or record.uid in seen:
            continue
        seen.add(record.uid)
        if not (every or sample.holds(record.uid)):
            continue
        one = _priced(register_id, record.uid, record, programmes)
        if one.verdict.verdict == DIFFERS:
            with central.engines.writer.begin() as tx:
                _raise(tx, one, central.now_ms())
        yield one


def differences_of(found: Found) -> tuple[Difference, ...]:
    """What was kept of a sale that differed."""
    return _DIFFERENCES.decode(found.differences)


class Programmes:
    """Programmes by their bundles, each looked up once."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._known: dict[str, Programme | None] = {}

    def of(self, bundle: str) -> Programme | None:
        """The programme of a bundle; None when central does not have it, or cannot read it."""
        if bundle not in self._known:
            with self._central.engines.reader.begin() as tx:
                body = bundle_book.read_bundle(tx, bundle)
            if len(self._known) >= _PROGRAMMES_MAX:
                self._known.clear()
            self._known[bundle] = None if body is None else parsed_bundle(body)
        return self._known[bundle]


def _priced(register_id: str, uid: str, record: Envelope | None, programmes: Programmes) -> Checked:
    unreadable = Checked(register_id=register_id, uid=uid, verdict=Verdict(verdict=UNREADABLE))
    if record is None:
        return unreadable
    try:
        sale = read_body(record)
    except RecordMalformed:
        return unreadable
    if not isinstance(sale, SaleBody):
        return unreadable
    programme = programmes.of(record.bundle) if record.bundle else None
    return Checked(
        register_id=register_id,
        uid=uid,
        verdict=recheck(sale, programme=programme, bundle=record.bundle, engine=record.engine),
        sale_key=sale.key.text(),
        bundle=record.bundle,
    )


def _records(central: Central, register_id: str, since: str) -> Iterator[Envelope]:
    """A register's records that read, in the order in which they were stored."""
    since_ms = 0
    if since:
        since_ms = int(datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp() * 1000)
    arrival = 0
    while True:
        with central.engines.reader.begin() as tx:
            batches = inbox.read_batches(
                tx, register_id, after_arrival=arrival, limit=_BATCHES_AT_ONCE
            )
        if not batches:
            return
        arrival = batches[-1].arrival
        for batch in batches:
            if batch.received_ms >= since_ms and not (batch.is_opaque or batch.purged_ms):
                yield from _of_batch(batch)


def _of_batch(batch: BatchRow) -> Iterator[Envelope]:
    for raw in split(inflate(batch.body)):
        try:
            yield read_envelope(raw)
        except RecordMalformed:
            continue  # parked when it arrived, under a reason of its own


def _raise(tx: sa.Connection, one: Checked, now_ms: int) -> None:
    if one.verdict.verdict != DIFFERS:
        return
    recheck_book.write_found(tx, one.found(now_ms))
    first = [difference.text() for difference in one.verdict.differences[:_NAMED_MAX]]
    register_book.raise_alarm(
        tx,
        register_id=one.register_id,
        kind=ALARM,
        about=one.uid,
        detail=f"sale {one.sale_key}: {'; '.join(first)}",
        raised_ms=now_ms,
    )


def _tell(one: Checked) -> None:
    if one.verdict.verdict == DIFFERS:
        note(
            "a sale does not come out again as it was recorded",
            level=logging.WARNING,
            register=one.register_id,
            uid=one.uid,
            differences=len(one.verdict.differences),
        )
