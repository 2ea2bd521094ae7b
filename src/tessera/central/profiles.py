"""The persons behind members who were enrolled at a till.

Owns: who may bring a profile (the register whose record began the member), and that what staff or
an earlier message wrote is never overwritten. Must never: log anything of it, or give a member who
is gone a person again.
"""

import json

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tessera.central import gate, refusals, rows
from tessera.central.bodies import SMALL_BODY_MAX, bounded_body, json_answer, read_as
from tessera.central.opening import Central
from tessera.central.worker import Worker
from tessera.core.identity import bucket_of
from tessera.core.profile import short_name
from tessera.core.sale import KIND_ENROLMENT
from tessera.store.central import feed, member_book, quarantine_book, sale_book
from tessera.store.central.image_rows import GONE as GONE_STATES
from tessera.store.central.member_book import Profile
from tessera.sync.profile_wire import ProfileMessage, ProfilesAnswer, ProfilesGiven, ProfileTaken
from tessera.sync.records import encoded
from tessera.sync.signing import REQUEST_HEADER

STORED, GONE, WAITING = "stored", "gone", "waiting"


def take_profile(tx: sa.Connection, message: ProfileMessage, register_id: str, base: int) -> str:
    """Write one profile, in the caller's transaction; what became of it.

    Only what is empty is filled, so a message that comes again changes nothing. `base` is added to
    the version that tills are told.
    """
    key = (bucket_of(message.member_id), message.member_id)
    outcome = sale_book.read_outcomes(tx, [(*key, message.uid)]).get((*key, message.uid))
    if outcome is None or outcome.state != sale_book.APPLIED:
        # Once somebody has dropped the record, there will be nobody whose person this is.
        return GONE if quarantine_book.is_dropped(tx, register_id, message.uid) else WAITING
    if outcome.register_id != register_id or outcome.kind != KIND_ENROLMENT:
        return GONE
    member = member_book.lock_members(tx, [key]).get(key)
    if member is None or member.status in GONE_STATES:
        return GONE
    known = member_book.read_profiles(tx, [key]).get(key, Profile())
    profile = Profile(
        display_name=known.display_name or short_name(message.name),
        language=known.language or message.language,
        birthday=known.birthday or message.birthday,
        full_name=known.full_name or message.name,
        phone=known.phone or message.phone,
        email=known.email or message.email,
        consents=known.consents or _consents(message),
    )
    if profile == known:
        return STORED
    changed = msgspec.structs.replace(member, version=member.version + 1)
    member_book.write_profiles(tx, {key: profile})
    member_book.write_members(tx, [changed])
    if changed.home_store:
        feed.append(tx, feed.MEMBERS, [rows.member_change(changed, profile, base)])
    return STORED


def _consents(message: ProfileMessage) -> str:
    """What was agreed to or refused, by purpose, when, and which text was shown."""
    given = {
        one.purpose: {"granted": one.granted, "text": one.text, "at_ms": message.given_ms}
        for one in message.consents
    }
    return encoded(given).decode() if given else ""


def consents_of(profile: Profile) -> dict[str, dict[str, object]]:
    """A profile's consents by purpose: granted, text, at_ms."""
    found: dict[str, dict[str, object]] = json.loads(profile.consents) if profile.consents else {}
    return found


class ProfileRoutes:
    """The route by which a register brings them."""

    def __init__(self, central: Central, worker: Worker) -> None:
        self._central = central
        self._worker = worker

    async def take(self, request: Request) -> Response:
        """Take profiles in; answered after the commit."""
        raw = await bounded_body(request, SMALL_BODY_MAX)
        given = read_as(raw, ProfilesGiven)
        if b"\\u0000" in raw:  # PostgreSQL's text cannot hold one, and no till sends one
            raise refusals.unreadable("a text holds a NUL character")
        answer = await run_in_threadpool(self._take, request, raw, given)
        self._worker.kick()
        return json_answer(answer)

    def _take(self, request: Request, raw: bytes, given: ProfilesGiven) -> ProfilesAnswer:
        central = self._central
        now_ms = central.now_ms()
        taken: list[ProfileTaken] = []
        with self._worker.turns.first():
            with central.engines.writer.begin() as tx:
                register, parts = gate.signer_of(
                    tx,
                    header=request.headers.get(REQUEST_HEADER, ""),
                    method=request.method,
                    target=request.url.path,
                    content=raw,
                    now_ms=now_ms,
                )
                gate.admit_once(tx, parts, now_ms=now_ms)
            base = central.state().version_base
            for message in given.profiles:
                # Each in a transaction of its own: they lie in buckets of their own.
                with central.engines.writer.begin() as tx:
                    state = take_profile(tx, message, register.register_id, base)
                taken.append(ProfileTaken(uid=message.uid, state=state))
        return ProfilesAnswer(taken=tuple(taken))
