"""Stops an offer at once, and lets it go again: told to stores beside the releases.

Owns: which offers are stopped where, and the list that every store's stream says so with.
Must never: touch a bundle or an assignment; a stop outlasts the release that it was made under.
"""

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.rules.programme import parse_programme
from tessera.rules.reading import propose
from tessera.store.central import bundle_book, feed, register_book, stop_book
from tessera.store.central.stop_book import StopRecord
from tessera.sync.feed_wire import STOPS_MAX, StoppedOffer, StopsRow

REASON_CHARS_MAX = 500


def stop_offer(
    central: Central,
    offer: str,
    *,
    reason: str,
    who: str,
    programme: str = "",
    stores: tuple[str, ...] = (),
) -> list[StopRecord]:
    """Stop an offer in some stores, or in all; the new stops, none where it is stopped already.

    `programme` may be left out where the stores run only one. Tills leave the offer out from their
    next quote on; what was promised before is kept.
    """
    if not reason.strip() or len(reason) > REASON_CHARS_MAX:
        raise TesseraError(
            f"a reason of {len(reason.strip())} characters",
            hint=f"say why in 1 to {REASON_CHARS_MAX} characters: others will want to know",
        )
    with central.engines.writer.begin() as tx:
        register_book.lock_central(tx)
        known = _known_stores(tx, stores)
        assigned = _assigned(tx, stores or known)
        named = programme or _only_programme(assigned)
        _check_offer(tx, offer, programme=named, bundles=assigned.get(named, ()))
        holding = stop_book.read_stops(tx)
        made: list[StopRecord] = []
        number = stop_book.last_number(tx)
        for store_id in stores or ("",):
            if any(
                (stop.programme, stop.offer) == (named, offer) and stop.store_id in {"", store_id}
                for stop in holding
            ):
                continue
            number += 1
            stop = StopRecord(
                number=number,
                programme=named,
                offer=offer,
                store_id=store_id,
                reason=reason.strip(),
                who=who,
                stopped_ms=central.now_ms(),
            )
            stop_book.add_stop(tx, stop)
            made.append(stop)
        _tell(tx, made, known)
    return made


def start_offer(
    central: Central,
    offer: str,
    *,
    who: str,
    programme: str = "",
    stores: tuple[str, ...] = (),
) -> list[StopRecord]:
    """Let a stopped offer go again, everywhere or in some stores; the stops that ended.

    TesseraError when it is not stopped there, or stopped in every store and only some are named.
    """
    with central.engines.writer.begin() as tx:
        register_book.lock_central(tx)
        known = _known_stores(tx, stores)
        holding = [
            stop
            for stop in stop_book.read_stops(tx)
            if stop.offer == offer and programme in {"", stop.programme}
        ]
        if len({stop.programme for stop in holding}) > 1:
            raise TesseraError(
                f"offer {offer} is stopped in several programmes", hint="name one with --programme"
            )
        if stores and any(not stop.store_id for stop in holding):
            raise TesseraError(
                f"offer {offer} is stopped in every store, so it can't go in some",
                hint="start it without --store, then stop it where it is to stay out",
            )
        ending = [stop for stop in holding if not stores or stop.store_id in stores]
        if not ending:
            raise TesseraError(
                f"offer {offer} is not stopped there",
                hint="tessera central programme stops lists what is",
            )
        for stop in ending:
            stop_book.end_stop(tx, stop.number, now_ms=central.now_ms(), who=who)
        _tell(tx, ending, known)
    return ending


def list_stops(central: Central, *, ended: bool = False) -> list[StopRecord]:
    """The stops that hold, oldest first; with `ended` those of the past as well."""
    with central.engines.reader.begin() as tx:
        return stop_book.read_stops(tx, ended=ended)


def current_stops(tx: sa.Connection, store_id: str) -> StopsRow | None:
    """Every offer that is stopped in a store; None as long as nothing ever was.

    A database that was put back may have forgotten stops that tills hold, so a later generation
    says it even when there are none.
    """
    state = register_book.read_central(tx)
    assert state is not None
    version = state.version_base + stop_book.changes(tx)
    if not version:
        return None
    named = {(one.programme, one.offer) for one in stop_book.read_stops(tx) if one.is_for(store_id)}
    if len(named) > STOPS_MAX:
        raise TesseraError(
            f"store {store_id}: {len(named)} offers would be stopped, at most {STOPS_MAX} are",
            hint="release the programme without them",
        )
    stopped = tuple(StoppedOffer(programme=of, offer=offer) for of, offer in sorted(named))
    return StopsRow(version=version, stopped=stopped)


def _tell(tx: sa.Connection, changed: list[StopRecord], known: tuple[str, ...]) -> None:
    told = [store for store in known if any(stop.is_for(store) for stop in changed)]
    changes = []
    for store in told:
        row = current_stops(tx, store)
        assert row is not None
        changes.append(rows.stops_change(store, row))
    feed.append(tx, feed.REGISTERS, changes)


def _known_stores(tx: sa.Connection, stores: tuple[str, ...]) -> tuple[str, ...]:
    known = tuple(sorted(store.store_id for store in register_book.read_stores(tx)))
    strange = sorted(set(stores) - set(known))
    if strange:
        raise TesseraError(
            f"store {strange[0]} is unknown", hint="tessera central register list names them"
        )
    return known


def _assigned(tx: sa.Connection, stores: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The bundles that these stores are to run now, by their programme's id."""
    assignments = bundle_book.read_assignments(tx)
    hashes = {
        next((one.bundle for one in assignments if one.is_for(store)), "") for store in stores
    }
    found: dict[str, tuple[str, ...]] = {}
    for bundle in sorted(hashes - {""}):
        name = bundle_book.read_programme_id(tx, bundle)
        found[name] = (*found.get(name, ()), bundle)
    return found


def _only_programme(assigned: dict[str, tuple[str, ...]]) -> str:
    if len(assigned) == 1:
        return next(iter(assigned))
    names = ", ".join(sorted(assigned)) or "none"
    raise TesseraError(
        f"these stores run {len(assigned)} programmes: {names}",
        hint="name one with --programme" if assigned else "release a programme first",
    )


def _check_offer(
    tx: sa.Connection, offer: str, *, programme: str, bundles: tuple[str, ...]
) -> None:
    if not bundles:
        raise TesseraError(
            f"programme {programme} runs in none of these stores",
            hint="leave --programme out, or name the stores that run it",
        )
    known: set[str] = set()
    for bundle in bundles:
        body = bundle_book.read_bundle(tx, bundle) or b""
        parsed, _problems = parse_programme(body.decode(errors="replace"), file="a bundle")
        known |= set(parsed.by_id) if parsed is not None else set()
    if offer not in known:
        raise TesseraError(
            f"programme {programme} has no offer {offer}",
            hint=propose(offer, known) or "tessera programme check lists its offers",
        )
