"""The root that this till believes in: kept beside the database, followed step by step.

Owns: the file central.root, and when central is asked for the next root. Must never: write down a
root that was not checked, or step back.
"""

import asyncio
from pathlib import Path

import msgspec

from tessera.agent.secret_files import write_secret
from tessera.agent.sync_status import LineState
from tessera.core.errors import TesseraError
from tessera.store.till.values import RegisterIdentity
from tessera.sync.link import CentralLink
from tessera.sync.records import encoded
from tessera.sync.trust import (
    ROOT_STEPS_MAX,
    Trust,
    adopted_root,
    first_root,
    next_root,
    trust_in_key,
)
from tessera.sync.wire import ROOT_BYTES_MAX, SignedRoot

ROOT_FILE = "central.root"


def write_root(folder: Path, signed: SignedRoot) -> None:
    """Keep a root that was checked, whole or not at all."""
    write_secret(folder / ROOT_FILE, encoded(signed))


def read_root_file(folder: Path) -> Trust | None:
    """The trust in the root kept in `folder`; None when there is none.

    TesseraError when the file is damaged: to begin anew without it would believe anybody.
    """
    path = folder / ROOT_FILE
    try:
        with path.open("rb") as file:
            raw = file.read(4 * ROOT_BYTES_MAX)
        return first_root(msgspec.json.decode(raw, type=SignedRoot))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, msgspec.DecodeError, TesseraError) as error:
        raise TesseraError(
            f"{path.name} cannot be used: {error}",
            hint="put it back from a backup, or enrol this register again with a new code",
            code="root_damaged",
        ) from error


class TrustedRoots:
    """Trust, as it stands and as it grows. `folder` None: in memory only, for a trial."""

    def __init__(self, folder: Path | None, *, line: LineState) -> None:
        self._folder = folder
        self._line = line
        self._trust: Trust | None = None
        self._is_due = True

    def trust(self, identity: RegisterIdentity) -> Trust:
        """What is believed now: the kept root, or the one key of an enrolment without a root."""
        if self._trust is None:
            kept = read_root_file(self._folder) if self._folder is not None else None
            self._trust = kept or trust_in_key(identity.central_key)
        return self._trust

    def look_again(self) -> None:
        """Central may have a newer root: ask before the next page is read."""
        self._is_due = True

    async def step(self, link: CentralLink, identity: RegisterIdentity) -> None:
        """Follow central's roots as far as they hold, if there is reason to ask.

        Raises a TrustRefused for one that does not hold; what was believed stands.
        """
        if not self._is_due:
            return
        trust = await asyncio.to_thread(self.trust, identity)
        for _ in range(ROOT_STEPS_MAX):
            offered = await link.root(trust.version + 1)
            if offered is None:
                self._is_due = False
                return
            if trust.root is None:
                trust = adopted_root(identity.central_key, offered)
            else:
                trust = next_root(trust, offered)
            if self._folder is not None:
                await asyncio.to_thread(write_root, self._folder, offered)
            self._trust = trust
            self._line.tell("root", f"root {trust.version} is believed from now on")
