"""The person behind a member as they are taken down at a till: bounds, normal forms, short name.

Owns: what a name, an address, a birthday may be. None of it ever stands in a record.
Must never: keep anything.
"""

import re
import unicodedata
from datetime import date

NAME_MAX = 120
EMAIL_MAX = 254
"""RFC 5321, section 4.5.3.1.3: the longest path, without its brackets."""
PHONE_MAX = 32
LANGUAGE_MAX = 16
CONSENTS_MAX = 16
LEAP_YEAR = 2000

_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\\[\]]{1,253}\Z")
_BIRTHDAY = re.compile(r"(?:\d{4}-)?(\d{2})-(\d{2})\Z", re.ASCII)


def normal_name(name: str) -> str:
    """A name in NFC with single spaces. ValueError over 120 characters."""
    kept = " ".join(unicodedata.normalize("NFC", name).split())
    if len(kept) > NAME_MAX:
        raise ValueError(f"a name has {NAME_MAX} characters at most")
    return kept


def short_name(name: str) -> str:
    """What a till may show of a name: the first letters of its first and last word, "A. M."."""
    words = [word for word in normal_name(name).split() if word[0].isalnum()]
    shown = words[:1] + words[1:][-1:]
    return " ".join(f"{word[0].upper()}." for word in shown)


def normal_email(address: str) -> str:
    """An address with its domain in lower case. ValueError when it reads as none."""
    kept = unicodedata.normalize("NFC", address.strip())
    if len(kept) > EMAIL_MAX or not _EMAIL.match(kept):
        raise ValueError("the mail address does not read as one: name@example.org")
    local, _, domain = kept.rpartition("@")
    return f"{local}@{domain.lower()}"


def normal_birthday(day: str) -> str:
    """A birthday as MM-DD; a year that stands before it is dropped. ValueError for no such day."""
    found = _BIRTHDAY.match(day.strip())
    if found is None:
        raise ValueError("a birthday is month and day: 07-31")
    date(LEAP_YEAR, int(found[1]), int(found[2]))
    return f"{found[1]}-{found[2]}"
