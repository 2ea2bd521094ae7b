"""The persons behind members who were enrolled at a till: the one personal message to central.

Owns: shapes only. It is no record: nothing of it is hashed, chained or kept as it came.
Must never: decide anything.
"""

from typing import Annotated

import msgspec

from tessera.core.profile import CONSENTS_MAX, EMAIL_MAX, LANGUAGE_MAX, NAME_MAX, PHONE_MAX
from tessera.sync.wire import Count, Id, Message

PROFILES_MAX = 8
"""Most profiles in one request: with all fields full they fit into 64 KiB."""


class Consent(Message, frozen=True, kw_only=True):
    """What a member has agreed to or refused: one purpose, and which text was shown."""

    purpose: Id
    granted: bool
    text: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ProfileMessage(Message, frozen=True, kw_only=True):
    """The person behind a member whom this register has enrolled; the one personal message.

    `uid` is the record of the enrolment. `birthday` is MM-DD. It is no record: the till drops it
    once central has answered, and an erasure drops it anywhere.
    """

    uid: Id
    member_id: Id
    given_ms: Count
    name: Annotated[str, msgspec.Meta(max_length=NAME_MAX)] = ""
    phone: Annotated[str, msgspec.Meta(max_length=PHONE_MAX)] = ""
    email: Annotated[str, msgspec.Meta(max_length=EMAIL_MAX)] = ""
    birthday: Annotated[str, msgspec.Meta(pattern="^([0-9]{2}-[0-9]{2})?$")] = ""
    language: Annotated[str, msgspec.Meta(max_length=LANGUAGE_MAX)] = ""
    consents: Annotated[tuple[Consent, ...], msgspec.Meta(max_length=CONSENTS_MAX)] = ()


class ProfilesGiven(Message, frozen=True, kw_only=True):
    """Profiles on their way to central."""

    profiles: Annotated[
        tuple[ProfileMessage, ...], msgspec.Meta(min_length=1, max_length=PROFILES_MAX)
    ]


class ProfileTaken(Message, frozen=True, kw_only=True):
    """What became of a profile: stored, gone or waiting.

    Gone: the member is erased, merged, or none that this register enrolled, or staff has dropped
    the enrolment. Waiting: the enrolment
    is not booked yet, so it is to be sent again later.
    """

    uid: Id
    state: Id


class ProfilesAnswer(Message, frozen=True, kw_only=True):
    """Given after central's commit, one word for each profile."""

    taken: Annotated[tuple[ProfileTaken, ...], msgspec.Meta(max_length=PROFILES_MAX)]
