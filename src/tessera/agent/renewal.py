"""The register's next key and certificate, before the present ones end, without anybody's help.

Owns: when a certificate is renewed, and the order of the steps, so that after a kill between any
two of them a key on the disk still counts. Must never: judge by the register's own clock, delete a
key that central may know as the only one, or send a private key.

The order: the next key is on the disk; central is asked, by the present key; central takes the next
one and accepts both for a while; the next key takes the file's place; certificate and identity
follow. What of it is missing at the next look is made up for: by asking again with the same next
key, signed by the present one, or by the next one itself once central knows only that.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from tessera.agent.enrolment import NEXT_REGISTER_KEY, REGISTER_KEY, own_key, read_key
from tessera.agent.secret_files import sync_folder, write_secret
from tessera.agent.sync_push import WriteRunner
from tessera.agent.sync_status import LineState
from tessera.agent.trusted_roots import TrustedRoots
from tessera.core.errors import TesseraError
from tessera.store.engine import Engines
from tessera.store.till import identity_book, identity_file
from tessera.store.till.identity_file import IDENTITY_FILE
from tessera.store.till.values import RegisterIdentity
from tessera.sync.link import CentralLink, CentralRefused
from tessera.sync.signing import PURPOSE_RENEWAL, SigningKey, renewal_bytes
from tessera.sync.trust import CERTIFICATE
from tessera.sync.wire import Certificate, RenewAnswer, RenewRequest

LOOK_S = 60.0
"""Pause between two looks at what the till has in memory and two small files."""
OLD_CENTRAL_S = 3_600.0
LinkWith = Callable[[RegisterIdentity, SigningKey], CentralLink]
NOT_SERVED = frozenset({404, 405})


class RenewalRefused(TesseraError):
    """Central's answer to a renewal does not fit; the certificate and key known so far go on."""

    code = "renewal_refused"


def is_due(certificate: Certificate, signed_ms: int) -> bool:
    """Whether the last third of a certificate has begun, by central's own signed time.

    `signed_ms` is 0 while central has not spoken: then nothing is due, whatever the clock says.
    """
    life_ms = certificate.not_after_ms - certificate.issued_ms
    return signed_ms > 0 and signed_ms >= certificate.not_after_ms - life_ms // 3


def read_certificate(text: str) -> Certificate | None:
    """A certificate from its canonical JSON; None when it does not read."""
    try:
        return msgspec.json.decode(text, type=Certificate)
    except (msgspec.DecodeError, RecursionError):
        return None


class Renewal:
    """Renews when it is time, and ends what was broken off. `link_with` opens central for a key."""

    def __init__(
        self,
        *,
        engines: Engines,
        writer: WriteRunner,
        folder: Path,
        line: LineState,
        roots: TrustedRoots,
        link_with: LinkWith,
        random: Callable[[int], bytes],
    ) -> None:
        self._engines = engines
        self._writer = writer
        self._folder = folder
        self._line = line
        self._roots = roots
        self._link_with = link_with
        self._random = random
        self._signed_ms = 0
        self._look = asyncio.Event()

    def hear_time(self, signed_ms: int) -> None:
        """Central signed its time just now."""
        if not self._signed_ms:
            self._look.set()
        self._signed_ms = signed_ms

    def look_now(self) -> None:
        """There is reason to look before the pause is over."""
        self._look.set()

    async def wait(self, pause_s: float) -> None:
        """Wait for the next look."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), pause_s)
        self._look.clear()

    async def step(self) -> float:
        """Renew if there is reason to; the pause until the next look, in seconds.

        Raises a CentralError as the link does, RenewalRefused for an answer that does not fit.
        """
        with self._engines.reader.connect() as connection:
            identity = identity_book.read_identity(connection)
        assert identity is not None
        key, wanted = await asyncio.to_thread(self._keys, identity)
        if wanted is None:
            return LOOK_S
        answer = await self._asked(identity, key, wanted)
        if answer is None:
            return OLD_CENTRAL_S
        certificate = self._checked(answer, identity, wanted)
        await asyncio.to_thread(self._take_key, wanted)
        await self._keep(answer)
        self._line.tell(
            "certificate", f"certificate {certificate.serial} of {certificate.register} is in use"
        )
        return LOOK_S

    def _keys(self, identity: RegisterIdentity) -> tuple[SigningKey, SigningKey | None]:
        """The present key, and the one to ask a certificate for; None when nothing is to be done.

        The next key is on the disk before it is named to anybody.
        """
        path = self._folder / NEXT_REGISTER_KEY
        key = read_key(self._folder / REGISTER_KEY)
        if path.exists():
            return key, read_key(path)
        certificate = read_certificate(identity.certificate)
        if self._line.is_unknown or certificate is None:
            return key, key
        if certificate.public_key != key.public.hex():
            return key, key
        if is_due(certificate, self._signed_ms):
            return key, own_key(path, self._random)
        return key, None

    async def _asked(
        self, identity: RegisterIdentity, key: SigningKey, wanted: SigningKey
    ) -> RenewAnswer | None:
        """Central's answer; None from a central that knows no renewal."""
        proof = renewal_bytes(register=identity.register, public_key=wanted.public.hex())
        request = RenewRequest(
            public_key=wanted.public.hex(),
            proof=wanted.sign(PURPOSE_RENEWAL, proof).hex(),
            certificate=identity.certificate,
            certificate_signature=identity.certificate_signature,
        )
        try:
            try:
                return await self._send(identity, key, request)
            except CentralRefused as error:
                if error.code != "bad_signature" or wanted is key:
                    raise
            # Central may have taken the next key long ago, and have forgotten the one before.
            return await self._send(identity, wanted, request)
        except CentralRefused as error:
            if error.status in NOT_SERVED:
                return None
            raise

    async def _send(
        self, identity: RegisterIdentity, key: SigningKey, request: RenewRequest
    ) -> RenewAnswer:
        link = await asyncio.to_thread(self._link_with, identity, key)
        try:
            answer = await link.renew(request)
            if not self._is_signed(answer, identity):
                self._roots.look_again()
                await self._roots.step(link, identity)
            return answer
        finally:
            await link.close()

    def _is_signed(self, answer: RenewAnswer, identity: RegisterIdentity) -> bool:
        trust = self._roots.trust(identity)
        return trust.is_signed(CERTIFICATE, answer.certificate.encode(), answer.signature)

    def _checked(
        self, answer: RenewAnswer, identity: RegisterIdentity, wanted: SigningKey
    ) -> Certificate:
        certificate = read_certificate(answer.certificate)
        if (
            certificate is None
            or (certificate.register, certificate.store) != (identity.register, identity.store)
            or certificate.public_key != wanted.public.hex()
            or not self._is_signed(answer, identity)
        ):
            raise RenewalRefused(
                "central's new certificate is not signed by central, or not about this register",
                hint="the present one goes on; if it stays, check central's address",
            )
        return certificate

    def _take_key(self, wanted: SigningKey) -> None:
        path = self._folder / NEXT_REGISTER_KEY
        if path.exists() and read_key(path).public == wanted.public:
            path.replace(self._folder / REGISTER_KEY)
            sync_folder(self._folder)

    async def _keep(self, answer: RenewAnswer) -> None:
        await self._writer.run(
            lambda tx: identity_book.write_certificate(
                tx, certificate=answer.certificate, signature=answer.signature
            )
        )
        with self._engines.reader.connect() as connection:
            identity = identity_book.read_identity(connection)
        assert identity is not None
        content = identity_file.encoded(identity)
        await asyncio.to_thread(write_secret, self._folder / IDENTITY_FILE, content)
