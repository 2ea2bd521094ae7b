"""Who this register is, its lives and their chains' ends.

Owns: tables register_identity and branch. Must never: mint an incarnation or read a key file.
"""

from dataclasses import replace

import sqlalchemy as sa

from tessera.core.journal import Head, genesis
from tessera.store.till.tables import branch, register_identity
from tessera.store.till.values import RegisterIdentity


def read_identity(connection: sa.Connection) -> RegisterIdentity | None:
    """Who this register is; None before enrolment."""
    row = connection.execute(sa.select(register_identity)).mappings().one_or_none()
    if row is None:
        return None
    life = (
        connection.execute(sa.select(branch).where(branch.c.incarnation == row["incarnation"]))
        .mappings()
        .one()
    )
    parent = None
    if life["parent_incarnation"] is not None:
        parent = Head(
            register=row["register"],
            incarnation=life["parent_incarnation"],
            seq=life["parent_seq"],
            link_hash=life["parent_link"],
        )
    return RegisterIdentity(
        register=row["register"],
        store=row["store"],
        region=row["region"],
        incarnation=row["incarnation"],
        parent=parent,
        generation=row["generation"],
        central_key=row["central_key"],
        certificate=row["certificate"],
        certificate_signature=row["certificate_signature"],
        card_key_id=row["card_key_id"],
        time_zone=row["time_zone"],
        currency=row["currency"],
    )


def write_identity(connection: sa.Connection, identity: RegisterIdentity) -> None:
    """Keep who this register is; a new incarnation begins a new chain at its genesis."""
    known = connection.execute(
        sa.select(branch.c.number).where(branch.c.incarnation == identity.incarnation)
    ).scalar_one_or_none()
    if known is None:
        _begin_life(connection, identity)
    connection.execute(sa.delete(register_identity))
    connection.execute(
        sa.insert(register_identity).values(
            id=1,
            register=identity.register,
            store=identity.store,
            region=identity.region,
            incarnation=identity.incarnation,
            generation=identity.generation,
            central_key=identity.central_key,
            certificate=identity.certificate,
            certificate_signature=identity.certificate_signature,
            card_key_id=identity.card_key_id,
            time_zone=identity.time_zone,
            currency=identity.currency,
        )
    )


def write_certificate(connection: sa.Connection, *, certificate: str, signature: str) -> None:
    """Keep the certificate that counts from now on; who the register is stays."""
    connection.execute(
        sa.update(register_identity).values(
            certificate=certificate, certificate_signature=signature
        )
    )


def _begin_life(connection: sa.Connection, identity: RegisterIdentity) -> None:
    parent = identity.parent
    start = genesis(identity.register, identity.incarnation, parent)
    connection.execute(
        sa.insert(branch).values(
            incarnation=identity.incarnation,
            register=identity.register,
            parent_incarnation=parent.incarnation if parent else None,
            parent_seq=parent.seq if parent else None,
            parent_link=parent.link_hash if parent else None,
            head_seq=0,
            head_link=start.link_hash,
            high_water=0,
            generation="",
        )
    )


def read_head(connection: sa.Connection) -> Head:
    """The end of the present life's chain. RuntimeError before enrolment."""
    row = connection.execute(
        sa.select(
            branch.c.register, branch.c.incarnation, branch.c.head_seq, branch.c.head_link
        ).join(register_identity, register_identity.c.incarnation == branch.c.incarnation)
    ).one_or_none()
    if row is None:
        raise RuntimeError("this register is not enrolled yet")
    return Head(register=row[0], incarnation=row[1], seq=row[2], link_hash=row[3])


def write_generation(connection: sa.Connection, generation: str) -> None:
    """Remember which generation of central was last heard."""
    connection.execute(sa.update(register_identity).values(generation=generation))


def begin_new_life(connection: sa.Connection, incarnation: str) -> None:
    """Go on under a new incarnation whose parent is the present life's last record.

    Leases of the earlier life can't be spent any more until central grants them to the new one.
    RuntimeError before enrolment.
    """
    identity, head = read_identity(connection), read_head(connection)
    assert identity is not None
    write_identity(connection, replace(identity, incarnation=incarnation, parent=head))
