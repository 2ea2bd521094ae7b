"""Check digits of card and article numbers; nothing here corrects one."""

_CODE39 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"


def gs1_check_digit(body: str) -> str:
    """Give the check digit for digits without one (GS1 General Specifications, 7.9.1)."""
    total = sum(
        int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body))
    )
    return str(-total % 10)


def has_gs1_check(number: str) -> bool:
    """Tell whether the last digit is the GS1 check digit of the rest."""
    return is_digits(number) and len(number) > 1 and gs1_check_digit(number[:-1]) == number[-1]


def luhn_check_digit(body: str) -> str:
    """Give the Luhn check digit for digits without one (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def has_luhn_check(number: str) -> bool:
    """Tell whether the last digit is the Luhn digit of the rest."""
    return is_digits(number) and len(number) > 1 and luhn_check_digit(number[:-1]) == number[-1]


def code39_check_character(body: str) -> str:
    """Give Code 39's modulo-43 check character (ISO/IEC 16388, annex A), "" where none exists."""
    if not all(character in _CODE39 for character in body):
        return ""
    return _CODE39[sum(_CODE39.index(character) for character in body) % 43]


def is_code39(text: str) -> bool:
    """Tell whether Code 39 can carry the text without its full-ASCII extension."""
    return all(character in _CODE39 for character in text)


def is_digits(text: str) -> bool:
    """Tell whether a text is made of the ten ASCII digits alone."""
    return text.isascii() and text.isdigit()


def upc_e_to_upc_a(number: str) -> str | None:
    """Write an eight-digit UPC-E number out as UPC-A, or None where it is none.

    GS1 General Specifications, 5.2.2.4.2; the check digit is that of the UPC-A number.
    """
    if len(number) != 8 or not is_digits(number) or number[0] not in "01":
        return None
    system, body, check = number[0], number[1:7], number[7]
    last = body[5]
    if last in "012":
        middle = body[:2] + last + "0000" + body[2:5]
    elif last == "3":
        middle = body[:3] + "00000" + body[3:5]
    elif last == "4":
        middle = body[:4] + "00000" + body[4]
    else:
        middle = body[:5] + "0000" + last
    return system + middle + check
