"""A till that has members, sells, and loads an image over them; to be recorded or killed.

Run as a program with a folder. It prints what must be durable from then on: `begun` (the old
members), `sold UID`, `loaded` (the image is in place).
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from tessera.agent.first_load import FirstLoad
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_status import LineState
from tessera.core.journal import SealedRecord
from tessera.store.till import cached_members, committed_sales, identity_book
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.values import AccountEffect, AccountState, CachedMember
from tessera.sync.signing import SigningKey
from tests.support.image_making import ImageLine, lines_of, manifest_of, member_row, packed, signed
from tests.support.till import identity, key_of, numbered_draft

T = TypeVar("T")
OLD, NEW = 30, 260
KEY = SigningKey(b"\x11" * 32)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def image_lines() -> list[bytes]:
    return lines_of(
        [member_row(n, f"m{n:05d}", version=2, name="new") for n in range(1, NEW + 1)],
        [(n.to_bytes(16, "big"), n, 1, 2, 1) for n in range(1, NEW + 1)],
        [(f"m{n:05d}", "points", 1_000 + n, 0, 2) for n in range(1, NEW + 1)],
        rows_in_line=60,
    )


def sell(number: int, tx: sa.Connection) -> SealedRecord:
    return committed_sales.commit_record(
        tx,
        draft=numbered_draft(number),
        effects=[AccountEffect(member_id="m00001", account="points", delta=3)],
        sale=key_of(f"s{number}"),
    )


class SellingWriter:
    """Writes what it is given, and sells once after every such transaction."""

    def __init__(self, till: OpenTill) -> None:
        self._till = till
        self._sold = 0

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._till.engines.writer.begin() as tx:
            done = work(tx)
        self._sold += 1
        draft = numbered_draft(self._sold)
        self._till.commit(draft.uid, partial(sell, self._sold))
        say(f"sold {draft.uid}")
        return done


def begin(till: OpenTill) -> None:
    with till.engines.writer.begin() as tx:
        identity_book.write_identity(tx, identity(central_key=KEY.public))
        old = [CachedMember(member_id=f"m{n:05d}", version=1) for n in range(1, OLD + 1)]
        cached_members.apply_member(tx, old)
        for n in range(1, OLD + 1):
            cached_members.apply_card(
                tx,
                card_hash=n.to_bytes(16, "big"),
                key_id=1,
                member_id=f"m{n:05d}",
                version=1,
                active=True,
            )
            state = AccountState(account="points", points=500 + n, leased=0, version=1)
            cached_members.apply_balance(tx, f"m{n:05d}", state)
    say("begun")


async def load(till: OpenTill, folder: Path) -> None:
    lines = image_lines()
    line = ImageLine(signed(manifest_of(lines), KEY), packed(lines))
    state = LineState(wall_ms=lambda: 1, tell=lambda _notice: None)
    writer = SellingWriter(till)
    first_load = FirstLoad(
        engines=till.engines,
        writer=writer,
        line=state,
        folder=folder,
        disk_free_bytes=lambda: 0,
    )
    puller = Puller(engines=till.engines, writer=writer, line=state, first_load=first_load)
    while await puller.pull_once(line):  # type: ignore[arg-type]  # the part of a line that is asked
        pass


def main(folder: Path) -> None:
    till, _ = open_till(folder, random=bytes, wall_ms=1, reserve_bytes=0)
    begin(till)
    asyncio.run(load(till, folder))
    say("loaded")
    till.close()
    say("closed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
