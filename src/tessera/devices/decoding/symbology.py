"""Which symbology a label names, and whether its content can be what the symbology carries.

Two questions, two steps: `read_label` takes the code id off by the profile's scheme, `accept`
checks the content. Check digits are always checked here and never trusted to the reader.

Sources: ISO/IEC 15424 (AIM identifiers); Zebra SP72 guide, "Symbol Code Identifiers"; Honeywell
3820 manual, appendix A; Datalogic PowerScan PD96, table 18 "Label ID Pre-loaded Sets"; NCR RealScan
user guide, "Label Identifiers".
"""

import re
from collections.abc import Callable
from dataclasses import replace

from tessera.devices.decoding.check_digits import (
    code39_check_character,
    has_gs1_check,
    is_code39,
    is_digits,
    upc_e_to_upc_a,
)
from tessera.devices.decoding.code_ids import CODE_IDS, aim_symbology
from tessera.devices.decoding.gs1 import digital_link_details, element_string_details, gtin14
from tessera.devices.decoding.label import Decoded, Label, LabelTrust, Refusal

_GS1_CARRIERS = frozenset({"gs1-128", "gs1-datamatrix", "gs1-qr", "gs1-databar", "gs1-aztec"})
_MAY_HOLD_LINK = frozenset({"qr", "datamatrix", "aztec"})
_ECI = re.compile(r"\\(\d{6})")
_CODABAR = re.compile(r"[A-DTNE*]?[0-9$:/.+-]+[A-DTNE*]?", re.IGNORECASE)


def read_label(body: bytes, scheme: str, *, aim: str = "", symbology: str = "") -> list[Decoded]:
    """Read one frame's text. `scheme` is the profile's: none, aim, or a maker's code letters.

    `aim` or `symbology` come from protocols that carry them beside the text, and then `scheme`
    plays no part.
    """
    text, encoding = _decode(body)
    problem = _illegal(text)
    if problem:
        return [problem]
    if symbology:
        label = Label(text=text, symbology=symbology, payload=text)
    elif aim:
        label = _by_aim(aim + text)
    elif scheme == "aim":
        label = _by_aim(text)
    elif scheme == "none":
        label = Label(text=text, symbology="unknown", payload=text, trust=LabelTrust.UNLABELLED)
    else:
        label = _by_code_id(text, scheme)
    decoded: list[Decoded] = [accept(label)]
    if encoding:
        decoded = [_with_detail(each, "encoding", encoding) for each in decoded]
        decoded.append(Refusal("not_utf8", "the text is no UTF-8 and was read as Latin-1"))
    return decoded


def accept(label: Label) -> Decoded:
    """Check a label's content against its symbology; a wrong check digit is a refusal."""
    if not label.payload:
        return Refusal("bad_length", f"an empty {label.symbology} code")
    check = _CHECKS.get(label.symbology)
    if check:
        return check(label)
    if label.symbology in _GS1_CARRIERS:
        return _accept_elements(label)
    if label.symbology == "unknown":
        label = replace(label, details=_guess(label.payload))
    elif label.symbology in _MAY_HOLD_LINK:
        label = _without_eci(label)
    else:
        return label
    return _accept_link(label)


def _decode(body: bytes) -> tuple[str, str]:
    try:
        return body.decode("utf-8"), ""
    except UnicodeDecodeError:
        return body.decode("latin-1"), "latin-1-fallback"


def _illegal(text: str) -> Refusal | None:
    allowed = "\t\x04\x1b\x1c\x1d\x1e\x1f"
    if any((ord(c) < 0x20 and c not in allowed) or 0x7F <= ord(c) < 0xA0 for c in text):
        return Refusal("illegal_byte", "a character arrived that no code contains")
    return None


def _by_aim(text: str) -> Label:
    if len(text) < 3 or text[0] != "]" or not text[:3].isascii():
        return Label(text=text, symbology="unknown", payload=text, trust=LabelTrust.MISSING)
    aim, payload = text[:3], text[3:]
    symbology = aim_symbology(aim)
    return Label(text=text, symbology=symbology, payload=payload, details={"aim": aim})


def _by_code_id(text: str, scheme: str) -> Label:
    if scheme == "ncr" and text.startswith("]"):
        return _by_aim(text)
    # The longest id first: Datalogic's FF is EAN-8 and F alone EAN-13.
    for width in (3, 2, 1):
        symbology = CODE_IDS[scheme].get(text[:width])
        if symbology and len(text) > width:
            return Label(text=text, symbology=symbology, payload=text[width:])
    return Label(text=text, symbology="unknown", payload=text, trust=LabelTrust.MISSING)


def _with_detail(decoded: Decoded, key: str, value: object) -> Decoded:
    if isinstance(decoded, Refusal):
        return decoded
    return replace(decoded, details={**decoded.details, key: value})


def _guess(text: str) -> dict[str, object]:
    """Guess the symbology of an unlabelled number from its length and check digit."""
    by_length = {8: "ean8", 12: "upca", 13: "ean13", 14: "gtin14"}
    name = by_length.get(len(text))
    if name and has_gs1_check(text):
        return {"guess": name, "gtin14": gtin14(text)}
    return {}


def _accept_gtin(label: Label, *lengths: int) -> Decoded:
    number = label.payload
    if not is_digits(number):
        return Refusal("illegal_character", f"{label.symbology} holds digits only")
    if len(number) not in lengths:
        return Refusal("bad_length", f"{len(number)} digits are no {label.symbology}")
    if not has_gs1_check(number):
        return Refusal("bad_check_digit", f"the check digit of the {label.symbology} is wrong")
    return replace(label, details={**label.details, "gtin14": gtin14(number)})


def _accept_ean13(label: Label) -> Decoded:
    if len(label.payload) == 12:
        # Some readers leave out UPC-A's leading zero.
        label = replace(label, symbology="upca")
    return _accept_gtin(label, 12, 13)


def _accept_ean13_supplement(label: Label) -> Decoded:
    number, supplement = label.payload[:13], label.payload[13:]
    if len(supplement) not in {2, 5} or not is_digits(supplement):
        return Refusal("bad_length", "an add-on has two or five digits")
    checked = accept(replace(label, symbology="ean13", payload=number))
    return _with_detail(checked, "supplement", supplement)


def _accept_upc_ean(label: Label) -> Decoded:
    """A maker's letter that stands for the whole UPC/EAN family: the length decides."""
    by_length = {8: "ean8", 12: "upca", 13: "ean13", 15: "ean13+", 18: "ean13+", 14: "itf"}
    if len(label.payload) == 8 and not has_gs1_check(label.payload):
        return accept(replace(label, symbology="upce"))
    name = by_length.get(len(label.payload))
    if name is None or name == "itf":
        return Refusal("bad_length", f"{len(label.payload)} digits are neither UPC nor EAN")
    return accept(replace(label, symbology=name))


def _accept_upce(label: Label) -> Decoded:
    if len(label.payload) in {12, 13}:
        return accept(replace(label, symbology="ean13"))
    if not is_digits(label.payload):
        return Refusal("illegal_character", "upce holds digits only")
    long_form = upc_e_to_upc_a(label.payload)
    if long_form is None:
        return Refusal("bad_length", f"{len(label.payload)} digits are no upce")
    if not has_gs1_check(long_form):
        return Refusal("bad_check_digit", "the check digit of the upce is wrong")
    return replace(label, details={**label.details, "gtin14": gtin14(long_form)})


def _accept_code39(label: Label) -> Decoded:
    modifier = str(label.details.get("aim", ""))[2:]
    # Modifiers 4, 5 and 7 say that the reader has expanded the full-ASCII pairs.
    if modifier not in {"4", "5", "7"} and not is_code39(label.payload):
        return Refusal("illegal_character", "a character that Code 39 does not have")
    if modifier not in {"1", "5"}:
        return label
    body, check = label.payload[:-1], label.payload[-1]
    expected = code39_check_character(body)
    if not body or check != expected:
        return Refusal("bad_check_digit", "the check character of the code39 is wrong")
    details = {**label.details, "check": f"mod43 {check} validated and removed"}
    return replace(label, payload=body, details=details)


def _accept_itf(label: Label) -> Decoded:
    number = label.payload
    if not is_digits(number):
        return Refusal("illegal_character", "itf holds digits only")
    modifier = str(label.details.get("aim", ""))[2:]
    if modifier == "1":
        if not has_gs1_check(number):
            return Refusal("bad_check_digit", "the check digit of the itf is wrong")
    elif modifier != "3" and len(number) % 2:
        return Refusal("bad_length", "itf holds pairs of digits")
    if len(number) == 14 and has_gs1_check(number):
        return replace(label, details={**label.details, "gtin14": number})
    return label


def _accept_isbn(label: Label) -> Decoded:
    if len(label.payload) == 13:
        return accept(replace(label, symbology="ean13"))
    return label


def _accept_codabar(label: Label) -> Decoded:
    if not _CODABAR.fullmatch(label.payload):
        return Refusal("illegal_character", "a character that Codabar does not have")
    return label


def _accept_elements(label: Label) -> Decoded:
    details = element_string_details(label.payload)
    if isinstance(details, Refusal):
        return details
    return replace(label, details={**label.details, **details})


def _without_eci(label: Label) -> Label:
    """Take the ECI escapes out that the AIM modifiers for "ECI protocol" announce."""
    if label.details.get("aim") not in {"]Q2", "]Q6", "]d4", "]d6"}:
        return label
    payload = _ECI.sub("", label.payload).replace("\\\\", "\\")
    return replace(label, payload=payload)


def _accept_link(label: Label) -> Decoded:
    details = digital_link_details(label.payload)
    if isinstance(details, Refusal):
        return details
    return replace(label, details={**label.details, **(details or {})})


_CHECKS: dict[str, Callable[[Label], Decoded]] = {
    "ean13": _accept_ean13,
    "ean13+": _accept_ean13_supplement,
    "ean8": lambda label: _accept_gtin(label, 8),
    "upca": lambda label: _accept_gtin(label, 12, 13),
    "upce": _accept_upce,
    "upc/ean": _accept_upc_ean,
    "code39": _accept_code39,
    "itf": _accept_itf,
    "isbn": _accept_isbn,
    "codabar": _accept_codabar,
}
