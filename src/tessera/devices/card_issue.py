"""New card numbers by a format of the shop: right length, right check digit, never one twice.

Pure: chance comes in as an argument. Numbers are drawn at random over the whole range that the
format leaves, so that one card does not tell the next; counting up is for formats that need it.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from tessera.core.errors import TesseraError
from tessera.devices.card_formats import CardFormat
from tessera.devices.decoding.check_digits import gs1_check_digit, luhn_check_digit

COUNT_MAX = 1_000_000
# A number is "unguessable" when a random guess hits an issued card less often than this.
_GUESS_ODDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCard:
    """A new card: the number that the reader's payload gives, and what is printed as a code."""

    card_id: str
    payload: str
    symbology: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePlan:
    """How to number: the format, a prefix within it, the whole length, the code to print."""

    rule: CardFormat
    prefix: str
    length: int
    symbology: str
    link: str = ""

    @property
    def free_digits(self) -> int:
        """How many digits are left to choose."""
        return self.length - len(self.prefix) - (0 if self.rule.check == "none" else 1)

    def number(self, chosen: int) -> str:
        """Give the whole number with its check digit."""
        body = f"{self.prefix}{chosen:0{self.free_digits}d}"
        if self.rule.check == "gs1":
            return body + gs1_check_digit(body)
        return body + luhn_check_digit(body) if self.rule.check == "luhn" else body

    def payload(self, number: str) -> str:
        """Give what the code holds: the number, behind its application identifier if it has one."""
        if not self.rule.ai:
            return number
        return f"{self.link}/{self.rule.ai}/{number}" if self.link else self.rule.ai + number


def plan_issue(
    rule: CardFormat, *, prefix: str, length: int, symbology: str, link: str = ""
) -> IssuePlan:
    """Check what is wished against the format. TesseraError with what would be possible.

    Empty wishes take the format's first prefix, first length and first symbology that can be drawn.
    """
    if rule.characters not in {"digits", "alphanumeric", "printable", "capitals"}:
        raise TesseraError(
            f"cards of format '{rule.name}' cannot be printed: a chip carries the number",
            hint="choose a format with a barcode",
        )
    prefix = prefix or (rule.prefixes[0] if rule.prefixes else "")
    if rule.prefixes and not prefix.startswith(rule.prefixes):
        raise TesseraError(
            f"prefix '{prefix}' is not of format '{rule.name}'",
            hint=f"it begins with {' or '.join(rule.prefixes)}",
        )
    if not prefix.isascii() or not prefix.isprintable():
        raise TesseraError("a prefix is made of printable ASCII characters", hint="write another")
    length = length or (rule.lengths[0] if rule.lengths else 0)
    if not length or (rule.lengths and length not in rule.lengths):
        wanted = " or ".join(str(each) for each in rule.lengths) or "a length with --length"
        raise TesseraError(f"length {length} is not of format '{rule.name}'", hint=wanted)
    if bool(link) != (rule.carrier == "digital-link"):
        raise TesseraError(
            f"format '{rule.name}' {'has no link' if link else 'needs the address of its links'}",
            hint="--link https://id.example.org belongs to formats with a digital link",
        )
    plan = IssuePlan(
        rule=rule, prefix=prefix, length=length, symbology=symbology, link=link.rstrip("/")
    )
    if plan.free_digits < 1 or plan.free_digits > 30:
        raise TesseraError(
            f"a prefix of {len(prefix)} leaves {plan.free_digits} digits of {length} to choose",
            hint="choose a shorter prefix",
        )
    return plan


def issue_cards(
    plan: IssuePlan,
    count: int,
    *,
    randbelow: Callable[[int], int] | None,
    taken: Collection[str] = (),
    start: int = 0,
) -> Iterator[IssuedCard]:
    """Give `count` new cards, none of whose payloads is in `taken`.

    With `randbelow` (such as `secrets.randbelow`) numbers are random; without it they count up from
    `start`. TesseraError where the format has no room: random numbers may fill one thousandth of
    it, so that guessing stays hopeless.
    """
    room = 10**plan.free_digits
    used = set(taken)
    wanted_room = (count + len(used)) * (_GUESS_ODDS if randbelow else 1) + start
    if count < 1:
        raise TesseraError(f"{count} cards cannot be made", hint="ask for one or more")
    if count > COUNT_MAX or wanted_room > room:
        possible = room // _GUESS_ODDS if randbelow else room - start
        raise TesseraError(
            f"{count} cards are too many: {plan.free_digits} digits have room for"
            f" {min(possible, COUNT_MAX)}",
            hint="choose a shorter prefix or a longer number, or --sequential to fill the range",
        )
    chosen = start
    for _ in range(count):
        while True:
            if randbelow:
                chosen = randbelow(room)
            number = plan.number(chosen)
            payload = plan.payload(number)
            chosen += 1
            if payload not in used:
                break
        used.add(payload)
        yield IssuedCard(
            card_id=number[plan.rule.skip :], payload=payload, symbology=plan.symbology
        )
