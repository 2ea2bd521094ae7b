"""Stores, registers, enrolment codes and used nonces.

Owns: who a register is and whether it may speak. Must never: hold a code or a private key in clear.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema

ACTIVE = "active"
WAITING = "waiting"
"""Added, but its enrolment code has not been used yet."""
REVOKED = "revoked"

CENTRAL_ROW = 1
CENTRAL_ITSELF = ""
"""In the place of a register: an alarm about central's own database."""
VERSION_BITS = 40
"""Bits of a version within one generation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralState:
    """What central says about itself: its generation changes only when it was restored.

    `generation_number` counts them from 1; `is_told` is 0 until everything that tills hold has been
    told them anew. `is_awaiting` is 1 while registers have not presented the grants they hold.
    """

    generation: str
    generation_ms: int
    generation_number: int
    is_told: int
    key_public: str
    card_key_id: int
    is_awaiting: int = 0

    @property
    def version_base(self) -> int:
        """What is added to versions on the wire.

        A restored database has forgotten versions that tills have seen; what it says in its new
        generation must count as newer all the same.
        """
        return (self.generation_number - 1) << VERSION_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRow:
    """A shop: where it lies, its clock and its money."""

    store_id: str
    region: str
    time_zone: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRow:
    """A register. `public_key` is hexadecimal, empty before enrolment.

    `presented`: the generation in which it presented the grants it holds, or need not.
    """

    register_id: str
    store_id: str
    status: str
    public_key: str
    public_key_before: str
    key_before_until_ms: int
    incarnation: str
    serial: int
    enrolled_ms: int
    not_after_ms: int
    is_swept: int
    presented: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """An enrolment code by its hash; `used_key` is the public key it was used for."""

    code_hash: str
    register_id: str
    expires_ms: int
    used_ms: int
    used_key: str


def read_central(tx: sa.Connection) -> CentralState | None:
    """Central's own state, None before the first start."""
    names = tuple(CentralState.__dataclass_fields__)
    row = tx.execute(sa.select(*(schema.CENTRAL.c[name] for name in names))).one_or_none()
    return None if row is None else CentralState(**dict(zip(names, row, strict=True)))


def lock_central(tx: sa.Connection) -> CentralState:
    """Central's own state, held for this transaction."""
    tx.execute(sa.select(schema.CENTRAL.c.one).with_for_update()).one()
    state = read_central(tx)
    assert state is not None
    return state


def write_central(tx: sa.Connection, state: CentralState) -> None:
    """Store central's own state."""
    names = tuple(CentralState.__dataclass_fields__)
    row = (CENTRAL_ROW, *(getattr(state, name) for name in names))
    bulk.insert(tx, schema.CENTRAL, ("one", *names), [row], update=names)


def await_grants(tx: sa.Connection) -> None:
    """Note that registers hold grants that are perhaps not in these books."""
    write_central(tx, replace(lock_central(tx), is_awaiting=1))


def await_all_grants(tx: sa.Connection) -> None:
    """Note that whatever registers hold is perhaps not in these books, and whose it may be."""
    await_grants(tx)
    tx.execute(sa.update(schema.REGISTER).values(presented=""))


def settle_awaiting(tx: sa.Connection) -> None:
    """Note that nobody's grants are awaited any more, if that is so."""
    state = lock_central(tx)
    if state.is_awaiting and not read_awaited(tx, state.generation):
        write_central(tx, replace(state, is_awaiting=0))


def write_store(tx: sa.Connection, store: StoreRow) -> None:
    """Add a store, or change what is known of it."""
    row = (store.store_id, store.region, store.time_zone, store.currency)
    names = ("store_id", "region", "time_zone", "currency")
    bulk.insert(tx, schema.STORE, names, [row], update=names[1:])


def read_store(tx: sa.Connection, store_id: str) -> StoreRow | None:
    """A store by its id."""
    table = schema.STORE
    row = tx.execute(sa.select(table).where(table.c.store_id == store_id)).one_or_none()
    return None if row is None else StoreRow(**row._mapping)  # noqa: SLF001 - documented API


def read_stores(tx: sa.Connection) -> list[StoreRow]:
    """Every store, by id."""
    rows = tx.execute(sa.select(schema.STORE).order_by(schema.STORE.c.store_id))
    return [StoreRow(**row._mapping) for row in rows]  # noqa: SLF001 - as above


def read_register(tx: sa.Connection, register_id: str) -> RegisterRow | None:
    """A register by its id."""
    table = schema.REGISTER
    row = tx.execute(sa.select(table).where(table.c.register_id == register_id)).one_or_none()
    return None if row is None else RegisterRow(**row._mapping)  # noqa: SLF001 - as above


def lock_register(tx: sa.Connection, register_id: str) -> RegisterRow | None:
    """A register by its id, held for this transaction."""
    table = schema.REGISTER
    query = sa.select(table).where(table.c.register_id == register_id).with_for_update()
    row = tx.execute(query).one_or_none()
    return None if row is None else RegisterRow(**row._mapping)  # noqa: SLF001 - as above


def read_registers(
    tx: sa.Connection, *, stores: Iterable[str] | None = None, status: str = ""
) -> list[RegisterRow]:
    """Registers by id; of some stores only, or with one status only, when asked."""
    table = schema.REGISTER
    query = sa.select(table).order_by(table.c.register_id)
    if stores is not None:
        query = query.where(table.c.store_id.in_(sorted(stores)))
    if status:
        query = query.where(table.c.status == status)
    return [RegisterRow(**row._mapping) for row in tx.execute(query)]  # noqa: SLF001 - as above


def read_awaited(tx: sa.Connection, generation: str) -> dict[str, str]:
    """Registers that have not presented their grants in this generation: id and store."""
    table = schema.REGISTER
    query = (
        sa.select(table.c.register_id, table.c.store_id)
        .where(table.c.status == ACTIVE)
        .where(table.c.presented != generation)
        .order_by(table.c.register_id)
    )
    return {row.register_id: row.store_id for row in tx.execute(query)}


def count_active(tx: sa.Connection) -> int:
    """How many registers may speak."""
    table = schema.REGISTER
    query = sa.select(sa.func.count()).select_from(table).where(table.c.status == ACTIVE)
    return int(tx.execute(query).scalar_one())


def add_register(tx: sa.Connection, *, register_id: str, store_id: str) -> None:
    """Add a register that waits for its enrolment, with the rows that others lock."""
    rbucket = bucket_of(register_id)
    bulk.insert(
        tx,
        schema.REGISTER,
        ("register_id", "store_id", "status"),
        [(register_id, store_id, WAITING)],
    )
    for table in (schema.REGISTER_STATE, schema.APPLY_STATE):
        bulk.insert(
            tx, table, ("rbucket", "register_id"), [(rbucket, register_id)], ignore_known=True
        )


def update_register(tx: sa.Connection, register_id: str, **values: str | int) -> None:
    """Change columns of a register."""
    table = schema.REGISTER
    tx.execute(sa.update(table).where(table.c.register_id == register_id).values(**values))


def write_code(tx: sa.Connection, *, code_hash: str, register_id: str, expires_ms: int) -> None:
    """Store the hash of a one-time code."""
    bulk.insert(
        tx,
        schema.ENROLMENT_CODE,
        ("code_hash", "register_id", "expires_ms"),
        [(code_hash, register_id, expires_ms)],
    )


def lock_code(tx: sa.Connection, code_hash: str) -> CodeRow | None:
    """A code by its hash, locked, so that two registers cannot both use it."""
    table = schema.ENROLMENT_CODE
    query = sa.select(table).where(table.c.code_hash == code_hash).with_for_update()
    row = tx.execute(query).one_or_none()
    return None if row is None else CodeRow(**row._mapping)  # noqa: SLF001 - as above


def use_code(tx: sa.Connection, *, code_hash: str, used_ms: int, used_key: str) -> None:
    """Mark a code as used by the register with this public key."""
    table = schema.ENROLMENT_CODE
    tx.execute(
        sa.update(table)
        .where(table.c.code_hash == code_hash)
        .values(used_ms=used_ms, used_key=used_key)
    )


def drop_codes(tx: sa.Connection, register_id: str) -> None:
    """Forget the unused codes of a register: a newer one replaces them."""
    table = schema.ENROLMENT_CODE
    tx.execute(
        sa.delete(table).where(table.c.register_id == register_id).where(table.c.used_ms == 0)
    )


def remember_nonce(tx: sa.Connection, *, register_id: str, nonce: bytes, seen_ms: int) -> bool:
    """Remember a nonce; False when it has been seen before."""
    row = (bucket_of(register_id), register_id, nonce, seen_ms)
    names = ("rbucket", "register_id", "nonce", "seen_ms")
    return bool(bulk.insert_new(tx, schema.NONCE, names, [row]))


def forget_nonces(tx: sa.Connection, *, before_ms: int) -> None:
    """Drop nonces older than the replay window."""
    tx.execute(sa.delete(schema.NONCE).where(schema.NONCE.c.seen_ms < before_ms))


def write_heartbeat(tx: sa.Connection, *, register_id: str, received_ms: int, body: str) -> None:
    """Keep the last heartbeat of a register."""
    names = ("rbucket", "register_id", "received_ms", "body")
    row = (bucket_of(register_id), register_id, received_ms, body)
    bulk.insert(tx, schema.HEARTBEAT, names, [row], update=("received_ms", "body"))


def read_heartbeats(tx: sa.Connection) -> dict[str, tuple[int, str]]:
    """When each register was last heard of, and what it said."""
    table = schema.HEARTBEAT
    rows = tx.execute(sa.select(table.c.register_id, table.c.received_ms, table.c.body))
    return {row.register_id: (row.received_ms, row.body) for row in rows}


def raise_alarm(
    tx: sa.Connection, *, register_id: str, kind: str, about: str, detail: str, raised_ms: int
) -> None:
    """Note that something must be looked at; the same alarm twice is one."""
    names = ("rbucket", "register_id", "kind", "about", "detail", "raised_ms")
    row = (bucket_of(register_id), register_id, kind, about, detail, raised_ms)
    bulk.insert(tx, schema.ALARM, names, [row], ignore_known=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """Something that must be looked at."""

    register_id: str
    kind: str
    about: str
    detail: str
    raised_ms: int


def read_alarms(tx: sa.Connection) -> list[AlarmRow]:
    """Every alarm, oldest first."""
    table = schema.ALARM
    columns = [table.c[name] for name in ("register_id", "kind", "about", "detail", "raised_ms")]
    rows = tx.execute(sa.select(*columns).order_by(table.c.raised_ms, table.c.register_id))
    return [AlarmRow(**row._mapping) for row in rows]  # noqa: SLF001 - as above
