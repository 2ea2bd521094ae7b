"""Profiles of members who were enrolled here, on their way to central.

Owns: when they are sent, that each is dropped once central has answered for it, and that one which
cannot be brought holds up no other.
Must never: send one before its record is stored there, or log anything of it.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import sqlalchemy as sa

from tessera.agent.sync_push import WriteRunner
from tessera.store.engine import Engines
from tessera.store.till import enrolled
from tessera.store.till.enrolled import KeptProfile
from tessera.sync.link import CentralLink, CentralRefused
from tessera.sync.profile_wire import PROFILES_MAX, ProfileMessage, ProfilesGiven

_LOG = logging.getLogger("tessera.agent.profiles")
AGAIN_S, LOOK_S = 1.0, 60.0
"""How soon central is asked again that has not booked an enrolment yet, doubled up to the last."""
WAITING = "waiting"
_NOT_TAKEN = frozenset({400, 413, 422})
"""Central's answers to what a request holds; all others are about who asks, or about central."""

_MESSAGES = msgspec.json.Decoder(ProfileMessage)


class ProfileSender:
    """Sends what waits; the caller backs off when it raises."""

    def __init__(self, *, engines: Engines, writer: WriteRunner) -> None:
        self._engines = engines
        self._writer = writer
        self._kicked = asyncio.Event()
        self._waited = 0
        self._after = 0
        self._has_waiting = False
        self._told: set[int] = set()

    def kick(self) -> None:
        """Somebody was enrolled, or records were stored. From the loop's thread."""
        self._kicked.set()

    async def step(self, link: CentralLink) -> float:
        """Send what may be sent; how long to wait then, 0 when more waits."""
        self._kicked.clear()
        with self._engines.reader.connect() as connection:
            kept = enrolled.waiting_profiles(connection, limit=PROFILES_MAX, after=self._after)
        if not kept and self._after:
            return self._once_round()
        if not kept:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._kicked.wait(), LOOK_S)
            return 0.0
        messages = self._read(kept)
        answered = await self._answered(link, messages)
        done = [place for place, message in messages.items() if message.uid in answered]

        def drop(tx: sa.Connection) -> None:
            enrolled.drop_profiles(tx, done)

        if done:
            await self._writer.run(drop)
            self._waited = 0
        self._has_waiting = self._has_waiting or len(done) < len(kept)
        if len(kept) == PROFILES_MAX:
            # Those behind: what waits for long, since its enrolment is parked, holds up no other.
            self._after = kept[-1].place
            return 0.0
        return self._once_round()

    def _read(self, kept: Sequence[KeptProfile]) -> dict[int, ProfileMessage]:
        """What of these reads, by its place; the rest stays for a release that reads it."""
        messages = dict[int, ProfileMessage]()
        for one in kept:
            try:
                messages[one.place] = _MESSAGES.decode(one.body)
            except msgspec.DecodeError:
                # Its own words would tell of the person.
                self._leave(one.place, "it does not read with this release")
        return messages

    async def _answered(self, link: CentralLink, messages: dict[int, ProfileMessage]) -> set[str]:
        """The uids of those for which central has answered; the others stay."""
        if not messages:
            return set()
        try:
            answer = await link.profiles(ProfilesGiven(profiles=tuple(messages.values())))
        except CentralRefused as error:
            if error.status not in _NOT_TAKEN:
                raise
            if len(messages) == 1:
                self._leave(next(iter(messages)), f"central does not take it ({error.code})")
                return set()
            singly = [await self._answered(link, {at: one}) for at, one in messages.items()]
            return set().union(*singly)
        return {one.uid for one in answer.taken if one.state != WAITING}

    def _leave(self, place: int, why: str) -> None:
        """Keep a profile that cannot be brought, and say so once."""
        if place not in self._told:
            self._told.add(place)
            _LOG.error(
                "what a new member told of themselves stays on this register: %s; bring central"
                " and registers to one release, then it goes by itself",
                why,
                extra={"place": place},
            )

    def _once_round(self) -> float:
        """All were sent that may be: from the oldest on again, after a pause if any waits."""
        self._after = 0
        if not self._has_waiting:
            return 0.0
        self._has_waiting = False
        self._waited += 1
        return min(LOOK_S, AGAIN_S * float(2 ** min(self._waited - 1, 6)))
