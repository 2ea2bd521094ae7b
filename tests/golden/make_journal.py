"""Writes a golden journal: the records of one release, byte for byte, for all later ones to read.

Run once for each release, as a test demands: `python -m tests.golden.make_journal NAME`.
A file that is here is never written again.
"""

import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from tessera.core.basket import Basket, Line, LineTax, Place, Redemption
from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import RecordDraft, genesis, head_after, seal
from tessera.core.member import MemberState, UnitBalance
from tessera.core.quote import (
    LineQuote,
    OfferOutcome,
    OfferShare,
    Quote,
    ReturnedLine,
    ReturnQuote,
    Stage,
    TaxGroup,
    UnitMovement,
    UnitShare,
)
from tessera.core.sale import (
    KIND_ENROLMENT,
    KIND_LEASE_RETURN,
    KIND_REPLACEMENT,
    KIND_RETURN,
    KIND_SALE,
    EnrolmentBody,
    LeaseReturnBody,
    LeaseUse,
    ReplacementBody,
    ReturnBody,
    ReturnWish,
    SaleBody,
    Tender,
)
from tessera.sync.records import Body, encoded

FOLDER = Path(__file__).parent
DAY = date(2026, 11, 21)
PLACE = Place(
    at=datetime(2026, 11, 21, 10, 15, tzinfo=UTC), business_day=DAY, store="shop", register="till-1"
)
LEASE = LeaseUse(lease_id="l-1", unit="points", amount=100)


def key(sale_id: str) -> SaleKey:
    return SaleKey(store="shop", pos="pos-1", business_day=DAY, sale_id=sale_id)


def sale() -> SaleBody:
    line = Line(
        line_id="1",
        sku="4006381333931",
        text="Stift ✎",
        quantity=Decimal("2.500"),
        measure="kg",
        unit_price=Decimal("2.00"),
        amount_minor=500,
        taxes=(LineTax(code="A", rate=Decimal("0.19")),),
        categories=("stationery/pens",),
    )
    quote = Quote(
        engine="1",
        programme="corner-shop",
        currency="EUR",
        shelf_minor=500,
        discount_minor=50,
        tendered_units_minor=100,
        due_minor=350,
        lines=(
            LineQuote(
                line_id="1",
                amount_minor=500,
                discount_minor=50,
                due_minor=450,
                fold=0,
                offers=(OfferShare(offer="pens-10", discount_minor=50),),
                units=(UnitShare(unit="points", offer="points", earned=3, spent=100),),
            ),
        ),
        taxes=(TaxGroup(code="A", rate="0.19", net_minor=378, tax_minor=72, gross_minor=450),),
        units=(UnitMovement(unit="points", earned=3, spent=100, spent_value_minor=100),),
        offers=(OfferOutcome(offer="pens-10", applied=True, stage=Stage.UNIT, discount_minor=50),),
    )
    return SaleBody(
        key=key("s1"),
        place=PLACE,
        basket=Basket(
            currency="EUR", lines=(line,), redemptions=(Redemption(unit="points", amount=100),)
        ),
        member=MemberState(
            member_id="m-1", units=(UnitBalance(unit="points", balance=900, spendable=500),)
        ),
        quote=quote,
        tenders=(Tender(kind="cash", amount_minor=350),),
        total_taken_minor=350,
        leases=(LEASE,),
        card_hash="ab" * 16,
        card_key_id=1,
    )


def returned(uid: str) -> ReturnBody:
    quote = ReturnQuote(
        engine="1",
        currency="EUR",
        policy="attribution",
        refund_minor=350,
        tendered_units_minor=100,
        lines=(ReturnedLine(line_id="1", quantity="2.500", refund_minor=450),),
        units=(UnitMovement(unit="points", earned=3, spent=100),),
    )
    return ReturnBody(
        key=key("r1"),
        place=PLACE,
        original=key("s1"),
        original_uid=uid,
        member_id="m-1",
        wishes=(ReturnWish(line_id="1", quantity="2.500"),),
        returned_before=(),
        quote=quote,
    )


def main(name: str) -> None:
    head = genesis("till-1", "00000000000000a1")
    bodies: list[tuple[str, Body]] = [
        (KIND_SALE, sale()),
        (KIND_RETURN, returned(new_uid(1, bytes(10)))),
        (
            KIND_LEASE_RETURN,
            LeaseReturnBody(member_id="m-1", lease_id="l-1", unit="points", amount=400),
        ),
        (
            KIND_ENROLMENT,
            EnrolmentBody(
                key=key("e1"),
                place=PLACE,
                member_id="m-2",
                card_hash="ab" * 16,
                phone_hash="cd" * 16,
                card_key_id=1,
            ),
        ),
        (
            KIND_REPLACEMENT,
            ReplacementBody(
                key=key("r2"),
                place=PLACE,
                member_id="m-2",
                card_hash="ef" * 16,
                card_key_id=1,
                replaced_hash="ab" * 16,
            ),
        ),
    ]
    lines = []
    for number, (kind, body) in enumerate(bodies, start=1):
        draft = RecordDraft(
            uid=new_uid(number, bytes(10)),
            kind=kind,
            business_day=DAY,
            wall_ms=1_795_000_000_000 + number,
            mono_ms=number,
            boot_id="boot-1",
            bundle="0" * 64,
            engine="1",
            body=encoded(body),
        )
        record = seal(draft, head)
        head = head_after(record, "till-1")
        lines.append(json.dumps({"link": record.link_hash.hex(), "raw": record.raw.decode()}))
    with (FOLDER / f"{name}.jsonl").open("x") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
