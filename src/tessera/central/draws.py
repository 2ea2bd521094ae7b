"""What tills have drawn: every instant win in the records, and who holds entries of a draw.

Reads the records as they came, so that an audit sees what was told to customers, whatever became of
a record later. Must never: change anything, or name a person.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.central.opening import Central
from tessera.central.records import readable_works
from tessera.core.sale import SaleBody
from tessera.core.uses import entries_account
from tessera.rules.programme import parse_programme
from tessera.store.central import bundle_book, ledger_book, register_book


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDraw:
    """One draw as `tessera programme audit-draw` reads it: `won` is the prize, False for none."""

    incarnation: str
    seq: int
    offer: str
    won: str | bool


def recorded_draws(central: Central, *, seed: str = "") -> Iterator[RecordedDraw]:
    """Every draw in the records, by register; `seed`: only those by the seed of this hash."""
    by_bundle: dict[str, str] = {}
    with central.engines.reader.begin() as tx:
        for register in register_book.read_registers(tx):
            for work in readable_works(tx, register.register_id):
                body = work.body
                if not isinstance(body, SaleBody) or not body.draws:
                    continue
                if seed and _seed_of(tx, work.bundle, by_bundle) != seed:
                    continue
                for draw in body.draws:
                    yield RecordedDraw(
                        incarnation=work.incarnation,
                        seq=work.seq,
                        offer=draw.offer,
                        won=draw.prize or False,
                    )


def entries_of(central: Central, draw: str) -> list[tuple[str, int]]:
    """Who holds entries of a draw, and how many: (member, count), by member."""
    with central.engines.reader.begin() as tx:
        return ledger_book.holders(tx, entries_account(draw))


def _seed_of(tx: sa.Connection, bundle: str, known: dict[str, str]) -> str:
    if bundle not in known:
        body = bundle_book.read_bundle(tx, bundle)
        programme = parse_programme(body.decode(), file="bundle")[0] if body else None
        known[bundle] = programme.seed_hash if programme else ""
    return known[bundle]
