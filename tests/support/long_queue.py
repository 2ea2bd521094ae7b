"""A till with sales that wait, and its line to central without the rest of its agent."""

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from tessera.agent.enrolment import REGISTER_KEY, enrol, read_key
from tessera.agent.sync_loop import SyncLoop
from tessera.core.basket import Basket, Line, LineTax, Place
from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import RecordDraft
from tessera.core.member import MemberState, UnitBalance
from tessera.core.quote import LineQuote, Quote, TaxGroup, UnitMovement
from tessera.core.sale import SaleBody, Tender
from tessera.store.engine import Engines
from tessera.store.till import committed_sales, outbox
from tessera.store.till.values import AccountEffect, RegisterIdentity
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.records import encoded
from tests.support.till import DAY

T = TypeVar("T")
MEMBERS = 2_000
AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def body_of(number: int) -> SaleBody:
    """A sale of three lines, with its inputs and its quote."""
    lines = tuple(
        Line(
            line_id=str(n),
            sku=f"40063813{(number * 7 + n) % 5000:05}",
            text=f"article {(number * 7 + n) % 5000}",
            quantity=Decimal(n + 1),
            amount_minor=199 * (n + 1) + number % 50,
            taxes=(LineTax(code="A", rate=Decimal("0.19")),),
            categories=(f"category-{(number + n) % 40}",),
        )
        for n in range(3)
    )
    total = sum(line.amount_minor for line in lines)
    quote = Quote(
        engine="bench",
        programme="bench",
        currency="EUR",
        shelf_minor=total,
        discount_minor=0,
        tendered_units_minor=0,
        due_minor=total,
        lines=tuple(
            LineQuote(
                line_id=line.line_id,
                amount_minor=line.amount_minor,
                discount_minor=0,
                due_minor=line.amount_minor,
                fold=n,
            )
            for n, line in enumerate(lines)
        ),
        taxes=(TaxGroup(code="A", rate="0.19", net_minor=total, tax_minor=0, gross_minor=total),),
        units=(UnitMovement(unit="points", earned=total // 100),),
    )
    return SaleBody(
        key=SaleKey(store="s1", pos="pos", business_day=DAY, sale_id=f"2026-11-21-{number:06}"),
        place=Place(at=AT, business_day=DAY, store="s1", register="r1"),
        basket=Basket(currency="EUR", lines=lines),
        member=MemberState(
            member_id=f"m{number % MEMBERS}",
            tier="silver",
            units=(UnitBalance(unit="points", balance=number % 900, spendable=number % 90),),
        ),
        quote=quote,
        tenders=(Tender(kind="cash", amount_minor=total),),
        total_taken_minor=total,
        card_hash=f"{number % MEMBERS:032x}",
        card_key_id=1,
    )


def sell(engines: Engines, first: int, count: int) -> None:
    """Many sales in few transactions: how they came here is not what is measured."""
    with engines.writer.begin() as tx:
        for number in range(first, first + count):
            body = body_of(number)
            draft = RecordDraft(
                uid=new_uid(number, secrets.token_bytes(10)),
                kind="sale",
                business_day=DAY,
                wall_ms=1_795_000_000_000 + number,
                mono_ms=number,
                boot_id="boot",
                bundle="0" * 64,
                engine="bench",
                body=encoded(body),
            )
            assert body.member is not None
            effect = AccountEffect(
                member_id=body.member.member_id,
                account="points",
                delta=body.quote.units[0].earned,
            )
            committed_sales.commit_record(tx, draft=draft, effects=[effect], sale=body.key)


class OneWriter:
    """The agent's writer without its agent."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        def write() -> T:
            with self._engines.writer.begin() as tx:
                return work(tx)

        return await asyncio.get_running_loop().run_in_executor(self._thread, write)


class Clock:
    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


def earned_by(numbers: range) -> int:
    """Points that these sales earn: one for each whole euro."""
    return sum(body_of(number).quote.units[0].earned for number in numbers)


def _link(url: str, signer: Signer | None) -> HttpCentral:
    return HttpCentral(url, signer=signer, wall_ms=Clock().wall_ms, random=secrets.token_bytes)


async def enrol_till(engines: Engines, folder: Path, url: str, code: str) -> None:
    """Make this till the register that the code is for."""
    link = _link(url, None)
    await enrol(
        folder=folder,
        writer=engines.writer,
        link=link,
        code=code,
        host="bench",
        random=secrets.token_bytes,
    )
    await link.close()


def sync_loop(engines: Engines, folder: Path, url: str) -> SyncLoop:
    """The till's line to central, with the agent's own loop."""

    def open_link(identity: RegisterIdentity) -> HttpCentral:
        key = read_key(folder / REGISTER_KEY)
        signer = Signer(register=identity.register, incarnation=identity.incarnation, key=key)
        return _link(url, signer)

    return SyncLoop(
        engines=engines,
        writer=OneWriter(engines),
        open_link=open_link,
        parse_programme=lambda _text, _file: [],
        clock=Clock(),
        chance=lambda: 0.5,
        random=secrets.token_bytes,
        on_change=lambda _: None,
    )


def depth(engines: Engines) -> int:
    with engines.reader.connect() as connection:
        return outbox.depth(connection)


def pending(engines: Engines) -> int:
    with engines.reader.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute("SELECT count(*) FROM own_effect WHERE included_from IS NULL")
        return int((cursor.fetchone() or (0,))[0])
