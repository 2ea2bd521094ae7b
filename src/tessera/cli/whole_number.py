"""Whole numbers among a command's words.

Owns: the bounds of each. Must never: change a number to make it fit.
"""

import argparse
from collections.abc import Callable

_DIGITS_MAX = 18


def whole(least: int, most: int) -> Callable[[str], int]:
    """Give what argparse reads a whole number from `least` to `most` with."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
        if not is_number or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text[:40]!r} is no whole number from {least} to {most}"
            )
        return int(text)

    return read
