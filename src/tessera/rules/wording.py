"""Messages put into words: English, German, French, Spanish, Russian.

Owns: the sentences of quotes and how money is written in each language. Must never: be asked while
a quote is computed; quotes hold keys and numbers only.
"""

from collections.abc import Sequence

from tessera.core.money import currency as currency_of
from tessera.core.quote import Message, Quote
from tessera.rules.phrases import PHRASES

_COMMA = frozenset({"de", "fr", "es", "ru"})


def money(minor: int, language: str, code: str) -> str:
    """Write an amount: 3.50 in English, 3,50 in the other languages; a real minus sign never."""
    digits = currency_of(code).digits
    sign, magnitude = ("-", -minor) if minor < 0 else ("", minor)
    if not digits:
        return f"{sign}{magnitude}"
    whole, part = divmod(magnitude, 10**digits)
    point = "," if language in _COMMA else "."
    return f"{sign}{whole}{point}{part:0{digits}}"


def say(message: Message, language: str, currency: str) -> str:
    """Put a message into words.

    An unknown language speaks English. An unknown key is shown as it is, so that a till that is
    older than its programme still says something.
    """
    values: dict[str, str] = {}
    for name, value in message.arguments:
        base, dot, tongue = name.partition(".")
        if dot:
            if tongue == language:
                values[base] = str(value)
        elif name.endswith("_minor") and isinstance(value, int):
            values[name] = money(value, language, currency)
        else:
            values[name] = str(value)
    catalogue = PHRASES.get(language, PHRASES["en"])
    phrase = catalogue.get(message.key) or PHRASES["en"].get(message.key)
    if phrase is None:
        return " ".join([message.key, *values.values()])
    for name, text in values.items():
        phrase = phrase.replace("{" + name + "}", text)
    return phrase


def receipt_texts(quote: Quote, language: str, *, drawn: Sequence[Message] = ()) -> list[str]:
    """Give the receipt's lines, each with its amount at the end where it has one.

    `drawn`: what instant wins gave, once they are drawn, in place of the words that promise them.
    """
    found = []
    for line in quote.receipt:
        if drawn and line.text.key == "receipt.issued.win":
            continue
        text = say(line.text, language, quote.currency)
        if line.amount_minor is not None:
            text = f"{text}   {money(line.amount_minor, language, quote.currency)}"
        found.append(text)
    return found + [say(message, language, quote.currency) for message in drawn]
