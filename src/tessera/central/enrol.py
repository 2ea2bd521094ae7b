"""How a register becomes known: a one-time code turns into a key and a certificate.

Owns: codes (stored hashed, expiring, used once) and certificates. A register that did not hear the
answer asks again with the same code and key, and gets the same rights again.
Must never: log a code or accept one for a second key.
"""

import hashlib
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from tessera.central.granting import put_off_elsewhere
from tessera.central.opening import Central
from tessera.central.refusals import Refused
from tessera.central.settings import time_zones
from tessera.core import money
from tessera.core.errors import TesseraError
from tessera.core.identity import is_name
from tessera.store.central import register_book
from tessera.store.central.register_book import ACTIVE, CodeRow, RegisterRow, StoreRow
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_CERTIFICATE
from tessera.sync.wire import Certificate, EnrolAnswer, EnrolRequest

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 characters that nobody takes for another, and that every scanner reads."""
CODE_LENGTH = 12


def new_code(random: Callable[[int], bytes]) -> str:
    """A code of 60 random bits as three groups of four: XXXX-XXXX-XXXX."""
    text = "".join(CODE_ALPHABET[byte % 32] for byte in random(CODE_LENGTH))
    return f"{text[:4]}-{text[4:8]}-{text[8:]}"


def code_hash(code: str) -> str:
    """What is stored of a code; groups, spaces and case do not matter."""
    normal = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(b"tessera-enrolment-code\n" + normal.encode()).hexdigest()


def add_store(
    central: Central, store_id: str, *, region: str = "", time_zone: str = "", currency: str = ""
) -> StoreRow:
    """Add a store, or change what is named of it; what is empty stays or takes central's own.

    TesseraError when the id, time zone or currency is none.
    """
    _check_name("store", store_id)
    with central.engines.writer.begin() as tx:
        known = register_book.read_store(tx, store_id)
        store = StoreRow(
            store_id=store_id,
            region=region or (known.region if known else ""),
            time_zone=time_zone or (known.time_zone if known else central.settings.time_zone),
            currency=currency or (known.currency if known else central.settings.currency),
        )
        _check_place(store)
        register_book.write_store(tx, store)
    return store


def _check_place(store: StoreRow) -> None:
    try:
        money.currency(store.currency)
    except ValueError as error:
        raise TesseraError(str(error), hint="write it like EUR") from error
    if store.time_zone not in time_zones():
        raise TesseraError(
            f"{store.time_zone!r} is no time zone", hint="write it like Europe/Berlin"
        )


def _check_name(what: str, name: str) -> None:
    if not is_name(name):
        raise TesseraError(
            f"{name!r} cannot name a {what}",
            hint="1 to 64 letters, digits and . _ : / -, beginning with a letter or digit",
        )


def add_register(central: Central, *, store_id: str, register_id: str, again: bool = False) -> str:
    """Add a register (and its store, when it is new) and give its enrolment code.

    `again`: the register exists and gets a new code, for a new key or a new machine. TesseraError
    when an id cannot be one, or the register exists and `again` was not asked for.
    """
    _check_name("register", register_id)
    with central.engines.reader.begin() as tx:
        is_known = register_book.read_store(tx, store_id) is not None
    if not is_known:
        add_store(central, store_id)
    code = new_code(central.random)
    with central.engines.writer.begin() as tx:
        register = register_book.read_register(tx, register_id)
        if register is None:
            register_book.add_register(tx, register_id=register_id, store_id=store_id)
        elif not again:
            raise TesseraError(
                f"register {register_id} exists",
                hint="add --again to give it a new code, for a new key or machine",
            )
        elif register.store_id != store_id:
            raise TesseraError(
                f"register {register_id} stands in store {register.store_id}",
                hint="a register does not move; add one under a new id",
            )
        register_book.drop_codes(tx, register_id)
        register_book.write_code(
            tx,
            code_hash=code_hash(code),
            register_id=register_id,
            expires_ms=central.now_ms() + central.settings.limits.code_hours * HOUR_MS,
        )
    return code


def enrol(central: Central, request: EnrolRequest) -> EnrolAnswer:
    """Make a register of whoever presents a good code; Refused otherwise."""
    now_ms = central.now_ms()
    hashed = code_hash(request.code)
    with central.engines.writer.begin() as tx:
        code = register_book.lock_code(tx, hashed)
        register = _redeemed(tx, code, request, now_ms)
        store = register_book.read_store(tx, register.store_id)
        assert store is not None, f"register {register.register_id} has no store"
        assert code is not None
        state = register_book.read_central(tx)
        assert state is not None
        limits = central.settings.limits
        repeated = code.used_key == request.public_key and register.status == ACTIVE
        serial = register.serial if repeated else register.serial + 1
        certificate = Certificate(
            register=register.register_id,
            store=store.store_id,
            region=store.region,
            public_key=request.public_key,
            serial=serial,
            issued_ms=now_ms,
            not_after_ms=now_ms + limits.certificate_days * DAY_MS,
        )
        values: dict[str, str | int] = {
            "status": ACTIVE,
            "public_key": request.public_key,
            "incarnation": request.incarnation,
            "serial": serial,
            "enrolled_ms": now_ms,
            "not_after_ms": certificate.not_after_ms,
            "is_swept": 0,
        }
        if not register.public_key:
            # Whoever is enrolled for the first time holds no grants.
            values["presented"] = state.generation
        if register.public_key not in {"", request.public_key} and register.status == ACTIVE:
            values["public_key_before"] = register.public_key
            values["key_before_until_ms"] = now_ms + limits.rotation_hours * HOUR_MS
        register_book.update_register(tx, register.register_id, **values)
        register_book.use_code(tx, code_hash=hashed, used_ms=now_ms, used_key=request.public_key)
    return _answer(central, certificate, store, state.generation, now_ms)


def _redeemed(
    tx: sa.Connection, code: CodeRow | None, request: EnrolRequest, now_ms: int
) -> RegisterRow:
    if code is None or now_ms >= code.expires_ms:
        raise _bad_code()
    if code.used_ms and code.used_key != request.public_key:
        raise _bad_code()
    register = register_book.read_register(tx, code.register_id)
    if register is None:
        raise _bad_code()
    if code.used_ms and (register.status != ACTIVE or register.public_key != code.used_key):
        # It was revoked since, or another key has taken this one's place.
        raise _bad_code()
    return register


def _bad_code() -> Refused:
    # Unknown, used and expired look the same: a stranger who tries codes learns nothing.
    return Refused(
        "this enrolment code is unknown, used or expired",
        hint="ask central for a new one: tessera central register add --again",
        code="bad_code",
        status=403,
    )


def _answer(
    central: Central, certificate: Certificate, store: StoreRow, generation: str, now_ms: int
) -> EnrolAnswer:
    text = encoded(certificate)
    cards = central.keys.cards
    return EnrolAnswer(
        certificate=text.decode(),
        signature=central.keys.signing.sign(PURPOSE_CERTIFICATE, text).hex(),
        central_key=central.keys.signing.public.hex(),
        generation=generation,
        card_key_id=cards.key_id,
        card_key=cards.key.hex(),
        time_zone=store.time_zone,
        currency=store.currency,
        central_ms=now_ms,
        root=central.roots.read(central.roots.newest()),
    )


def revoke_register(central: Central, register_id: str) -> None:
    """Take a register's rights; what it holds as leases stays reserved until it is written off."""
    with central.engines.writer.begin() as tx:
        register = register_book.read_register(tx, register_id)
        if register is None:
            raise TesseraError(
                f"register {register_id} is unknown", hint="tessera central register list"
            )
        register_book.drop_codes(tx, register_id)
        register_book.update_register(tx, register_id, status=register_book.REVOKED)
        register_book.settle_awaiting(tx, register.store_id)
    spans = central.settings.database.spans_buckets
    put_off_elsewhere(central.engines, register, spans_buckets=spans)


def decoded_certificate(answer: EnrolAnswer) -> Certificate:
    """The certificate inside an answer."""
    return msgspec.json.decode(answer.certificate, type=Certificate)
