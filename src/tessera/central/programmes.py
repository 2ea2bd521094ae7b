"""Releases a programme: checks it, keeps it as a bundle by its hash, assigns it to stores.

Owns: the signed, numbered assignment. Must never: release a text that does not check.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.opening import Central
from tessera.central.seeds import seed_for_release, tie_to_bundle
from tessera.central.shared_limits import follow_releases
from tessera.central.stops import current_stops
from tessera.core.errors import Problem, TesseraError
from tessera.rules.programme import parse_programme
from tessera.rules.read_draws import not_released
from tessera.store.central import bundle_book, feed, register_book
from tessera.store.central.bundle_book import AssignmentRecord, BundleRow
from tessera.sync.feed_wire import AssignmentRow
from tessera.sync.wire import BUNDLE_BYTES_MAX, content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A released programme: its bundle's hash and its assignment's number."""

    bundle: str
    number: int
    stores: tuple[str, ...]


def release_programme(
    central: Central,
    text: str,
    *,
    file: str,
    stores: tuple[str, ...] = (),
    active_from_ms: int | None = None,
) -> tuple[Release | None, list[Problem]]:
    """Release a programme to some stores, or to all; or say what is wrong with it."""
    body = text.encode()
    if len(body) > BUNDLE_BYTES_MAX:
        return None, [Problem(file=file, message=f"programme is over {BUNDLE_BYTES_MAX} bytes")]
    programme, problems = parse_programme(text, file=file)
    if programme is None:
        return None, problems
    seed = seed_for_release(central.settings.data_dir, programme)
    if unsaid := not_released(programme.offers, programme.draws, file=file):
        return None, unsaid
    now_ms = central.now_ms()
    digest = content_hash(body)
    if seed:
        tie_to_bundle(central.settings.data_dir, digest, seed)
    with central.engines.writer.begin() as tx:
        known = {store.store_id for store in register_book.read_stores(tx)}
        strange = sorted(set(stores) - known)
        if strange:
            raise TesseraError(
                f"store {strange[0]} is unknown", hint="tessera central register list names them"
            )
        bundle_book.write_bundle(
            tx,
            BundleRow(
                hash=digest,
                body=body,
                programme=programme.programme_id,
                released_ms=now_ms,
            ),
        )
        record = bundle_book.add_assignment(
            tx,
            bundle=digest,
            active_from_ms=now_ms if active_from_ms is None else active_from_ms,
            size=len(body),
            stores=" ".join(sorted(stores)),
        )
        told = sorted(stores or known)
        announce(tx, central, record, told)
    follow_releases(central)
    return Release(bundle=digest, number=record.number, stores=tuple(told)), problems


def announce(
    tx: sa.Connection, central: Central, record: AssignmentRecord, stores: list[str]
) -> None:
    """Put an assignment, signed, into the streams of stores."""
    row = _signed_row(tx, central, record)
    feed.append(tx, feed.REGISTERS, [rows.assignment_change(store, row) for store in stores])


def announce_current(tx: sa.Connection, central: Central, store_id: str) -> None:
    """Tell a store which bundle is to run there now, and without which offers.

    For one that was added after the release.
    """
    row, stops = current_assignment(tx, central, store_id), current_stops(tx, store_id)
    changes = [] if row is None else [rows.assignment_change(store_id, row)]
    if stops is not None:
        changes.append(rows.stops_change(store_id, stops))
    feed.append(tx, feed.REGISTERS, changes)


def current_assignment(tx: sa.Connection, central: Central, store_id: str) -> AssignmentRow | None:
    """Which bundle is to run in a store now, signed; None when none was ever released for it."""
    for record in bundle_book.read_assignments(tx):
        if record.is_for(store_id):
            return _signed_row(tx, central, record)
    return None


def _signed_row(tx: sa.Connection, central: Central, record: AssignmentRecord) -> AssignmentRow:
    state = register_book.read_central(tx)
    assert state is not None
    return rows.assignment_row(
        AssignmentRow(
            number=record.number,
            bundle=record.bundle,
            active_from_ms=record.active_from_ms,
            size=record.size,
            generation=state.generation,
        ),
        central.keys.signing,
    )
