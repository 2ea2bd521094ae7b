"""Changes to what tills believe: another online key, other root keys, a later expiry.

Owns: the order of the steps, so that one that is broken off can be made again: first what tills
must hear anew, then the root that they follow, then the key. Must never: serve a root that leaves
central without a key that may sign.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from tessera.central.generations import begun_generation
from tessera.central.opening import Central
from tessera.central.roots import (
    ROOT_KEY_FILE,
    Change,
    check_next,
    missing_signatures,
    proposed,
    read_root_keys,
)
from tessera.core.errors import TesseraError
from tessera.store.central import backup_book, register_book
from tessera.store.central.register_book import CentralState
from tessera.sync.trust import PURPOSES
from tessera.sync.wire import Root, SignedRoot

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A root that is served from now on, and whether tills read everything anew."""

    version: int
    new_generation: bool


def finish_change(central: Central) -> None:
    """Complete a change of keys that was broken off after the new key came into use."""
    following = central.keys.next_key()
    if following is not None and following.public.hex() == central.state().key_public:
        central.keys.take_next()


def rotated(central: Central, *, days: int, at_once: bool) -> SignedRoot:
    """The next root with a new online key; the present one stays beside it unless `at_once`."""
    finish_change(central)
    following = central.keys.make_next(central.random).public.hex()
    known = () if at_once else (central.keys.signing.public.hex(),)
    return proposed(
        central.roots.trust(),
        Change(expires_ms=_expires_ms(central, days), online=(following, *known)),
    )


def retired(central: Central, *, days: int) -> SignedRoot:
    """The next root, in which only the online key that is in use may sign."""
    finish_change(central)
    return proposed(
        central.roots.trust(),
        Change(
            expires_ms=_expires_ms(central, days),
            online=(central.keys.signing.public.hex(),),
        ),
    )


def renewed(central: Central, *, days: int) -> SignedRoot:
    """The next root, the same but for when it expires."""
    return proposed(central.roots.trust(), Change(expires_ms=_expires_ms(central, days)))


def moved(central: Central, *, root_keys: list[str], threshold: int, days: int) -> SignedRoot:
    """The next root, signed from then on by other root keys."""
    return proposed(
        central.roots.trust(),
        Change(
            expires_ms=_expires_ms(central, days),
            root_keys=tuple(root_keys),
            threshold=threshold,
        ),
    )


def publish_root(central: Central, signed: SignedRoot) -> Published:
    """Serve the next root and do what follows from it. A TrustRefused when it does not hold."""
    trust = central.roots.trust()
    before = trust.root
    assert before is not None
    missing = missing_signatures(trust, signed)
    if any(missing):
        raise TesseraError(
            f"signatures are missing: {missing[0]} of the present root's keys,"
            f" {missing[1]} of the next one's",
            hint="tessera central keys sign FILE --root-key KEY, with each further key",
        )
    root = check_next(trust, signed)
    using, following = central.state().key_public, central.keys.next_key()
    comes = following.public.hex() if following is not None else ""
    successor = comes if comes and _may_sign(root, comes) else using
    if not _may_sign(root, successor):
        raise TesseraError(
            "the next root names neither the key in use nor the one made to follow it",
            hint="make it anew: tessera central keys rotate, or retire",
        )
    if root.expires_ms <= central.now_ms():
        raise TesseraError("the next root has expired already", hint="make it with more --days")
    is_dropping = bool(_online(before) - _online(root))
    if is_dropping:
        # What a dropped key signed stands in the streams; a new generation tells it anew.
        _change(central, successor, new_generation=True)
    central.roots.write(root.version, signed)
    if not is_dropping and successor != using:
        _change(central, successor, new_generation=False)
    finish_change(central)
    _drop_own_root_key(central.settings.data_dir / ROOT_KEY_FILE, root)
    return Published(version=root.version, new_generation=is_dropping)


def _change(central: Central, key_public: str, *, new_generation: bool) -> None:
    with central.engines.writer.begin() as tx:
        state: CentralState = register_book.lock_central(tx)
        if new_generation:
            state = begun_generation(central, state)
            backup_book.forget_told(tx)
        register_book.write_central(tx, replace(state, key_public=key_public))
    central.keys.follow(key_public)


def _drop_own_root_key(path: Path, root: Root) -> None:
    """A root key beside the online key is a stop-gap: it goes once other keys sign roots."""
    if path.exists() and read_root_keys([path])[0].public.hex() not in root.root_keys:
        path.unlink()


def _may_sign(root: Root, key: str) -> bool:
    return all(key in root.roles.get(role, ()) for role in PURPOSES)


def _online(root: Root) -> set[str]:
    return {key for keys in root.roles.values() for key in keys}


def _expires_ms(central: Central, days: int) -> int:
    """`days` from now, or as the present root says when none are given."""
    if days:
        return central.now_ms() + days * DAY_MS
    root = central.roots.trust().root
    assert root is not None
    return root.expires_ms
