"""Profiles of members who were enrolled here, on their way to central.

Owns: when they are sent, and that each is dropped once central has answered for it.
Must never: send one before its record is stored there, or log anything of it.
"""

import asyncio
from contextlib import suppress

import msgspec
import sqlalchemy as sa

from tessera.agent.sync_push import WriteRunner
from tessera.store.engine import Engines
from tessera.store.till import enrolled
from tessera.sync.link import CentralLink
from tessera.sync.profile_wire import PROFILES_MAX, ProfileMessage, ProfilesGiven

AGAIN_S, LOOK_S = 1.0, 60.0
"""How soon central is asked again that has not booked an enrolment yet, doubled up to the last."""
WAITING = "waiting"

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
        messages = {one.place: _MESSAGES.decode(one.body) for one in kept}
        answer = await link.profiles(ProfilesGiven(profiles=tuple(messages.values())))
        answered = {one.uid for one in answer.taken if one.state != WAITING}
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

    def _once_round(self) -> float:
        """All were sent that may be: from the oldest on again, after a pause if any waits."""
        self._after = 0
        if not self._has_waiting:
            return 0.0
        self._has_waiting = False
        self._waited += 1
        return min(LOOK_S, AGAIN_S * float(2 ** min(self._waited - 1, 6)))
