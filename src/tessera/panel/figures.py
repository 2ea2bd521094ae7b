"""Amounts, counts and moments as people of a language write them.

Owns: the page's number and date formats. Must never: round; amounts are whole minor units.
"""

from dataclasses import dataclass
from datetime import datetime

from tessera.core.money import currency

NO_BREAK = "\N{NO-BREAK SPACE}"
THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"

_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "RUB": "₽", "JPY": "¥", "PLN": "zł", "CZK": "Kč"}
_CODE_LETTERS = 3


@dataclass(frozen=True, slots=True)
class _Habit:
    group: str
    point: str
    symbol_first: bool
    grouped_from: int = 4


# Unicode CLDR: numbers, "standard" currency pattern; Spanish groups from five digits on.
_HABITS = {
    "en": _Habit(",", ".", symbol_first=True),
    "de": _Habit(".", ",", symbol_first=False),
    "fr": _Habit(THIN, ",", symbol_first=False),
    "es": _Habit(".", ",", symbol_first=False, grouped_from=5),
    "ru": _Habit(NO_BREAK, ",", symbol_first=False),
}


def whole(count: int, language: str) -> str:
    """A whole number with the language's grouping and a real minus sign.

    >>> whole(-1204, "en"), whole(1204, "es")
    ('−1,204', '1204')
    """
    habit = _HABITS[language]
    digits = str(abs(count))
    if len(digits) >= habit.grouped_from:
        digits = f"{abs(count):,}".replace(",", habit.group)
    return f"{MINUS if count < 0 else ''}{digits}"


def money(amount_minor: int, code: str, language: str) -> str:
    """An amount of an ISO 4217 currency, with its symbol where that is well known.

    >>> money(123450, "EUR", "en"), money(500, "JPY", "en")
    ('€1,234.50', '¥500')
    """
    habit = _HABITS[language]
    digits = currency(code).digits
    major, minor = divmod(abs(amount_minor), 10**digits)
    figure = whole(major, language)
    if digits:
        figure += f"{habit.point}{minor:0{digits}}"
    symbol = _SYMBOLS.get(code, code)
    sign = MINUS if amount_minor < 0 else ""
    if not habit.symbol_first:
        return f"{sign}{figure}{NO_BREAK}{symbol}"
    gap = NO_BREAK if len(symbol) == _CODE_LETTERS else ""
    return f"{sign}{symbol}{gap}{figure}"


def clock(moment: datetime) -> str:
    """Hours and minutes; all five languages write them alike at a till."""
    return f"{moment:%H:%M}"


def percent(part: int, language: str) -> str:
    """A whole percentage; English sets no space before the sign."""
    return f"{part}%" if language == "en" else f"{part}{NO_BREAK}%"
