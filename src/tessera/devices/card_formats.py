"""The shop's rules for what a scanned number is: `config/cards.toml`.

Which numbers are member cards, coupons or receipts is the shop's knowledge and not a reader's, so
none of it is in code. Formats are tried in the order of the file, first match wins; formats marked
`last_resort` come after payment cards were refused and goods were recognised. Pure: the text of the
file comes in as an argument.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tessera.core.errors import Problem
from tessera.core.settings_schema import setting
from tessera.core.settings_text import parse_settings
from tessera.devices.decoding.check_digits import has_gs1_check, has_luhn_check
from tessera.devices.decoding.label import Label, LabelTrust, Refusal
from tessera.devices.decoding.payment_cards import (
    in_payment_range,
    is_payment_card,
    payment_card_run,
    range_overlaps_network,
)
from tessera.devices.events import ScanKind

_GTIN_SYMBOLOGIES = frozenset({"ean13", "ean13+", "ean8", "upca", "upce", "isbn"})
_GTIN_LENGTHS = frozenset({8, 12, 13, 14})
_STRIPE = frozenset({"msr", "msr-t1", "msr-t2", "msr-t3"})
# Their numbers are the chip's own and never a payment card's.
_CHIP_SYMBOLOGIES = ("em4100", "iso14443a-uid", "wiegand")
_FIELD = re.compile(r"(?P<name>[a-z_]+):(?P<first>\d{1,2})-(?P<last>\d{1,2})")

_CHARACTERS = {
    "digits": re.compile(r"[0-9]+"),
    "hex": re.compile(r"[0-9A-F]+"),
    "capitals": re.compile(r"[0-9A-Z]+"),
    "alphanumeric": re.compile(r"[0-9A-Za-z]+"),
    "printable": re.compile(r"[ -~]+"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFormat:
    """One rule. All that is given must hold: symbology, identifier, prefix, length, characters.

    A number that fits in all but its check digit is refused, not passed on to the next rule.
    """

    name: str = setting("names the format in events and reports", least=1, most=60)
    kind: ScanKind = setting("what a match is")
    symbologies: tuple[str, ...] = setting(
        "the codes that may carry it, such as ean13, code128, qr, msr-t2, em4100, unknown", least=1
    )
    ai: str = setting("the GS1 application identifier whose content is the number", default="")
    carrier: Literal["any", "element-string", "digital-link"] = setting(
        "how the application identifier is written", default="any"
    )
    prefixes: tuple[str, ...] = setting("the number begins with one of these", default=())
    lengths: tuple[int, ...] = setting("allowed lengths of the whole number", default=())
    characters: Literal["digits", "hex", "capitals", "alphanumeric", "printable"] = setting(
        "the characters it is made of", default="digits"
    )
    check: Literal["none", "gs1", "luhn"] = setting(
        "the check digit at its end: gs1 (EAN, GSRN) or luhn (ISO 7812)", default="none"
    )
    skip: int = setting(
        "leading characters that are no part of the card number", default=0, least=0, most=40
    )
    fields: tuple[str, ...] = setting(
        "parts of the number with a meaning, as name:first-last from 1", default=()
    )
    last_resort: bool = setting(
        "try this only when nothing else fits",
        default=False,
        danger="every stray code of this shape is then taken for a card",
    )

    def __post_init__(self) -> None:
        """Refuse what can never match or would let payment cards through."""
        for field in self.fields:
            part = _FIELD.fullmatch(field)
            if not part or not 1 <= int(part["first"]) <= int(part["last"]):
                raise ValueError(f"field '{field}' is not name:first-last")
        if self.lengths and self.skip >= min(self.lengths):
            raise ValueError(f"skip = {self.skip} leaves nothing of the number")
        for prefix in self.prefixes:
            if self.lengths and len(prefix) > min(self.lengths):
                raise ValueError(f"prefix '{prefix}' is longer than the number")
            network = range_overlaps_network(prefix)
            if _STRIPE & set(self.symbologies) and self.may_be_payment(prefix) and network:
                raise ValueError(
                    f"prefix '{prefix}' would take payment cards ({network}…) for member cards;"
                    " give six digits or more, or lengths that payment cards do not have"
                )

    def may_be_payment(self, prefix: str) -> bool:
        """Tell whether a number of this format could be in a payment network's range."""
        lengths = self.lengths or (16,)
        return any(in_payment_range(prefix.ljust(length, "0")) for length in lengths if length > 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFormats:
    """All formats of a shop, in the order in which they are tried."""

    format: tuple[CardFormat, ...] = setting("one rule a table", default=())

    def __post_init__(self) -> None:
        """Refuse two formats of one name."""
        names = [each.name for each in self.format]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two formats are called '{name}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """What a label is to the shop."""

    kind: ScanKind
    card_id: str | None = None
    card_format: str | None = None
    details: Mapping[str, object]
    warnings: tuple[str, ...] = ()


def parse_card_formats(text: str, *, file: str) -> tuple[CardFormats | None, list[Problem]]:
    """Check the text of a card-format file; give the formats, or None and what is wrong."""
    return parse_settings(text, file=file, schema=CardFormats)


def classify(label: Label, formats: Sequence[CardFormat]) -> Classified | Refusal:
    """Say what a label is; a payment card and a wrong check digit are refusals."""
    for each in formats:
        if not each.last_resort:
            outcome = _match(label, each)
            if outcome is not None:
                return outcome
    if _is_goods(label):
        return Classified(
            kind=ScanKind.PRODUCT, details=label.details, warnings=_trust_warnings(label)
        )
    refusal = _payment_refusal(label)
    if refusal:
        return refusal
    if not _is_damaged_gtin(label):
        for each in formats:
            if each.last_resort and label.trust is not LabelTrust.MISSING:
                outcome = _match(label, each)
                if outcome is not None:
                    return outcome
    return _unknown(label)


def _match(label: Label, rule: CardFormat) -> Classified | Refusal | None:
    if _symbology(label) not in rule.symbologies:
        return None
    number = _number(label, rule)
    if not number or not _fits(number, rule):
        return None
    checks = {"none": lambda _: True, "gs1": has_gs1_check, "luhn": has_luhn_check}
    if not checks[rule.check](number):
        message = f"the check digit of the {rule.name} is wrong"
        return Refusal("bad_check_digit", message, keep_raw=not is_stripe(label))
    details = {**label.details, **_fields(number, rule)}
    identifies = rule.kind in {ScanKind.MEMBER_CARD, ScanKind.STAFF_CARD}
    return Classified(
        kind=rule.kind,
        card_id=number[rule.skip :] if identifies else None,
        card_format=rule.name,
        details=details,
        warnings=_trust_warnings(label),
    )


def _symbology(label: Label) -> str:
    """Give the symbology, or for an unlabelled number the one that its check digit suggests."""
    guess = label.details.get("guess")
    return guess if isinstance(guess, str) else label.symbology


def _number(label: Label, rule: CardFormat) -> str:
    if not rule.ai:
        # What stands in a link is the link's own, whatever the text looks like.
        return label.number or label.payload
    found = label.details.get("ai")
    carrier = label.details.get("carrier", "element-string")
    if not isinstance(found, dict) or rule.carrier not in {"any", carrier}:
        return ""
    return str(found.get(rule.ai, ""))


def _fits(number: str, rule: CardFormat) -> bool:
    if rule.lengths and len(number) not in rule.lengths:
        return False
    if rule.prefixes and not number.startswith(rule.prefixes):
        return False
    return bool(_CHARACTERS[rule.characters].fullmatch(number))


def _fields(number: str, rule: CardFormat) -> dict[str, object]:
    parts: dict[str, object] = {}
    for field in rule.fields:
        part = _FIELD.fullmatch(field)
        assert part, field
        text = number[int(part["first"]) - 1 : int(part["last"])]
        amount = part["name"].endswith(("_minor", "_count"))
        parts[part["name"]] = int(text) if amount and text.isdigit() else text
    return parts


def _is_goods(label: Label) -> bool:
    found = label.details.get("ai")
    return _symbology(label) in _GTIN_SYMBOLOGIES or (
        "gtin14" in label.details and (label.symbology == "itf" or isinstance(found, dict))
    )


def is_stripe(label: Label) -> bool:
    """Tell whether a label came off a magnetic stripe."""
    return label.symbology in _STRIPE


def _payment_refusal(label: Label) -> Refusal | None:
    if label.symbology.startswith(_CHIP_SYMBOLOGIES) or "ai" in label.details:
        return None
    number = label.number or label.payload
    if is_stripe(label):
        if is_payment_card(number):
            return Refusal("payment_card", "a payment card was swiped and dropped", keep_raw=False)
        if in_payment_range(number):
            return Refusal("bad_check_digit", "a misread number was dropped", keep_raw=False)
    elif payment_card_run(label.payload) and not _may_be_misread_article(number):
        return Refusal("payment_card", "a payment card number was dropped", keep_raw=False)
    return None


def _may_be_misread_article(number: str) -> bool:
    """Tell whether a number off a barcode has the length of an UPC or EAN.

    Payment cards of twelve or thirteen digits went out of use; misread EANs that begin with 4 or 5
    have not, and one in ten of them passes the Luhn test.
    """
    return number.isdigit() and len(number) in {12, 13}


def _is_damaged_gtin(label: Label) -> bool:
    """Tell whether a number has an article number's length and no valid check digit.

    Without a code id it may be a misread article; it is never taken for somebody's card.
    """
    number = label.number or label.payload
    return number.isdigit() and len(number) in _GTIN_LENGTHS and not is_stripe(label)


def _trust_warnings(label: Label) -> tuple[str, ...]:
    missing = label.trust is LabelTrust.MISSING and not label.warnings
    return ("code_id_missing",) if missing else ()


def _unknown(label: Label) -> Classified:
    warnings = list(_trust_warnings(label))
    if label.symbology == "unknown" and _is_damaged_gtin(label):
        warnings.append("check_digit")
    if not label.payload.isascii() and label.symbology == "unknown":
        warnings.append("layout?")
    return Classified(kind=ScanKind.UNKNOWN, details=label.details, warnings=tuple(warnings))
