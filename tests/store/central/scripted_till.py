"""A register without a machine: makes records, seals and signs them, as an agent would."""

import base64
import gzip
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from tessera.core.basket import Basket, Line, Place
from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import Head, RecordDraft, SealedRecord, genesis, head_after, seal
from tessera.core.member import MemberState
from tessera.core.quote import (
    CounterUse,
    LineQuote,
    Quote,
    ReturnedLine,
    ReturnQuote,
    UnitMovement,
    UnitShare,
)
from tessera.core.sale import (
    KIND_CLAIM,
    KIND_ENROLMENT,
    KIND_LEASE_RETURN,
    KIND_REPLACEMENT,
    KIND_RETURN,
    KIND_SALE,
    ClaimBody,
    CouponUse,
    Ending,
    EnrolmentBody,
    IssuedCode,
    LeaseReturnBody,
    LeaseUse,
    ReplacementBody,
    ReturnBody,
    ReturnWish,
    SaleBody,
)
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_BATCH, SigningKey, sign_request
from tessera.sync.wire import BatchHead, content_hash

DAY = date(2026, 11, 21)
BUNDLE = "b" * 64


@dataclass(frozen=True, slots=True)
class SignedBatch:
    head: BatchHead
    head_text: str
    signature_text: str
    body: bytes


@dataclass(slots=True)
class Till:
    """One register in one life. `number` seeds its chance, so that runs repeat."""

    register: str = "berlin-1-1"
    store: str = "berlin-1"
    number: int = 1
    incarnation: str = "00000000000000a1"
    parent: Head | None = None
    bundle: str = BUNDLE
    stopped: tuple[str, ...] = ()
    chance: random.Random = field(init=False)
    key: SigningKey = field(init=False)
    head: Head = field(init=False)
    records: list[SealedRecord] = field(default_factory=list)
    sales: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.number)
        self.key = SigningKey(hashlib.sha256(self.register.encode()).digest())
        self.head = genesis(self.register, self.incarnation, self.parent)

    def place(self) -> Place:
        return Place(
            at=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
            business_day=DAY,
            store=self.store,
            register=self.register,
            stopped=self.stopped,
        )

    def sale_key(self, sale_id: str = "") -> SaleKey:
        self.sales += 1
        name = sale_id or f"S{self.incarnation[-4:]}-{self.sales}"
        return SaleKey(store=self.store, pos=self.register, business_day=DAY, sale_id=name)

    def sell(
        self,
        member: str = "",
        *,
        earned: int = 0,
        spent: int = 0,
        leases: Sequence[LeaseUse] = (),
        quantity: int = 1,
        sale_id: str = "",
        unit: str = "points",
        amount_minor: int = 1000,
        counters: Sequence[CounterUse] = (),
        coupons: Sequence[CouponUse] = (),
    ) -> SealedRecord:
        units = (UnitMovement(unit=unit, earned=earned, spent=spent),) if earned or spent else ()
        body = SaleBody(
            key=self.sale_key(sale_id),
            place=self.place(),
            basket=Basket(
                currency="EUR",
                lines=(
                    Line(
                        line_id="1", sku="A", quantity=Decimal(quantity), amount_minor=amount_minor
                    ),
                ),
            ),
            member=MemberState(member_id=member) if member else None,
            quote=Quote(
                engine="1",
                programme="corner-shop",
                currency="EUR",
                shelf_minor=amount_minor,
                discount_minor=0,
                tendered_units_minor=0,
                due_minor=amount_minor,
                units=units,
                counters=tuple(counters),
            ),
            leases=tuple(leases),
            coupons=tuple(coupons),
        )
        return self.write(KIND_SALE, encoded(body))

    def take_back(
        self,
        original: SealedRecord,
        original_key: SaleKey,
        member: str = "",
        *,
        earned: int = 0,
        spent: int = 0,
        leases: Sequence[LeaseUse] = (),
        quantity: str = "1",
        refund_minor: int = 1000,
        counters: Sequence[CounterUse] = (),
        coupons: Sequence[CouponUse] = (),
        codes: Sequence[IssuedCode] = (),
        with_last: Ending | None = None,
    ) -> SealedRecord:
        units = (
            (UnitMovement(unit="points", earned=earned, spent=spent),) if earned or spent else ()
        )
        body = ReturnBody(
            key=self.sale_key(),
            place=self.place(),
            original=original_key,
            original_uid=original.uid,
            member_id=member,
            wishes=(ReturnWish(line_id="1", quantity=quantity),),
            returned_before=(),
            quote=ReturnQuote(
                engine="1",
                currency="EUR",
                policy="net",
                refund_minor=refund_minor,
                lines=(ReturnedLine(line_id="1", quantity=quantity, refund_minor=refund_minor),),
                units=units,
            ),
            leases=tuple(leases),
            counters=tuple(counters),
            coupons=tuple(coupons),
            codes=tuple(codes),
            with_last=with_last,
        )
        return self.write(KIND_RETURN, encoded(body))

    def claim(
        self,
        original: SealedRecord,
        member: str,
        *,
        register: str = "",
        earned: int | None = None,
        quantity: int = 1,
    ) -> SealedRecord:
        """A forgotten card; `earned`: worked out by this register, which has the sale.

        Then the claim is of `quantity` pieces of line 1 at 10.00 each.
        """
        quote = Quote(
            engine="1",
            programme="corner-shop",
            currency="EUR",
            shelf_minor=1000 * quantity,
            discount_minor=0,
            tendered_units_minor=0,
            due_minor=1000 * quantity,
            lines=(
                LineQuote(
                    line_id="1",
                    amount_minor=1000 * quantity,
                    discount_minor=0,
                    due_minor=1000 * quantity,
                    fold=1,
                    units=(UnitShare(unit="points", offer="points", earned=earned or 0),),
                ),
            ),
            units=(UnitMovement(unit="points", earned=earned or 0),),
        )
        body = ClaimBody(
            key=self.sale_key(),
            place=self.place(),
            original_uid=original.uid,
            original_register=register or self.register,
            member=MemberState(member_id=member),
            days_max=14,
            quote=None if earned is None else quote,
            lines=() if earned is None else (ReturnWish(line_id="1", quantity=str(quantity)),),
        )
        return self.write(KIND_CLAIM, encoded(body))

    def give_back(self, member: str, lease_id: str, amount: int) -> SealedRecord:
        body = LeaseReturnBody(member_id=member, lease_id=lease_id, unit="points", amount=amount)
        return self.write(KIND_LEASE_RETURN, encoded(body))

    def enrol(self, member: str, *, card: str = "", phone: str = "") -> SealedRecord:
        """A new member; numbers as two digits that make a hash."""
        body = EnrolmentBody(
            key=self.sale_key(),
            place=self.place(),
            member_id=member,
            card_hash=card * 16,
            phone_hash=phone * 16,
            card_key_id=1,
        )
        return self.write(KIND_ENROLMENT, encoded(body))

    def replace_card(self, member: str, *, card: str, replaced: str = "") -> SealedRecord:
        body = ReplacementBody(
            key=self.sale_key(),
            place=self.place(),
            member_id=member,
            card_hash=card * 16,
            card_key_id=1,
            replaced_hash=replaced * 16,
        )
        return self.write(KIND_REPLACEMENT, encoded(body))

    def write(self, kind: str, body: bytes, *, uid: str = "") -> SealedRecord:
        draft = RecordDraft(
            uid=uid or new_uid(1_763_712_000_000 + len(self.records), self.chance.randbytes(10)),
            kind=kind,
            business_day=DAY,
            wall_ms=1_763_712_000_000,
            mono_ms=1000,
            boot_id="boot",
            bundle=self.bundle,
            engine="1",
            body=body,
        )
        record = seal(draft, self.head)
        self.head = head_after(record, self.register)
        self.records.append(record)
        return record

    def batch(
        self, first: int = 1, last: int | None = None, *, opaque: bool = False
    ) -> SignedBatch:
        """The records from number `first` to `last`, both included."""
        chosen = self.records[first - 1 : last]
        return self.signed([record.raw for record in chosen], first, opaque=opaque)

    def signed(self, raws: list[bytes], first: int, *, opaque: bool = False) -> SignedBatch:
        """A batch of any bytes in the place from `first` on, its head honest about them."""
        from tessera.core.journal import chain_links

        before = genesis(self.register, self.incarnation, self.parent).link_hash
        if first > 1:
            before = self.records[first - 2].link_hash
        start = Head(
            register=self.register,
            incarnation=self.incarnation,
            seq=first - 1,
            link_hash=before,
        )
        links = chain_links(start, raws)
        payload = b"".join(raw + b"\n" for raw in raws)
        head = BatchHead(
            register=self.register,
            incarnation=self.incarnation,
            first_seq=first,
            last_seq=first + len(raws) - 1,
            previous_link=before.hex(),
            last_link=links[-1].hex(),
            content_hash=content_hash(payload),
            parent=self.parent.incarnation if self.parent and first == 1 else "",
            parent_seq=self.parent.seq if self.parent and first == 1 else 0,
            parent_link=self.parent.link_hash.hex() if self.parent and first == 1 else "",
            opaque=opaque,
        )
        return self.sealed(head, gzip.compress(payload, mtime=0))

    def sealed(self, head: BatchHead, body: bytes) -> SignedBatch:
        """A batch with this head, signed, whatever the body holds."""
        raw = encoded(head)
        return SignedBatch(
            head=head,
            head_text=base64.urlsafe_b64encode(raw).decode(),
            signature_text=base64.urlsafe_b64encode(self.key.sign(PURPOSE_BATCH, raw)).decode(),
            body=body,
        )

    def request(self, method: str, target: str, content: bytes = b"") -> str:
        """The request header, with a nonce of its own."""
        return sign_request(
            self.key,
            method=method,
            target=target,
            content=content,
            register=self.register,
            incarnation=self.incarnation,
            wall_ms=1_763_712_000_000,
            nonce=self.chance.randbytes(16),
        ).header()

    def batch_headers(self, batch: SignedBatch) -> dict[str, str]:
        return {
            "Tessera-Request": self.request("POST", "/v1/batches", batch.body),
            "Tessera-Batch": batch.head_text,
            "Tessera-Batch-Signature": batch.signature_text,
        }
