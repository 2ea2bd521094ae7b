"""A register's next certificate: asked for by itself, before the present one ends.

Owns: when another key takes the place of a register's own, and what a central that was put back
from a backup believes of a certificate that it signed itself. Must never: shorten a certificate, or
let a key that was replaced name a second successor.
"""

import msgspec
import sqlalchemy as sa

from tessera.central import gate, refusals
from tessera.central.opening import Central
from tessera.central.programmes import announce_current
from tessera.central.refusals import Refused
from tessera.store.central import register_book
from tessera.store.central.register_book import ACTIVE, REVOKED, RegisterRow, StoreRow
from tessera.sync.records import encoded
from tessera.sync.signing import (
    PURPOSE_CERTIFICATE,
    PURPOSE_RENEWAL,
    RequestSignature,
    is_signed,
    read_request_header,
    renewal_bytes,
    request_is_signed,
)
from tessera.sync.trust import CERTIFICATE
from tessera.sync.wire import Certificate, RenewAnswer, RenewRequest

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TARGET = "/v1/certificate"
ALARM_TWICE = "key-renewed-twice"
ALARM_BACK = "register-back"


def issued(
    central: Central,
    register: RegisterRow,
    *,
    region: str,
    now_ms: int,
) -> tuple[str, str]:
    """The certificate of a register as it stands, and central's signature in hexadecimal."""
    text = encoded(
        Certificate(
            register=register.register_id,
            store=register.store_id,
            region=region,
            public_key=register.public_key,
            serial=register.serial,
            issued_ms=now_ms,
            not_after_ms=register.not_after_ms,
        )
    )
    return text.decode(), central.keys.signing.sign(PURPOSE_CERTIFICATE, text).hex()


def renew(central: Central, asked: RenewRequest, *, header: str, content: bytes) -> RenewAnswer:
    """Give a register the certificate of the key it asks for; Refused when it may not have one.

    A repeat with the same key gets the same rights again, so a lost answer costs nothing. The key
    before stays accepted for `rotation_hours`.
    """
    now_ms = central.now_ms()
    parts = read_request_header(header)
    if parts is None:
        raise refusals.bad_signature()
    proof = renewal_bytes(register=parts.register, public_key=asked.public_key)
    if not is_signed(
        bytes.fromhex(asked.public_key), PURPOSE_RENEWAL, proof, bytes.fromhex(asked.proof)
    ):
        raise refusals.unreadable("the new key did not sign for itself")
    try:
        with central.engines.writer.begin() as tx:
            return _renewed(tx, central, asked, parts, content=content, now_ms=now_ms)
    except Refused as refused:
        if refused.code == refusals.renewed_by_another("").code:
            with central.engines.writer.begin() as tx:
                register_book.raise_alarm(
                    tx,
                    register_id=parts.register,
                    kind=ALARM_TWICE,
                    about=asked.public_key[:16],
                    detail="two machines hold one key, and both asked for a next one",
                    raised_ms=now_ms,
                )
        raise


def _renewed(
    tx: sa.Connection,
    central: Central,
    asked: RenewRequest,
    parts: RequestSignature,
    *,
    content: bytes,
    now_ms: int,
) -> RenewAnswer:
    register = register_book.lock_register(tx, parts.register)
    keys = [] if register is None else gate.accepted_keys(register, now_ms)
    signer = next((key.hex() for key in keys if _is_by(key, parts, content)), "")
    if not signer:
        register = _taken_back(tx, central, asked, parts, register, content=content, now_ms=now_ms)
        signer = register.public_key
    assert register is not None
    gate.check_may_speak(register, now_ms)
    gate.admit_once(tx, parts, now_ms=now_ms)
    if asked.public_key != register.public_key:
        if signer != register.public_key:
            raise refusals.renewed_by_another(register.register_id)
        _replace_key(tx, central, register, asked.public_key, now_ms=now_ms)
    fresh = register_book.read_register(tx, register.register_id)
    store = register_book.read_store(tx, register.store_id)
    assert fresh is not None
    assert store is not None
    text, signature = issued(central, fresh, region=store.region, now_ms=now_ms)
    return RenewAnswer(certificate=text, signature=signature, central_ms=now_ms)


def _is_by(key: bytes, parts: RequestSignature, content: bytes) -> bool:
    return request_is_signed(key, parts, method="POST", target=TARGET, content=content)


def _replace_key(
    tx: sa.Connection, central: Central, register: RegisterRow, public_key: str, *, now_ms: int
) -> None:
    limits = central.settings.limits
    register_book.update_register(
        tx,
        register.register_id,
        public_key=public_key,
        public_key_before=register.public_key,
        key_before_until_ms=now_ms + limits.rotation_hours * HOUR_MS,
        serial=register.serial + 1,
        # Never shortened: a clock of central's that was behind for an hour must lock nobody out.
        not_after_ms=max(register.not_after_ms, now_ms + limits.certificate_days * DAY_MS),
    )


def _taken_back(
    tx: sa.Connection,
    central: Central,
    asked: RenewRequest,
    parts: RequestSignature,
    known: RegisterRow | None,
    *,
    content: bytes,
    now_ms: int,
) -> RegisterRow:
    """The register that a certificate names which this database, a backup, is too old to know."""
    certificate = _own_certificate(central, asked)
    if (
        certificate is None
        or certificate.register != parts.register
        or certificate.serial <= (known.serial if known is not None else 0)
        or (known is not None and known.status == REVOKED)
        or (known is not None and known.store_id != certificate.store)
        or not _is_by(bytes.fromhex(certificate.public_key), parts, content)
    ):
        raise refusals.bad_signature()
    if register_book.read_store(tx, certificate.store) is None:
        settings = central.settings
        register_book.write_store(
            tx,
            StoreRow(
                store_id=certificate.store,
                region=certificate.region,
                time_zone=settings.time_zone,
                currency=settings.currency,
            ),
        )
    if known is None:
        register_book.add_register(tx, register_id=parts.register, store_id=certificate.store)
    register_book.drop_codes(tx, parts.register)
    register_book.update_register(
        tx,
        parts.register,
        status=ACTIVE,
        public_key=certificate.public_key,
        public_key_before="",
        key_before_until_ms=0,
        incarnation=parts.incarnation,
        serial=certificate.serial,
        enrolled_ms=now_ms,
        not_after_ms=certificate.not_after_ms,
        is_swept=0,
        presented="",
    )
    # It may hold grants that this database never knew, or has forgotten.
    register_book.await_grants(tx)
    announce_current(tx, central, certificate.store)
    register_book.raise_alarm(
        tx,
        register_id=parts.register,
        kind=ALARM_BACK,
        about=str(certificate.serial),
        detail="known again by its certificate, which is newer than this database",
        raised_ms=now_ms,
    )
    found = register_book.read_register(tx, parts.register)
    assert found is not None
    return found


def _own_certificate(central: Central, asked: RenewRequest) -> Certificate | None:
    """The certificate that a request carries, if a key signed it that may still sign one."""
    if not central.roots.trust().is_signed(
        CERTIFICATE, asked.certificate.encode(), asked.certificate_signature
    ):
        return None
    try:
        return msgspec.json.decode(asked.certificate, type=Certificate)
    except (msgspec.DecodeError, RecursionError):
        return None
