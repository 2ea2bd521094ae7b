"""A till's first hour, to be recorded: migration, first load, sales, acknowledgements by central.

Its journal is shortened, too, as if all of it were old. Run as a program with a folder. It prints a
line for what must be durable from then on: `migrated`, `loaded N` (segments), `sold UID`, `settled
N`, `shortened N` (records that went, in all).
"""

import sys
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from tessera.agent.feed_apply import apply_pages
from tessera.core.journal import SealedRecord
from tessera.store.till import committed_sales, identity_book, outbox, outcomes, shortening
from tessera.store.till.opening import open_till
from tessera.store.till.values import AccountEffect, Outcome
from tessera.sync.feed_reading import ReadPage
from tessera.sync.feed_wire import CardRow, MemberRow
from tests.support.till import LIFE, identity, key_of, numbered_draft

SEGMENTS = 12
ROWS = 40
SALES = 24


def page_of(number: int) -> ReadPage:
    members = range(number * ROWS, (number + 1) * ROWS)
    rows = [MemberRow(member_id=f"m{n}", version=1, display_name="A. M.") for n in members]
    cards = [
        CardRow(card_hash=f"{n:032x}", key_id=1, member_id=f"m{n}", version=1) for n in members
    ]
    return ReadPage(
        audience="store:shop",
        generation="g1",
        number=number + 1,
        head=SEGMENTS,
        rows=(*rows, *cards),
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def sell(number: int, tx: sa.Connection) -> SealedRecord:
    return committed_sales.commit_record(
        tx,
        draft=numbered_draft(number),
        effects=[AccountEffect(member_id="m1", account="points", delta=3)],
        sale=key_of(f"s{number}"),
    )


def shorten(writer: sa.Engine, record: SealedRecord) -> None:
    """Central has booked all up to a record and has it in a backup: let it go, three at a time."""
    with writer.begin() as tx:
        page = committed_sales.read_page(tx, 1, after_seq=0, limit=SALES)
        outcomes.apply(tx, [Outcome(uid=one.uid, state="applied", member_id="") for one in page])
        shortening.note_backup(
            tx, incarnation=record.incarnation, seq=record.seq, link=record.link_hash
        )
    while True:
        with writer.begin() as tx:
            gone = shortening.shorten(tx, before_ms=2**47, most=3, kept_records=2)
            [life] = outbox.lives(tx)
        say(f"shortened {life.dropped_seq}")
        if not gone:
            return


def main(folder: Path) -> None:
    till, _ = open_till(folder, random=bytes, wall_ms=1, reserve_bytes=0)
    writer = till.engines.writer
    with writer.begin() as tx:
        identity_book.write_identity(tx, identity())
    say("migrated")
    for number in range(SEGMENTS):
        with writer.begin() as tx:
            apply_pages(tx, [page_of(number)], identity())
        say(f"loaded {number + 1}")
    for number in range(1, SALES + 1):
        draft = numbered_draft(number)
        record = till.commit(draft.uid, partial(sell, number))
        say(f"sold {draft.uid}")
        if number % 8 == 0:
            with writer.begin() as tx:
                outbox.settle(tx, LIFE, number, generation="g1")
            say(f"settled {number}")
            shorten(writer, record)
    till.close()
    say("closed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
