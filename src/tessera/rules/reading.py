"""Reading single values out of a programme's tree, with a problem for everything that is off.

Owns: how numbers, money, rates, dates and names are written, and how a problem is worded and
placed. Must never: stop at the first mistake; a reader returns None (or a default) and goes on.
"""

import difflib
import re
from collections.abc import Collection
from datetime import date
from fractions import Fraction

from tessera.core.errors import Problem, Severity
from tessera.core.money import AMOUNT_MINOR_MAX, UNITS_MAX
from tessera.rules.model import Texts
from tessera.rules.yaml_nodes import Mapping, Node, Scalar, Sequence

LANGUAGES = ("en", "de", "fr", "es", "ru")
ID_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:-]{0,62}[A-Za-z0-9])?\Z")
TEXT_MAX = 500
LIST_TEXT_MAX = 20_000
PIECES_MAX = 10**9
"""Most pieces, entries or coupons that a number in a reward may stand for."""
DAYS_MAX = 36_500
"""Longest stretch of days in a reward: a day so far ahead can still be written down."""
PROBLEMS_MAX = 1_000
"""Most problems reported of one file."""

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TRUE = frozenset({"yes", "true", "on"})
_FALSE = frozenset({"no", "false", "off"})


class Reader:
    """The file that is being read, its currency, and the problems found so far."""

    __slots__ = ("digits", "file", "problems")

    def __init__(self, file: str) -> None:
        self.file = file
        self.digits = 2
        self.problems: list[Problem] = []

    def problem(self, node: Node, field: str, message: str, proposal: str = "") -> None:
        """Note a problem at a node."""
        self._note("error", node, field, message, proposal)

    def warning(self, node: Node, field: str, message: str, proposal: str = "") -> None:
        """Note something that is allowed, but probably not meant."""
        self._note("warning", node, field, message, proposal)

    def _note(
        self, severity: Severity, node: Node, field: str, message: str, proposal: str
    ) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(
                Problem(
                    file=self.file,
                    line=node.line,
                    column=node.column,
                    field=field,
                    message=message,
                    proposal=proposal,
                    severity=severity,
                )
            )

    # -- shapes

    def said(self, node: Node, field: str, example: str) -> bool:
        """Tell whether anything stands here; a problem when a key says nothing.

        A condition that is left empty would let everybody have everything.
        """
        if node.text.strip() if isinstance(node, Scalar) else _inside(node):
            return True
        self.problem(node, field, "nothing stands here", f"remove the key, or write {example}")
        return False

    def mapping(self, node: Node, field: str, known: Collection[str] | None = None) -> Mapping:
        """Give the node as a mapping whose keys are known; an empty one when it is none."""
        if not isinstance(node, Mapping):
            wanted = f"one of {', '.join(sorted(known))}" if known else "key: value"
            self.problem(node, field, "here stands no list of keys", f"write {wanted}")
            return Mapping({}, {}, node.line, node.column)
        if known is not None:
            for name, key in node.keys.items():
                if name not in known:
                    path = f"{field}.{name}" if field else name
                    self.problem(key, path, f"unknown key {name!r}", propose(name, known))
        return node

    def text(self, node: Node, field: str, longest: int = TEXT_MAX) -> str:
        """Give a text; "" with a problem when it is none."""
        if not isinstance(node, Scalar):
            message = "a single text is expected here"
            self.problem(node, field, message, "write one value, without brackets")
            return ""
        if _CONTROL.search(node.text):
            message = "the text holds a character that no receipt can print"
            self.problem(node, field, message, "type it again")
            return ""
        if len(node.text) > longest:
            message = f"a text of {len(node.text)} characters, at most {longest} are allowed"
            self.problem(node, field, message, "shorten it")
            return node.text[:longest]
        return node.text.strip()

    def words(self, node: Node, field: str) -> list[str]:
        """Give a list: a YAML list of texts, or one text with commas."""
        if isinstance(node, Sequence):
            return [word for item in node.items if (word := self.text(item, field))]
        if not isinstance(node, Scalar):
            self.problem(node, field, "a list is expected here", "write `a, b` or `[a, b]`")
            return []
        return self.split(node, field, self.text(node, field, longest=LIST_TEXT_MAX))

    def split(self, node: Node, field: str, text: str) -> list[str]:
        """Give the parts of a text with commas; marks around a part are taken for its own."""
        words = split_words(text)
        for word in words:
            if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'":
                message = f"{word[:40]} is taken with its quotation marks"
                self.warning(node, field, message, f"write {word[1:-1][:40]} without them")
        return words

    def identifier(self, node: Node, field: str) -> str:
        """Give an id: letters, digits and `- _ . :`, at most 64."""
        word = self.text(node, field)
        self.check_identifier(node, field, word)
        return word

    def check_identifier(self, node: Node, field: str, word: str) -> None:
        """Note a problem when the word can't be an id."""
        if not ID_PATTERN.match(word):
            better = re.sub(r"[^A-Za-z0-9_.:-]+", "-", word).strip("-.:_")[:64] or "my-offer"
            message = f"{word[:70]!r} can't be an id: letters, digits and - _ . : can, at most 64"
            self.problem(node, field, message, f"write {better}")

    # -- words with a meaning

    def choice(self, node: Node, field: str, known: Collection[str], default: str) -> str:
        """Give one of the known words."""
        word = self.text(node, field)
        if word in known:
            return word
        self.problem(node, field, f"{word!r} is not known here", propose(word, known))
        return default

    def yes(self, node: Node, field: str) -> bool:
        """Give yes or no."""
        word = self.text(node, field).lower()
        if word not in _TRUE and word not in _FALSE:
            self.problem(node, field, f"{word!r} is neither yes nor no", "write yes or no")
        return word in _TRUE

    def texts(self, node: Node, field: str) -> Texts:
        """Give a text for any language, or a mapping from language to text."""
        if not isinstance(node, Mapping):
            return (("", self.text(node, field)),)
        found = []
        for name, item in node.entries.items():
            if name not in LANGUAGES:
                message = f"{name!r} is no language that receipts are printed in"
                self.problem(node.keys[name], f"{field}.{name}", message, propose(name, LANGUAGES))
            found.append((name, self.text(item, f"{field}.{name}")))
        return tuple(found)

    # -- numbers

    def whole(self, node: Node, field: str, low: int = 0, high: int = UNITS_MAX) -> int:
        """Give a whole number within bounds; `low` when it is none."""
        return self.whole_of(node, field, self.text(node, field).replace("_", ""), low, high)

    def whole_of(self, node: Node, field: str, word: str, low: int, high: int) -> int:
        """Give a word as a whole number within bounds; `low` when it is none."""
        if not (word.isascii() and word.isdecimal() and len(word) < 20):
            message = f"{word[:40]!r} is no whole number"
            if re.fullmatch(r"-\d{1,18}", word, re.ASCII):
                message = f"{word} is outside {low} … {high}"
            self.problem(node, field, message, f"write {max(low, 1)}")
            return low
        if not low <= int(word) <= high:
            nearest = low if int(word) < low else high
            self.problem(node, field, f"{word} is outside {low} … {high}", f"write {nearest}")
            return low
        return int(word)

    def money(self, minor: int) -> str:
        """Write an amount as a programme does."""
        whole, part = divmod(minor, 10**self.digits)
        return f"{whole}.{part:0{self.digits}}" if self.digits else f"{whole}"

    def minor(self, node: Node, field: str) -> int:
        """Give an amount of money in minor units; 0 when it is none."""
        return self.minor_of(node, field, self.text(node, field))

    def minor_of(self, node: Node, field: str, word: str) -> int:
        """Give the minor units of an amount that is written as `word` in the node."""
        word = word.strip()
        if not _NUMBER.match(word):
            example = self.money(5 * 10**self.digits)
            self.problem(node, field, f"{word[:40]!r} is no amount of money", f"write {example}")
            return 0
        amount = Fraction(word) * 10**self.digits
        if amount.denominator != 1:
            message = f"{word} has more than the {self.digits} decimals of the currency"
            self.problem(node, field, message, f"write {self.money(int(amount))}")
            return 0
        if amount > AMOUNT_MINOR_MAX:
            message = f"{word} is above the largest amount that a till may hold"
            self.problem(node, field, message, f"write at most {self.money(AMOUNT_MINOR_MAX)}")
            return 0
        return int(amount)

    def ratio_of(self, node: Node, field: str, word: str, most: int = 10**12) -> tuple[int, int]:
        """Give an exact decimal as (numerator, denominator)."""
        word = word.strip()
        if not _NUMBER.match(word):
            self.problem(node, field, f"{word[:40]!r} is no number", "write 2 or 1.5")
            return (0, 1)
        number = Fraction(word)
        if number > most:
            self.problem(node, field, f"{word} is above {most}", f"write at most {most}")
            return (0, 1)
        return (number.numerator, number.denominator)

    def percent_of(self, node: Node, field: str, word: str) -> tuple[int, int]:
        """Give a percentage (written with or without its sign) as a fraction of one."""
        word = word.strip().removesuffix("%").strip()
        numerator, denominator = self.ratio_of(node, field, word)
        if numerator > 100 * denominator:
            self.problem(node, field, f"{word} % is more than everything", "write at most 100 %")
            return (1, 1)
        percent = Fraction(numerator, denominator * 100)
        return (percent.numerator, percent.denominator)

    def date_of(self, node: Node, field: str, word: str) -> date | None:
        """Give a date written as 2026-11-30."""
        try:
            return date.fromisoformat(word.strip())
        except ValueError:
            message = f"{word.strip()[:40]!r} is no date of the calendar"
            self.problem(node, field, message, "write 2026-11-30")
            return None


def _inside(node: Node) -> bool:
    return bool(node.items if isinstance(node, Sequence) else node.entries)  # type: ignore[union-attr]


def split_words(text: str) -> list[str]:
    """Give the parts of a text with commas."""
    return [word for part in text.split(",") if (word := part.strip())]


def propose(word: str, known: Collection[str]) -> str:
    """Say what was probably meant."""
    if not known:
        return ""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(sorted(known))}" if len(known) <= 24 else ""
