"""Whose signature counts for what: a root kept apart says which keys of central sign which role.

Owns: the rules of The Update Framework (its specification, 5.3: a root follows the one before it by
a step of one, signed by both) for roots, and the one check of everything that an online key signs:
role, number, time, length and hash. Pure. Must never: read a file or a clock, or believe a part of
something that does not pass as a whole.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tessera.core.errors import TesseraError
from tessera.sync.records import encoded
from tessera.sync.signing import (
    PURPOSE_ASSIGNMENT,
    PURPOSE_CERTIFICATE,
    PURPOSE_IMAGE,
    PURPOSE_LEASE,
    PURPOSE_ROOT,
    PURPOSE_SEGMENT,
    PURPOSE_STATEMENT,
    is_signed,
)
from tessera.sync.wire import ROOT_BYTES_MAX, Root, SignedRoot

CERTIFICATE, SEGMENT, LEASE = "certificate", "segment", "lease"
ASSIGNMENT, STATEMENT, IMAGE = "assignment", "statement", "image"
PURPOSES: Mapping[str, str] = {
    CERTIFICATE: PURPOSE_CERTIFICATE,
    SEGMENT: PURPOSE_SEGMENT,
    LEASE: PURPOSE_LEASE,
    ASSIGNMENT: PURPOSE_ASSIGNMENT,
    STATEMENT: PURPOSE_STATEMENT,
    IMAGE: PURPOSE_IMAGE,
}
"""The roles of online keys, and what a signature in each of them is over."""

ROOT_STEPS_MAX = 32
"""Roots that a till follows in one go; the rest comes with the next."""


class TrustRefused(TesseraError):
    """Something is not signed as the root demands, or is not what was signed; none of it counts.

    `code`: wrong_signature, rolled_back, expired, wrong_length, wrong_hash or root_refused.
    """

    code = "trust_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a till believes. `keys` by role, in hexadecimal.

    `root` is None on a till that was enrolled by a central without roots: then one key signs all.
    """

    keys: Mapping[str, frozenset[str]]
    root: Root | None = None
    signed: SignedRoot | None = None

    @property
    def version(self) -> int:
        """The root's version; 0 without a root."""
        return 0 if self.root is None else self.root.version

    def is_signed(self, role: str, message: bytes, signature: str) -> bool:
        """Whether a key that the root lets sign for this role did; `signature` in hexadecimal."""
        try:
            raw = bytes.fromhex(signature)
        except ValueError:
            return False
        return any(
            is_signed(bytes.fromhex(key), PURPOSES[role], message, raw)
            for key in sorted(self.keys[role])
        )

    def is_expired(self, now_ms: int) -> bool:
        """Whether the root has run out at this moment of central's time."""
        return self.root is not None and now_ms >= self.root.expires_ms


def trust_in_key(public: bytes) -> Trust:
    """The trust of a till without a root: the key that it learned at enrolment, for every role."""
    return Trust(keys=dict.fromkeys(PURPOSES, frozenset({public.hex()})))


# ---- what an online key signs --------------------------------------------------------------


def check_signed(
    trust: Trust,
    *,
    role: str,
    message: bytes,
    signature: str,
    version: int = 0,
    version_min: int = 0,
    expires_ms: int = 0,
    now_ms: int = 0,
) -> None:
    """Check a signed thing before a word of it is believed; TrustRefused says what is wrong.

    `version` is the thing's own number and may not lie below `version_min`; `expires_ms` is when it
    runs out, 0 for never. Central's time is meant by `now_ms`: a till's own may be years off.
    """
    if not trust.is_signed(role, message, signature):
        raise TrustRefused(
            f"this {role} is not signed by a key that may sign one",
            hint="if it stays, check central's address, and `tessera central keys show` there",
            code="wrong_signature",
        )
    if version < version_min:
        raise TrustRefused(
            f"this {role} has number {version}, but {version_min} is known already",
            hint="nothing is rolled back; release the earlier one anew to return to it",
            code="rolled_back",
        )
    if expires_ms and now_ms >= expires_ms:
        raise TrustRefused(
            f"this {role} has expired", hint="central must sign a new one", code="expired"
        )


class ContentCheck:
    """Compares content that comes in pieces with the length and hash that were signed.

    Ends at the first byte too many, so endless content costs no more than what was announced.
    """

    def __init__(self, what: str, *, size: int, digest: str) -> None:
        self._what = what
        self._size = size
        self._digest = digest
        self._taken = 0
        self._hash = hashlib.sha256()

    def feed(self, piece: bytes) -> None:
        """Take the next piece; TrustRefused when that makes it too long."""
        self._taken += len(piece)
        if self._taken > self._size:
            raise TrustRefused(
                f"{self._what} is longer than the {self._size} bytes that were signed",
                hint="what answers is not central, or something between changes its answers",
                code="wrong_length",
            )
        self._hash.update(piece)

    def end(self) -> None:
        """No more comes; TrustRefused when it is too short or another content."""
        if self._taken < self._size:
            raise TrustRefused(
                f"{self._what} has {self._taken} of the {self._size} bytes that were signed",
                hint="it was cut short on the way; it is fetched again",
                code="wrong_length",
            )
        if self._hash.hexdigest() != self._digest:
            raise TrustRefused(
                f"{self._what}: its content is not what was signed",
                hint="what answers is not central, or something between changes its answers",
                code="wrong_hash",
            )


def check_content(what: str, content: bytes, *, size: int, digest: str) -> None:
    """Compare whole content with the signed length and hash. TrustRefused if it differs."""
    check = ContentCheck(what, size=size, digest=digest)
    check.feed(content)
    check.end()


# ---- roots ---------------------------------------------------------------------------------


def first_root(signed: SignedRoot, *, fingerprint: str = "") -> Trust:
    """The trust in a root that is met for the first time; it must hold by itself.

    `fingerprint`: what the person at the till was told to expect; empty when they were told none.
    """
    root = _read_root(signed)
    _check_threshold(signed, root, "its own")
    if fingerprint and plain_fingerprint(fingerprint) != plain_fingerprint(fingerprint_of(root)):
        raise _refused(
            f"central's root has the fingerprint {fingerprint_of(root)}, not {fingerprint}",
            hint="what answers is not your central; `tessera central keys show` tells its own",
        )
    return _trust_in(root, signed)


def adopted_root(pinned: bytes, signed: SignedRoot) -> Trust:
    """The trust in the first root that an older till meets: it must name the key pinned so far."""
    trust = first_root(signed)
    strange = sorted(role for role in PURPOSES if pinned.hex() not in trust.keys[role])
    if strange:
        raise _refused(f"central's first root does not name the key known here for {strange[0]}")
    return trust


def next_root(trust: Trust, signed: SignedRoot) -> Trust:
    """The trust in the root after this one: a step of one, signed by enough keys of both."""
    assert trust.root is not None
    root = _read_root(signed)
    if root.version != trust.version + 1:
        raise _refused(f"root {root.version} does not follow root {trust.version}")
    _check_threshold(signed, trust.root, "the one before's")
    _check_threshold(signed, root, "its own")
    return _trust_in(root, signed)


def root_bytes(root: Root) -> bytes:
    """What is signed of a root: its canonical JSON."""
    return encoded(root)


def signers_of(signed: SignedRoot, keys: Sequence[str]) -> frozenset[str]:
    """Those of `keys` that signed this root; a key counts once, whatever it signed twice."""
    message = signed.document.encode()
    return frozenset(
        one.key
        for one in signed.signatures
        if one.key in keys
        and is_signed(bytes.fromhex(one.key), PURPOSE_ROOT, message, bytes.fromhex(one.signature))
    )


def read_root(signed: SignedRoot) -> Root:
    """The root inside, its form checked, its signatures not. TrustRefused when it does not read."""
    return _read_root(signed)


def fingerprint_of(root: Root) -> str:
    """What people compare: 128 bits over root keys and threshold, in groups of four digits.

    It stays through versions until the root's own keys change.
    """
    named = encoded([sorted(root.root_keys), root.root_threshold])
    digits = hashlib.sha256(b"tessera/root-fingerprint/1\n" + named).hexdigest()[:32]
    return "-".join(digits[at : at + 4] for at in range(0, 32, 4))


def plain_fingerprint(text: str) -> str:
    """A fingerprint without groups, spaces and capitals."""
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _trust_in(root: Root, signed: SignedRoot) -> Trust:
    keys = {role: frozenset(root.roles.get(role, ())) for role in PURPOSES}
    return Trust(keys=keys, root=root, signed=signed)


def _check_threshold(signed: SignedRoot, root: Root, whose: str) -> None:
    count = len(signers_of(signed, root.root_keys))
    if count < root.root_threshold:
        raise _refused(
            f"central's root is signed by {count} of {whose} keys; {root.root_threshold} are needed"
        )


def _read_root(signed: SignedRoot) -> Root:
    raw = signed.document.encode()
    if len(raw) > ROOT_BYTES_MAX:
        raise _refused(f"central's root is over {ROOT_BYTES_MAX} bytes")
    try:
        root = msgspec.json.decode(raw, type=Root)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(f"central's root does not read: {error}") from error
    if len(set(root.root_keys)) != len(root.root_keys) or root.root_threshold > len(root.root_keys):
        raise _refused("central's root names a key twice, or asks for more keys than it has")
    return root


def _refused(what: str, *, hint: str = "") -> TrustRefused:
    return TrustRefused(
        what,
        hint=hint or "the root known so far goes on; `tessera central keys show` tells central's",
        code="root_refused",
    )
