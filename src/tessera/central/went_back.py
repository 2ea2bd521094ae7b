"""Notices that central's database is older than what a register was told of it.

A till names how far it has read a stream and how far central has acknowledged its records, both in
the present generation. Neither can be beyond what the database holds, unless the database went
back: a backup was put in its place and nobody said so, or a failover lost commits. Owns: the proof,
the alarm, and the refusal of that register, which keeps and shows what it has. Must never: take a
new generation by itself, refuse a register without such a proof, or drop anything.
"""

import logging
from dataclasses import dataclass
from threading import Lock
from typing import NoReturn

import sqlalchemy as sa

from tessera.central import refusals
from tessera.central.log import note
from tessera.central.opening import Central
from tessera.central.turns import Turns
from tessera.store.central import feed, inbox, register_book
from tessera.sync.wire import BatchHead

ALARM = "database-went-back"
DO = "tessera central restored"
RETRY_AFTER_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A register was told of something `upto` a number; this database only knows `known`."""

    register_id: str
    generation: str
    about: str
    upto: int
    known: int

    def text(self) -> str:
        """What is known of it, and what to do, in a line."""
        return (
            f"this register was told of {self.about} up to {self.upto}, this database knows"
            f" {self.known}: {DO}"
        )


def proof_in_cursor(
    tx: sa.Connection, register_id: str, audience: str, *, generation: str, after: int
) -> Proof | None:
    """Whether a place in a stream is beyond its end, though it is of the present generation."""
    if not after or not _is_present(tx, generation):
        return None
    head = feed.audience_head(tx, audience, generation)
    if after <= head:
        return None
    return Proof(
        register_id=register_id, generation=generation, about=audience, upto=after, known=head
    )


def proof_in_batch(tx: sa.Connection, head: BatchHead) -> Proof | None:
    """Whether a register has an acknowledgement of this generation that is not stored here."""
    if not head.accepted_seq or not _is_present(tx, head.generation):
        return None
    branches = inbox.read_branches(tx, head.register, head.incarnation)
    reach = max((branch.head_seq for branch in branches), default=0)
    if head.accepted_seq <= reach:
        return None
    return Proof(
        register_id=head.register,
        generation=head.generation,
        about=f"records of {head.incarnation}",
        upto=head.accepted_seq,
        known=reach,
    )


def _is_present(tx: sa.Connection, generation: str) -> bool:
    state = register_book.read_central(tx)
    return state is not None and state.generation == generation


class WentBack:
    """The registers that have proved it to this process, in the present generation."""

    def __init__(self, central: Central, turns: Turns) -> None:
        self._central = central
        self._turns = turns
        self._lock = Lock()
        self._known: dict[str, Proof] = {}

    def known(self, tx: sa.Connection, register_id: str) -> Proof | None:
        """What a register proved before; a new generation begins anew."""
        with self._lock:
            proof = self._known.get(register_id)
        return proof if proof is not None and _is_present(tx, proof.generation) else None

    def refuse(self, proof: Proof) -> NoReturn:
        """Raise the alarm, once, and refuse the request."""
        with self._lock:
            is_new = self._known.get(proof.register_id) != proof
            self._known[proof.register_id] = proof
        if is_new:
            self._raise_alarm(proof)
        raise refusals.database_went_back(DO, RETRY_AFTER_S)

    def _raise_alarm(self, proof: Proof) -> None:
        central = self._central
        with self._turns.first(), central.engines.writer.begin() as tx:
            # What it was granted may be forgotten as well: nothing of its store's is granted anew.
            register_book.await_grants(tx)
            register_book.update_register(tx, proof.register_id, presented="")
            register_book.raise_alarm(
                tx,
                register_id=proof.register_id,
                kind=ALARM,
                about=proof.generation,
                detail=proof.text(),
                raised_ms=central.now_ms(),
            )
        note(
            f"the database went back; run: {DO}",
            level=logging.ERROR,
            register=proof.register_id,
            about=proof.about,
            told=proof.upto,
            known=proof.known,
        )
