"""GS1 application identifiers: element strings in barcodes, and Digital Links in QR codes.

An element string is only looked for where the symbology says that there is one; a Code 128 without
FNC1 that begins with "98" holds no application identifier. Check digits are verified.

Sources: GS1 General Specifications, section 3.2 (identifiers) and 7.8 (processing); GS1 Digital
Link standard, URI syntax.
"""

import re
from functools import cache
from urllib.parse import parse_qsl, unquote, urlsplit

from tessera.devices.decoding.check_digits import has_gs1_check, is_digits
from tessera.devices.decoding.label import Refusal

GS = "\x1d"
_MAX_ELEMENTS = 40
_MAX_URL_CHARS = 2048

# Format of each identifier: N digits, X any characters, ".." up to. A star marks identifiers whose
# length is fixed by the standard's table, so that no separator follows (GS1 7.8.5).
_FORMATS: dict[str, str] = {
    "00": "N18*", "01": "N14*", "02": "N14*", "03": "N14*", "04": "N16*",
    **{str(ai): "N6*" for ai in range(11, 20)}, "20": "N2*",
    "10": "X..20", "21": "X..20", "22": "X..20", "235": "X..28",
    "240": "X..30", "241": "X..30", "242": "N..6", "243": "X..20",
    "250": "X..30", "251": "X..30", "253": "N13X..17", "254": "X..20", "255": "N13N..12",
    "30": "N..8", "37": "N..8",
    **{str(ai): "N6*" for ai in range(310, 370)},
    "390": "N..15", "391": "N3N..15", "392": "N..15", "393": "N3N..15", "394": "N4", "395": "N6",
    "400": "X..30", "401": "X..30", "402": "N17", "403": "X..30",
    **{str(ai): "N13*" for ai in range(410, 418)},
    "420": "X..20", "421": "N3X..9", "422": "N3", "423": "N3N..12", "424": "N3", "425": "N3N..12",
    "426": "N3", "427": "X..3",
    "710": "X..20", "711": "X..20", "712": "X..20", "713": "X..20", "714": "X..20", "715": "X..20",
    "7001": "N13", "7002": "X..30", "7003": "N10", "7004": "N..4", "7005": "X..12", "7006": "N6",
    "7007": "N6N..6", "7008": "X..3", "7009": "X..10", "7010": "X..2", "7020": "X..20",
    "7021": "X..20", "7022": "X..20", "7023": "X..30",
    "8001": "N14", "8002": "X..20", "8003": "N14X..16", "8004": "X..30", "8005": "N6",
    "8006": "N18", "8007": "X..34", "8008": "N8N..4", "8009": "X..50", "8010": "X..30",
    "8011": "N..12", "8012": "X..20", "8013": "X..25", "8017": "N18", "8018": "N18",
    "8019": "N..10", "8020": "X..25", "8026": "N18", "8110": "X..70", "8111": "N4",
    "8112": "X..70", "8200": "X..70",
    "90": "X..30", **{str(ai): "X..90" for ai in range(91, 100)},
}  # fmt: skip
# A fourth digit follows these and says where the decimal point stands.
_WITH_DECIMAL = frozenset(str(ai) for ai in (*range(310, 370), *range(390, 396)))

# How many of the leading digits carry a check digit as their last.
_CHECKED_DIGITS = {
    "00": 18, "01": 14, "02": 14, "03": 14, "253": 13, "255": 13, "402": 17, "8003": 14,
    "8006": 14, "8017": 18, "8018": 18, "8026": 14,
    **{str(ai): 13 for ai in range(410, 418)},
}  # fmt: skip

_LINK_KEYS = frozenset(
    {"00", "01", "253", "255", "401", "402", "414", "417", "8002", "8003", "8004", "8006", "8010",
     "8013", "8017", "8018"}
)  # fmt: skip
_CHARACTERS = r"[!-~]"


def gtin14(number: str) -> str:
    """Write an EAN-8, UPC-A, EAN-13 or GTIN-14 as fourteen digits."""
    return number.zfill(14)


def element_string_details(payload: str) -> dict[str, object] | Refusal:
    """Read an element string; gives `ai` and, where there is one, `gtin14`."""
    found: dict[str, str] = {}
    rest = payload
    for _ in range(_MAX_ELEMENTS):
        rest = rest.removeprefix(GS)
        if not rest:
            return _details(found)
        ai = _identifier_at(rest)
        if ai is None:
            # The standard grows; what follows an unknown identifier cannot be read.
            return {**_details(found), "unread": "unknown_ai"} if not found else _unreadable()
        value_and_rest = rest[len(ai) :]
        pattern, fixed = _pattern(ai)
        match = pattern.match(value_and_rest)
        if not match:
            return Refusal("bad_gs1", f"the content of application identifier {ai} is malformed")
        value, rest = match.group(), value_and_rest[match.end() :]
        if not fixed and rest and not rest.startswith(GS):
            return Refusal("bad_gs1", f"application identifier {ai} is too long")
        problem = _keep(found, ai, value)
        if problem:
            return problem
    return Refusal("bad_gs1", f"more than {_MAX_ELEMENTS} application identifiers")


def digital_link_details(text: str) -> dict[str, object] | Refusal | None:
    """Read a GS1 Digital Link; None where the text is none."""
    if not text[:8].lower().startswith(("http://", "https://")) or len(text) > _MAX_URL_CHARS:
        return None
    try:
        parts = urlsplit(text)
        query = parse_qsl(parts.query, max_num_fields=_MAX_ELEMENTS)
    except ValueError:
        return None
    segments = [unquote(segment) for segment in parts.path.split("/")]
    start = next((at for at, word in enumerate(segments[:-1]) if word in _LINK_KEYS), None)
    if not parts.netloc or start is None:
        return None
    pairs = list(zip(segments[start::2], segments[start + 1 :: 2], strict=False))
    pairs += [(key, value) for key, value in query if is_digits(key)]
    found: dict[str, str] = {}
    for ai, written in pairs[:_MAX_ELEMENTS]:
        value = gtin14(written) if ai == "01" and is_digits(written) else written
        if _identifier_at(ai) != ai or not _pattern(ai)[0].fullmatch(value):
            return Refusal("bad_gs1", f"the link's application identifier {ai[:8]} is malformed")
        problem = _keep(found, ai, value)
        if problem:
            return problem
    return {**_details(found), "carrier": "digital-link"}


def _details(found: dict[str, str]) -> dict[str, object]:
    details: dict[str, object] = {"ai": dict(found)} if found else {}
    if "01" in found:
        details["gtin14"] = found["01"]
    return details


def _unreadable() -> Refusal:
    return Refusal("bad_gs1", "what follows the last element is no application identifier")


def _keep(found: dict[str, str], ai: str, value: str) -> Refusal | None:
    digits = _CHECKED_DIGITS.get(ai)
    if digits and not has_gs1_check(value[:digits]):
        return Refusal(
            "bad_check_digit", f"the check digit in application identifier {ai} is wrong"
        )
    if found.setdefault(ai, value) != value:
        return Refusal("bad_gs1", f"application identifier {ai} stands there twice")
    return None


def _identifier_at(text: str) -> str | None:
    for width in (2, 3, 4):
        ai = text[:width]
        if len(ai) == width and ai in _FORMATS:
            if ai not in _WITH_DECIMAL:
                return ai
            return text[:4] if is_digits(text[:4]) and len(text) >= 4 else None
    return None


@cache
def _pattern(ai: str) -> tuple[re.Pattern[str], bool]:
    """Give the pattern of an identifier's content, and whether its length is predefined."""
    spec = _FORMATS.get(ai) or _FORMATS[ai[:3]]
    fixed = spec.endswith("*")
    regex = ""
    for kind, up_to, length in re.findall(r"([NX])(\.\.)?(\d+)", spec):
        characters = "[0-9]" if kind == "N" else _CHARACTERS
        # A second part is an optional serial number.
        least = "0" if regex else "1"
        regex += f"{characters}{{{least},{length}}}" if up_to else f"{characters}{{{length}}}"
    return re.compile(regex), fixed
