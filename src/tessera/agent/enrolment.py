"""Enrolment: a one-time code becomes a register's key, certificate and identity.

Owns: the key files (mode 0600) and the order in which they are written. Must never: send a private
key, overwrite one, or keep an identity whose certificate does not fit.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import sqlalchemy as sa

from tessera import __version__
from tessera.agent.secret_files import sync_folder, write_secret
from tessera.agent.trusted_roots import write_root
from tessera.core.errors import TesseraError
from tessera.core.identity import INCARNATION_BYTES, new_incarnation
from tessera.store.till import identity_book, identity_file
from tessera.store.till.identity_file import IDENTITY_FILE
from tessera.store.till.values import RegisterIdentity
from tessera.sync.link import CentralLink
from tessera.sync.signing import KEY_BYTES, SigningKey
from tessera.sync.trust import CERTIFICATE, Trust, TrustRefused, first_root, trust_in_key
from tessera.sync.wire import Certificate, EnrolAnswer, EnrolRequest

REGISTER_KEY = "register.key"
NEXT_REGISTER_KEY = "register-next.key"
CARD_KEY = "card.key"


class EnrolmentFailed(TesseraError):
    """The register is not enrolled; nothing that stood before was changed."""

    code = "enrolment_failed"


async def enrol(
    *,
    folder: Path,
    writer: sa.Engine,
    link: CentralLink,
    code: str,
    host: str,
    random: Callable[[int], bytes],
    fingerprint: str = "",
    again: bool = False,
) -> RegisterIdentity:
    """Enrol this folder's register with a one-time code; its identity as kept.

    The key is written before the code is sent, so that a lost answer can be asked for again with
    the same key. `fingerprint`: of central's root, as the person who enrols was told it; empty
    when they were told none, then the first root is believed as it comes. `again`: the register is
    enrolled and gets a new key; its life, its journal and what waits to be sent go on.
    EnrolmentFailed when the register is enrolled already or central's answer does not fit; a
    CentralError when central can't be reached or refuses the code.
    """
    with writer.connect() as connection:
        known = identity_book.read_identity(connection)
    if known is not None and again:
        return await _enrol_again(
            known,
            folder=folder,
            writer=writer,
            link=link,
            code=code,
            host=host,
            random=random,
            fingerprint=fingerprint,
        )
    if known is not None:
        raise EnrolmentFailed(
            f"this register is enrolled already, as {known.register} of store {known.store}",
            hint="add --again for a new key of the same register; another register needs a data"
            " folder of its own",
        )
    key = own_key(folder / REGISTER_KEY, random)
    # From the key, which is random: so a repeat after a lost answer is about the same life.
    incarnation = new_incarnation(hashlib.sha256(key.public).digest()[:INCARNATION_BYTES])
    answer = await link.enrol(
        EnrolRequest(
            code=code,
            public_key=key.public.hex(),
            incarnation=incarnation,
            host=host,
            release=__version__,
        )
    )
    identity = checked_identity(
        answer, public_key=key.public, incarnation=incarnation, fingerprint=fingerprint
    )
    write_secret(folder / CARD_KEY, _card_key(answer))
    if answer.root is not None:
        write_root(folder, answer.root)
    with writer.begin() as tx:
        identity_book.write_identity(tx, identity)
    write_secret(folder / IDENTITY_FILE, identity_file.encoded(identity))
    return identity


def keep_identity_beside(folder: Path, engine: sa.Engine) -> None:
    """Write the identity beside the database again where no file tells it.

    An enrolment that was killed after its transaction left none, and by none a till whose database
    is lost would be nobody.
    """
    with engine.connect() as connection:
        identity = identity_book.read_identity(connection)
    if identity is None:
        return
    told = identity_file.read_identity_file(folder, incarnation=identity.incarnation, parent=None)
    if told is None:
        write_secret(folder / IDENTITY_FILE, identity_file.encoded(identity))


async def _enrol_again(
    known: RegisterIdentity,
    *,
    folder: Path,
    writer: sa.Engine,
    link: CentralLink,
    code: str,
    host: str,
    random: Callable[[int], bytes],
    fingerprint: str,
) -> RegisterIdentity:
    """A new key for the register that this is; killed anywhere, the same command goes on."""
    key = own_key(folder / NEXT_REGISTER_KEY, random)
    answer = await link.enrol(
        EnrolRequest(
            code=code,
            public_key=key.public.hex(),
            incarnation=known.incarnation,
            host=host,
            release=__version__,
        )
    )
    found = checked_identity(
        answer, public_key=key.public, incarnation=known.incarnation, fingerprint=fingerprint
    )
    if (found.register, found.store) != (known.register, known.store):
        raise EnrolmentFailed(
            f"the code is for {found.register} of store {found.store}, and this register is"
            f" {known.register} of store {known.store}",
            hint=f"tessera central register add --again --register {known.register}",
        )
    # The generation stays the one last heard: sync notices by itself what changed at central.
    fresh = replace(found, parent=known.parent, generation=known.generation)
    write_secret(folder / CARD_KEY, _card_key(answer))
    if answer.root is not None:
        write_root(folder, answer.root)
    with writer.begin() as tx:
        identity_book.write_identity(tx, fresh)
    write_secret(folder / IDENTITY_FILE, identity_file.encoded(fresh))
    (folder / NEXT_REGISTER_KEY).replace(folder / REGISTER_KEY)
    sync_folder(folder)
    return fresh


def checked_identity(
    answer: EnrolAnswer, *, public_key: bytes, incarnation: str, fingerprint: str = ""
) -> RegisterIdentity:
    """The identity that an answer gives, once its certificate is central's and about our key."""
    central_key = bytes.fromhex(answer.central_key)
    trust = _first_trust(answer, fingerprint)
    try:
        certificate = msgspec.json.decode(answer.certificate, type=Certificate)
    except (ValueError, msgspec.DecodeError) as error:
        raise EnrolmentFailed(f"central's certificate does not read: {error}") from error
    if not trust.is_signed(CERTIFICATE, answer.certificate.encode(), answer.signature):
        raise EnrolmentFailed(
            "central's certificate is not signed by central's own key",
            hint="check that the address is that of central; ask for another code",
        )
    if certificate.public_key != public_key.hex():
        raise EnrolmentFailed(
            "central's certificate is about another key", hint="ask for another code"
        )
    return RegisterIdentity(
        register=certificate.register,
        store=certificate.store,
        region=certificate.region,
        incarnation=incarnation,
        generation=answer.generation,
        central_key=central_key,
        certificate=answer.certificate,
        certificate_signature=answer.signature,
        card_key_id=answer.card_key_id,
        time_zone=answer.time_zone,
        currency=answer.currency,
    )


def _first_trust(answer: EnrolAnswer, fingerprint: str) -> Trust:
    if answer.root is None:
        if fingerprint:
            raise EnrolmentFailed(
                "this central has no root to compare the fingerprint with",
                hint="bring central to this release first, or enrol without --root",
            )
        return trust_in_key(bytes.fromhex(answer.central_key))
    try:
        trust = first_root(answer.root, fingerprint=fingerprint)
    except TrustRefused as error:
        raise EnrolmentFailed(error.message, hint=error.hint) from error
    if trust.is_expired(answer.central_ms):
        raise EnrolmentFailed(
            "central's root has expired", hint="on central: tessera central keys renew"
        )
    return trust


def _card_key(answer: EnrolAnswer) -> bytes:
    try:
        return bytes.fromhex(answer.card_key)
    except ValueError as error:
        raise EnrolmentFailed("central's card key does not read") from error


def own_key(path: Path, random: Callable[[int], bytes]) -> SigningKey:
    """The key in a file, made and synced when there is none, before anybody hears of it."""
    if path.exists():
        return read_key(path)
    seed = random(KEY_BYTES)
    write_secret(path, seed)
    return SigningKey(seed)


def read_key(path: Path) -> SigningKey:
    """The register's signing key. TesseraError when the file is missing or damaged."""
    try:
        seed = path.read_bytes()
    except OSError as error:
        raise TesseraError(
            f"{path.name} cannot be read: {error.strerror}",
            hint="run the agent as the user who enrolled it, or enrol again with a new code",
            code="register_key_missing",
        ) from error
    if len(seed) != KEY_BYTES:
        raise TesseraError(
            f"{path.name} has {len(seed)} bytes, not {KEY_BYTES}",
            hint="the file is damaged: move the data folder away and enrol again with a new code",
            code="register_key_damaged",
        )
    return SigningKey(seed)
