"""What a booked record counts for beside its postings: a sale, a visit, a spend, lines come back.

Owns: the rows by which a later return is held against its sale. Changes the books in memory alone.
Must never: touch an account, or decide whether a record can be booked.
"""

import json
from decimal import Decimal

from tessera.central.settling_books import Books, record_key
from tessera.central.work import Work
from tessera.core.identity import SaleKey
from tessera.core.sale import KIND_CLAIM, ClaimBody, ReturnBody, SaleBody
from tessera.store.central.sale_book import SaleRecord
from tessera.store.central.tier_book import SpendChange
from tessera.sync.records import encoded


def count_sale(books: Books, work: Work, body: SaleBody) -> None:
    """Keep a sale, and count the member's visit."""
    day = body.key.business_day
    sale = SaleRecord(
        bucket=work.bucket,
        member_id=work.member_id,
        uid=work.uid,
        received_day=work.received_day,
        business_day=day.isoformat(),
        store_id=body.key.store,
        register_id=work.register_id,
        sale_key=work.sale_key,
        bundle=work.bundle,
        engine=work.engine,
        currency=body.quote.currency,
        shelf_minor=body.quote.shelf_minor,
        discount_minor=body.quote.discount_minor,
        due_minor=body.quote.due_minor,
        quantities=encoded({line.line_id: line.quantity for line in body.basket.lines}).decode(),
        flags=" ".join(body.flags),
    )
    books.new_sales.append(sale)
    books.sales[record_key(work)] = sale
    _count_visit(books, work, body.key, body.quote.due_minor)


def _count_visit(books: Books, work: Work, key: SaleKey, spent_minor: int) -> None:
    member = books.members.get((work.bucket, work.member_id))
    if member is not None:
        home = work.register_id if key.store == member.home_store else member.home_register
        books.members[member.key] = member.after_visit(
            key.business_day, spent_minor, home_register=home
        )
        books.counted.add(member.key)


def keep_claim(books: Books, work: Work, body: ClaimBody) -> None:
    """Keep a claim as a sale of no money, so that goods that come back can be held against it.

    For the member it is the visit and the spend that the sale would have been with the card.
    """
    assert body.quote is not None
    sale = SaleRecord(
        bucket=work.bucket,
        member_id=work.member_id,
        uid=work.uid,
        received_day=work.received_day,
        business_day=body.place.business_day.isoformat(),
        store_id=body.key.store,
        register_id=work.register_id,
        sale_key=body.key.text(),
        bundle=work.bundle,
        engine=work.engine,
        currency=body.quote.currency,
        shelf_minor=0,
        discount_minor=0,
        due_minor=0,
        quantities=json.dumps({line.line_id: line.quantity for line in body.lines}),
        flags=KIND_CLAIM,
    )
    books.new_sales.append(sale)
    books.sales[record_key(work)] = sale
    _change_spend(books, work, sale.business_day, body.quote.due_minor)
    _count_visit(books, work, body.key, body.quote.due_minor)


def count_return(books: Books, work: Work, body: ReturnBody) -> None:
    """Count a return against its sale, and take what was paid out off the member's spend."""
    if work.original_uid:
        _count_lines(books, work, body)
    member = books.members.get((work.bucket, work.member_id))
    if member is not None:
        less = body.quote.refund_minor + max(0, body.unspent_minor)
        books.members[member.key] = member.after_return(less)
        books.counted.add(member.key)
        sale = books.sales.get((*member.key, work.original_uid))
        day = sale.business_day if sale else body.key.business_day.isoformat()
        _change_spend(books, work, day, -less)


def _change_spend(books: Books, work: Work, day: str, spent_minor: int) -> None:
    """Keep by its day what changes a member's spend and is no sale."""
    if spent_minor and (work.bucket, work.member_id) in books.members:
        books.new_spend_changes.append(
            SpendChange(
                bucket=work.bucket,
                member_id=work.member_id,
                uid=work.uid,
                business_day=day,
                spent_minor=spent_minor,
            )
        )


def _count_lines(books: Books, work: Work, body: ReturnBody) -> None:
    """Count the lines against their sale, so that no more comes back than was sold."""
    original = (work.bucket, work.member_id, work.original_uid)
    lines = books.returned.setdefault(original, {})
    for line in body.quote.lines:
        lines[line.line_id] = lines.get(line.line_id, Decimal(0)) + Decimal(line.quantity)
    merged: dict[str, tuple[Decimal, int]] = {}
    for line in body.quote.lines:
        quantity, refund = merged.get(line.line_id, (Decimal(0), 0))
        merged[line.line_id] = (quantity + Decimal(line.quantity), refund + line.refund_minor)
    books.new_returned += [
        (*original, work.uid, line_id, str(quantity), refund)
        for line_id, (quantity, refund) in merged.items()
    ]
