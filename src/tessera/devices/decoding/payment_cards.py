"""Recognising payment card numbers, so that they can be dropped.

Nothing that looks like one may reach an event, a capture, a log or a file. The test is length,
issuer range and Luhn digit (ISO/IEC 7812-1); on a magnetic stripe a number of the right length in a
payment network's range is treated as a payment card even when a digit was misread.
"""

import re

from tessera.devices.decoding.check_digits import has_luhn_check

# First digits as (lowest, highest) of equal length, and the lengths in use.
_NETWORKS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 18, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),  # American Express
    ("300", "305", frozenset({14, 16, 17, 18, 19})),  # Diners Club
    ("3095", "3095", frozenset({14, 16, 17, 18, 19})),  # Diners Club
    ("36", "36", frozenset({14, 16, 17, 18, 19})),  # Diners Club
    ("38", "39", frozenset({14, 16, 17, 18, 19})),  # Diners Club
    ("3528", "3589", frozenset({16, 17, 18, 19})),  # JCB
    ("6011", "6011", frozenset({16, 17, 18, 19})),  # Discover
    ("644", "659", frozenset({16, 17, 18, 19})),  # Discover, RuPay
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("81", "82", frozenset({16, 17, 18, 19})),  # UnionPay, RuPay
    ("2200", "2204", frozenset({16, 17, 18, 19})),  # Mir
    ("9792", "9792", frozenset({16})),  # Troy
    ("50", "50", frozenset(range(12, 20))),  # Maestro, Elo, Verve
    ("56", "69", frozenset(range(12, 20))),  # Maestro
)

# Digits as printed on cards and typed by people: single blanks or hyphens may stand between them.
_DIGIT_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){11,}")
_LONG_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){8,}")


def in_payment_range(number: str) -> bool:
    """Tell whether a number has the first digits and the length of a payment network."""
    return any(
        len(number) in lengths and low <= number[: len(low)] <= high
        for low, high, lengths in _NETWORKS
    )


def is_payment_card(number: str) -> bool:
    """Tell whether a number is a payment card's: issuer range, length and Luhn digit."""
    return in_payment_range(number) and has_luhn_check(number)


def payment_card_run(text: str) -> bool:
    """Tell whether a run of digits in a text is, as a whole, a payment card number.

    Right behind a letter up to two digits may belong to a code id (`]C0`, `B1`, `P01`) that the
    reader sends though its profile does not expect one.
    """
    for run in _DIGIT_RUN.finditer(text):
        digits = _digits(run.group())
        after_letter = run.start() > 0 and text[run.start() - 1].isalpha()
        if any(is_payment_card(digits[skip:]) for skip in range(3 if after_letter else 1)):
            return True
    return False


def holds_payment_card(text: str) -> bool:
    """Tell whether a payment card number may stand anywhere in damaged bytes.

    Every part of a longer run of digits counts, since damage may have glued more on; this is for
    deciding what is kept of an error, where too careful costs nothing.
    """
    for run in _DIGIT_RUN.finditer(text):
        digits = _digits(run.group())
        for start in range(len(digits) - 11):
            for length in range(12, min(19, len(digits) - start) + 1):
                if is_payment_card(digits[start : start + length]):
                    return True
    return False


def may_hold_part_of_card(text: str) -> bool:
    """Tell whether a cut-off text may hold more of a payment card than its first eight digits."""
    return any(_begins_like_card(_digits(run.group())) for run in _LONG_RUN.finditer(text))


def _begins_like_card(digits: str) -> bool:
    return any(low <= digits[: len(low)] <= high for low, high, _ in _NETWORKS)


def _digits(run: str) -> str:
    return run.replace(" ", "").replace("-", "")


def range_overlaps_network(prefix: str) -> str | None:
    """Give the network range that a card format's issuer prefix would swallow, or None.

    A prefix of six digits or more names one issuer and is taken at the shop's word; a shorter one
    inside a payment network would let payment cards through.
    """
    if len(prefix) >= 6:
        return None
    for low, high, _ in _NETWORKS:
        width = min(len(low), len(prefix))
        if low[:width] <= prefix[:width] <= high[:width]:
            return low if low == high else f"{low}-{high}"
    return None
