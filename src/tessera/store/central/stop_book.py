"""Offers that were stopped at once: where, why, by whom and until when.

Owns: the numbered stops. A stop that has ended stays, so that their count only rises.
Must never: forget one.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.store.central import bulk, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """A stop; `store_id` empty: in every store. `ended_ms` is 0 while it holds."""

    number: int
    programme: str
    offer: str
    store_id: str
    reason: str
    who: str
    stopped_ms: int
    ended_ms: int = 0
    ended_by: str = ""

    def is_for(self, store_id: str) -> bool:
        """Whether it concerns this store."""
        return self.store_id in {"", store_id}


def read_stops(tx: sa.Connection, *, ended: bool = False) -> list[StopRecord]:
    """The stops that hold, oldest first; with `ended` those of the past as well."""
    table = schema.OFFER_STOP
    wanted = sa.select(table).order_by(table.c.number)
    if not ended:
        wanted = wanted.where(table.c.ended_ms == 0)
    return [StopRecord(**row._mapping) for row in tx.execute(wanted)]  # noqa: SLF001 - as documented


def add_stop(tx: sa.Connection, stop: StopRecord) -> None:
    """Write a stop under its number; the caller holds central's row."""
    names = tuple(StopRecord.__dataclass_fields__)
    row = tuple(getattr(stop, name) for name in names)
    bulk.insert(tx, schema.OFFER_STOP, names, [row])


def end_stop(tx: sa.Connection, number: int, *, now_ms: int, who: str) -> None:
    """Let a stop end."""
    table = schema.OFFER_STOP
    ended = sa.update(table).where(table.c.number == number, table.c.ended_ms == 0)
    tx.execute(ended.values(ended_ms=now_ms, ended_by=who))


def changes(tx: sa.Connection) -> int:
    """How often an offer was stopped or started again; it only rises."""
    table = schema.OFFER_STOP
    counted = sa.func.count() + sa.func.coalesce(
        sa.func.sum(sa.case((table.c.ended_ms > 0, 1), else_=0)), 0
    )
    return int(tx.execute(sa.select(counted).select_from(table)).scalar_one())


def last_number(tx: sa.Connection) -> int:
    """The number of the newest stop, 0 before the first."""
    return int(tx.execute(sa.select(sa.func.max(schema.OFFER_STOP.c.number))).scalar_one() or 0)
