"""Limits over all members: what records use of them, and what registers are granted.

Owns: that a record counts once, whoever brings it how often, and that every grant is told. Must
never: grant more than `sharing` says, or change what a sale gave.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.claims import programme_of
from tessera.central.opening import Central
from tessera.central.sharing import Life, LifeShare, SharedLimit, share_out, write_off
from tessera.central.work import Work
from tessera.core.basket import Place
from tessera.core.errors import TesseraError
from tessera.core.money import UNITS_MAX
from tessera.core.sale import Ending, ReturnBody, SaleBody
from tessera.core.uses import is_shared
from tessera.rules.conditions import is_here
from tessera.rules.model import Limit, Offer
from tessera.rules.shares import shared_limits
from tessera.store.central import bundle_book, feed, register_book, share_book
from tessera.store.central.register_book import RegisterRow, StoreRow
from tessera.store.central.share_book import LimitRow, ShareRecord, UseRow
from tessera.sync.feed_wire import SHARE_KEY_MAX, ShareRow

TAG_PASSED = "limit-passed"
_NOWHERE = Place(at=datetime(2000, 1, 1, tzinfo=UTC), business_day=date(2000, 1, 1))


def touches(work: Work) -> bool:
    """Whether a record uses, or gives back, any limit over all members."""
    body = work.body
    if isinstance(body, SaleBody):
        return any(is_shared(use.key) for use in body.quote.counters)
    return isinstance(body, ReturnBody) and _gives_back(body, with_last=True)


def count_uses(
    tx: sa.Connection, works: Sequence[Work], ended: Sequence[Work]
) -> list[tuple[str, str, str]]:
    """Count what these booked records use and give back; tags (register, kind, uid).

    `ended`: returns that brought back the last item of their sale, as central alone could know.
    A tag says that a limit was passed with a record.
    """
    uses = [use for work in works if isinstance(work.body, SaleBody) for use in _uses(work)]
    last = {work.uid for work in ended}
    backs = {
        work.body.original_uid: work.uid
        for work in works
        if isinstance(work.body, ReturnBody) and _gives_back(work.body, with_last=work.uid in last)
    }
    if not uses and not backs:
        return []
    fresh = share_book.add_uses(tx, uses)
    given_back = [
        replace(use, returned_by=backs[use.uid])
        for use in share_book.read_uses(tx, backs)
        if not use.returned_by
    ]
    limits = share_book.lock_limits(tx, {use.key for use in (*fresh, *given_back)})
    shared = _read(tx, limits)
    tags = []
    for use in fresh:
        limit = shared[use.key]
        limit.shares.setdefault((use.register_id, use.incarnation), LifeShare()).used += use.amount
        if limits[use.key].most and limit.used > limit.most:
            tags.append((use.register_id, TAG_PASSED, use.uid))
    for use in given_back:
        shared[use.key].returned += use.amount
    for key, limit in shared.items():
        limits[key].returned, limits[key].due = limit.returned, 1
    share_book.write_uses(tx, given_back)
    share_book.write_limits(tx, limits.values())
    changed = {(use.key, use.register_id, use.incarnation) for use in fresh}
    share_book.write_shares(tx, (_record(shared, one) for one in sorted(changed)))
    return tags


def follow_releases(central: Central) -> None:
    """Take in the limits of what runs now, and look at the shares of all of them."""
    with central.engines.reader.begin() as tx:
        # Reading a large programme takes seconds; below it is known, and nobody waits for it.
        _running(tx)
    with central.engines.writer.begin() as tx:
        register_book.lock_central(tx)
        running = _running(tx)
        limits = share_book.lock_limits(
            tx, running.keys() | {limit.key for limit in share_book.read_limits(tx)}
        )
        for key, limit in limits.items():
            limit.stores, limit.due = "", 1
            if key in running:
                programme, offer, of, stores = running[key]
                limit.programme, limit.offer, limit.period = programme, offer.offer_id, of.period
                limit.most, limit.stores = of.most, " ".join(sorted(stores))
        share_book.write_limits(tx, limits.values())
    grant_due(central)


def grant_due(central: Central) -> int:
    """Grant what is free of the limits that are due, and tell it; how many shares have grown."""
    with central.engines.reader.begin() as tx:
        due = [limit.key for limit in share_book.read_limits(tx, due=True)]
    if not due:
        return 0
    with central.engines.writer.begin() as tx:
        register_book.lock_central(tx)
        active = register_book.read_registers(tx, status=register_book.ACTIVE)
        limits = share_book.lock_limits(tx, due)
        shared = _read(tx, limits)
        grown: list[tuple[str, str, str]] = []
        for key, limit in limits.items():
            lives = _lives(active, limit)
            grown += [(key, *life) for life in share_out(shared[key], lives)]
            limit.due = 0
        share_book.write_limits(tx, limits.values())
        granted = [_record(shared, one) for one in grown]
        share_book.write_shares(tx, granted)
        feed.append(tx, feed.REGISTERS, [rows.share_change(_told(one)) for one in granted])
    return len(grown)


def tell_shares(tx: sa.Connection) -> None:
    """Tell living registers again what they were granted, as a new generation's streams begin."""
    living = {
        (one.register_id, one.incarnation)
        for one in register_book.read_registers(tx, status=register_book.ACTIVE)
    }
    shares = share_book.read_shares(tx, (limit.key for limit in share_book.read_limits(tx)))
    told = [_told(one) for one in shares if (one.register_id, one.incarnation) in living]
    feed.append(tx, feed.REGISTERS, [rows.share_change(row) for row in told])


def list_limits(central: Central) -> list[tuple[LimitRow, SharedLimit]]:
    """Every limit with what registers have of it."""
    with central.engines.reader.begin() as tx:
        limits = share_book.read_limits(tx)
        shared = _read(tx, {limit.key: limit for limit in limits})
    return [(limit, shared[limit.key]) for limit in limits]


def write_off_shares(central: Central, register_id: str) -> int:
    """Give up what a register's dead lives have of any limit; how much in all.

    The present life of a register that is not revoked keeps what it has. TesseraError for a
    register that is unknown.
    """
    with central.engines.writer.begin() as tx:
        register_book.lock_central(tx)
        register = register_book.read_register(tx, register_id)
        if register is None:
            raise TesseraError(
                f"register {register_id} is unknown", hint="tessera central register list"
            )
        living = register.incarnation if register.status == register_book.ACTIVE else ""
        limits = share_book.lock_limits(tx, (one.key for one in share_book.read_limits(tx)))
        shared = _read(tx, limits)
        given_up = 0
        changed = []
        for key, limit in shared.items():
            for life, share in limit.shares.items():
                if life[0] == register_id and life[1] != living and (part := write_off(share)):
                    given_up += part
                    limits[key].due = 1
                    changed.append(_record(shared, (key, *life)))
        share_book.write_shares(tx, changed)
        share_book.write_limits(tx, limits.values())
    grant_due(central)
    return given_up


def _uses(work: Work) -> list[UseRow]:
    body = work.body
    assert isinstance(body, SaleBody)
    found: dict[str, int] = {}
    for use in body.quote.counters:
        key = f"{body.quote.programme}/{use.key}"
        if is_shared(use.key) and 0 < use.used <= UNITS_MAX and len(key) <= SHARE_KEY_MAX:
            found[key] = found.get(key, 0) + use.used
    return [
        UseRow(
            uid=work.uid,
            key=key,
            register_id=work.register_id,
            incarnation=work.incarnation,
            amount=amount,
        )
        for key, amount in found.items()
    ]


def _gives_back(body: ReturnBody, *, with_last: bool) -> bool:
    ending = body.with_last if with_last else None
    counters = (*body.counters, *(ending or Ending()).counters)
    return bool(body.original_uid) and any(is_shared(use.key) for use in counters)


def _read(tx: sa.Connection, limits: dict[str, LimitRow]) -> dict[str, SharedLimit]:
    shared = {
        key: SharedLimit(most=limit.most, returned=limit.returned) for key, limit in limits.items()
    }
    for one in share_book.read_shares(tx, limits):
        shared[one.key].shares[one.register_id, one.incarnation] = LifeShare(
            granted=one.granted, used=one.used, written_off=one.written_off
        )
    return shared


def _record(shared: dict[str, SharedLimit], at: tuple[str, str, str]) -> ShareRecord:
    key, register_id, incarnation = at
    share = shared[key].shares[register_id, incarnation]
    return ShareRecord(
        key=key,
        register_id=register_id,
        incarnation=incarnation,
        granted=share.granted,
        used=share.used,
        written_off=share.written_off,
    )


def _told(share: ShareRecord) -> ShareRow:
    return ShareRow(
        key=share.key,
        register=share.register_id,
        incarnation=share.incarnation,
        granted=share.granted,
    )


def _lives(active: Iterable[RegisterRow], limit: LimitRow) -> list[Life]:
    stores = set(limit.stores.split())
    return [
        (one.register_id, one.incarnation)
        for one in active
        if one.store_id in stores and one.incarnation
    ]


def _running(tx: sa.Connection) -> dict[str, tuple[str, Offer, Limit, set[str]]]:
    """The limits of the programmes that stores are to run: programme, offer, limit and stores."""
    assignments = bundle_book.read_assignments(tx)
    stores: dict[str, list[StoreRow]] = {}
    for store in register_book.read_stores(tx):
        bundle = next((one.bundle for one in assignments if one.is_for(store.store_id)), "")
        stores.setdefault(bundle, []).append(store)
    found: dict[str, tuple[str, Offer, Limit, set[str]]] = {}
    # Of one limit in several releases the newest counts: assignments are read newest first.
    for bundle in dict.fromkeys(one.bundle for one in assignments if one.bundle in stores):
        programme = programme_of(tx, bundle)
        if programme is None:
            continue
        for of, offer, limit in shared_limits(programme, _NOWHERE):
            here = {one.store_id for one in stores[bundle] if _runs_in(offer, one)}
            key = f"{programme.programme_id}/{of}"
            known = found.setdefault(key, (programme.programme_id, offer, limit, set()))
            known[3].update(here)
    return found


def _runs_in(offer: Offer, store: StoreRow) -> bool:
    if offer.where is None:
        return True
    # Which of its registers it is for, is not looked at.
    where = replace(offer.where, registers=frozenset())
    return is_here(where, replace(_NOWHERE, store=store.store_id, region=store.region))
