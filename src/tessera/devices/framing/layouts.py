"""Keyboard layouts: which character a key means, by the country that the *scanner* is set to.

A scanner that acts as a keyboard sends key numbers, not characters. Read from the device itself the
host's own layout plays no part; what counts is the country for which the scanner was programmed.
The tables list the keys of Linux's `input-event-codes.h` in four rows, without, with Shift, and
with AltGr where a scanner needs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from tessera.core.errors import TesseraError

KEY_TAB, KEY_ENTER, KEY_KEYPAD_ENTER = 15, 28, 96
KEY_CAPS_LOCK, KEY_NUM_LOCK = 58, 69
SHIFT_KEYS = frozenset({42, 54})
CTRL_KEYS = frozenset({29, 97})
KEY_ALT, KEY_ALTGR = 56, 100
QUIET_KEYS = frozenset({KEY_NUM_LOCK, 125, 126})

# The keys that carry characters, in reading order: digits, upper, home, lower row, then the three
# that wander between layouts (left of 1; left of Enter or above it; between Shift and Z).
_KEYS = tuple(chain(range(2, 14), range(16, 28), range(30, 41), range(44, 54), (41, 43, 86, 57)))

_KEYPAD = {71: "7", 72: "8", 73: "9", 75: "4", 76: "5", 77: "6", 79: "1", 80: "2", 81: "3", 82: "0"}
_KEYPAD_SIGNS = {83: ".", 55: "*", 74: "-", 78: "+", 98: "/"}
KEYPAD_DIGITS: Mapping[int, str] = _KEYPAD

Keys = dict[int, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The characters of one country's keyboard by key number."""

    name: str
    plain: Keys
    shifted: Keys
    altgr: Keys

    def character(self, key: int, *, shift: bool, altgr: bool) -> str | None:
        """Give the character of a key, or None where the key carries none."""
        if altgr:
            return self.altgr.get(key)
        return (self.shifted if shift else self.plain).get(key)

    def strokes(self, text: str) -> list[tuple[int, int]]:
        """Give the keys, as (key number, 1 pressed or 0 released), that type a text and Enter.

        TesseraError where this keyboard has no key for a character.
        """
        pressed: list[tuple[int, int]] = []
        for character in text:
            key, modifier = self._stroke(character)
            held = [modifier] if modifier else []
            pressed += [(each, 1) for each in (*held, key)]
            pressed += [(each, 0) for each in (key, *held)]
        return [*pressed, (KEY_ENTER, 1), (KEY_ENTER, 0)]

    def _stroke(self, character: str) -> tuple[int, int]:
        for keys, modifier in ((self.plain, 0), (self.shifted, 42), (self.altgr, KEY_ALTGR)):
            for key, meaning in keys.items():
                if meaning == character and key not in _KEYPAD and key not in _KEYPAD_SIGNS:
                    return key, modifier
        raise TesseraError(
            f"the keyboard '{self.name}' has no key for {character!r}",
            hint="choose the layout that the other program expects",
        )


def _rows(*rows: str) -> Keys:
    text = "".join(rows) + " "
    assert len(text) == len(_KEYS), rows
    return dict(zip(_KEYS, text, strict=True)) | _KEYPAD | _KEYPAD_SIGNS


def _layout(name: str, plain: tuple[str, ...], shifted: tuple[str, ...], altgr: str) -> Layout:
    """`altgr` pairs a plain character with what AltGr makes of it: "q@e€"."""
    plain_keys = _rows(*plain)
    key_of = {character: key for key, character in plain_keys.items() if key not in _KEYPAD}
    pairs = zip(altgr[::2], altgr[1::2], strict=True)
    altgr_keys = {key_of[base]: character for base, character in pairs}
    return Layout(name, plain_keys, _rows(*shifted), altgr_keys)


LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout
    for layout in (
        _layout(
            "us",
            ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "`\\<"),
            ("!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"', "ZXCVBNM<>?", "~|>"),
            "",
        ),
        _layout(
            "uk",
            ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "`#\\"),
            ('!"£$%^&*()_+', "QWERTYUIOP{}", "ASDFGHJKL:@", "ZXCVBNM<>?", "¬~|"),
            "4€",
        ),
        _layout(
            "de",
            ("1234567890ß´", "qwertzuiopü+", "asdfghjklöä", "yxcvbnm,.-", "^#<"),
            ('!"§$%&/()=?`', "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ", "YXCVBNM;:_", "°'>"),
            "7{8[9]0}ß\\q@e€+~<|mµ2²3³",
        ),
        _layout(
            "fr",
            ("&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù", "wxcvbn,;:!", "²*<"),
            ("1234567890°+", "AZERTYUIOP¨£", "QSDFGHJKLM%", "WXCVBN?./§", "~µ>"),
            "é~\"#'{([-|è`_\\ç^à@)]=}e€",
        ),
        _layout(
            "es",
            ("1234567890'¡", "qwertyuiop`+", "asdfghjklñ´", "zxcvbnm,.-", "ºç<"),
            ('!"·$%&/()=?¿', "QWERTYUIOP^*", "ASDFGHJKLÑ¨", "ZXCVBNM;:_", "ªÇ>"),
            "1|2@3#4~6¬`[+]´{ç}º\\e€",
        ),
        _layout(
            "it",
            ("1234567890'ì", "qwertyuiopè+", "asdfghjklòà", "zxcvbnm,.-", "\\ù<"),
            ('!"£$%&/()=?^', "QWERTYUIOPé*", "ASDFGHJKLç°", "ZXCVBNM;:_", "|§>"),
            "è[+]ò@à#e€",
        ),
        _layout(
            "ru",
            ("1234567890-=", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю.", "ё\\/"),
            ('!"№;%:?*()_+', "ЙЦУКЕНГШЩЗХЪ", "ФЫВАПРОЛДЖЭ", "ЯЧСМИТЬБЮ,", "Ё/|"),
            "",
        ),
    )
}
