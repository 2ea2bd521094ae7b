"""A till's database for tests: migrated, enrolled, with drafts that need no clock."""

from datetime import date
from pathlib import Path

from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import RecordDraft, canonical
from tessera.store.engine import Engines, open_sqlite
from tessera.store.migrate import ensure_schema
from tessera.store.till import MIGRATIONS, identity_book
from tessera.store.till.values import RegisterIdentity

LIFE = "00000000000000a1"
DAY = date(2026, 11, 21)


def identity(**changes: object) -> RegisterIdentity:
    fields: dict[str, object] = {
        "register": "till-1",
        "store": "shop",
        "incarnation": LIFE,
        "generation": "g1",
        "central_key": bytes(32),
        "certificate": "{}",
        "certificate_signature": "",
        "card_key_id": 1,
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
    }
    return RegisterIdentity(**{**fields, **changes})  # type: ignore[arg-type]


def enrolled_till(folder: Path, **changes: object) -> Engines:
    engines = open_sqlite(folder / "till.db")
    ensure_schema(engines.writer, MIGRATIONS, name="till.db")
    with engines.writer.begin() as tx:
        identity_book.write_identity(tx, identity(**changes))
    return engines


def key_of(sale_id: str) -> SaleKey:
    return SaleKey(store="shop", pos="pos-1", business_day=DAY, sale_id=sale_id)


def numbered_draft(number: int, kind: str = "sale") -> RecordDraft:
    return RecordDraft(
        uid=new_uid(number, number.to_bytes(10, "big")),
        kind=kind,
        business_day=DAY,
        wall_ms=1_795_000_000_000 + number,
        mono_ms=number,
        boot_id="boot-1",
        bundle="0" * 64,
        engine="test",
        body=canonical({"number": number}),
    )
