"""The page's own words, one file a language.

Owns: loading a catalogue and filling in a sentence. Must never: hold a programme's texts.
"""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from tessera.panel import figures

LANGUAGES = ("en", "de", "fr", "es", "ru")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language: its sentences by dotted key, and how it writes figures."""

    language: str
    sentences: dict[str, str]

    def say(self, key: str, **names: str) -> str:
        """The sentence of a key with its names filled in; KeyError for an unknown key."""
        return self.sentences[key].format(**names)

    def whole(self, count: int) -> str:
        """A count with this language's grouping."""
        return figures.whole(count, self.language)

    def money(self, amount_minor: int, code: str) -> str:
        """An amount of money as this language writes it."""
        return figures.money(amount_minor, code, self.language)

    def percent(self, part: int) -> str:
        """A whole percentage."""
        return figures.percent(part, self.language)

    def when(self, moment: datetime, now: datetime) -> str:
        """A moment: the time alone on the day of `now`, with the day otherwise."""
        time = figures.clock(moment)
        if moment.date() == now.date():
            return time
        month = self.sentences["months"].split()[moment.month - 1]
        return self.say("day_and_time", day=str(moment.day), month=month, time=time)


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of one of LANGUAGES; KeyError for any other."""
    if language not in LANGUAGES:
        raise KeyError(language)
    content = tomllib.loads((files(__name__) / f"{language}.toml").read_text("utf-8"))
    sentences: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            sentences |= {f"{key}.{name}": text for name, text in value.items()}
        else:
            sentences[key] = value
    return Catalogue(language, sentences)


def best_language(wanted: str, fallback: str) -> str:
    """The language of a tag such as `de-AT` if the page speaks it, else `fallback`."""
    primary = wanted.split("-", maxsplit=1)[0].lower()
    return primary if primary in LANGUAGES else fallback
