"""A basket and a member from plain values (what JSON holds), for commands, cases and benchmarks.

Owns: the field names of basket and member files and the bounds on every number in them. Must never:
guess: an unknown field or a number out of bounds is refused with its name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from datetime import date
from decimal import Decimal
from operator import attrgetter

from tessera.core.basket import LINES_MAX, Basket, Line, LineKind, LineTax, Redemption
from tessera.core.errors import TesseraError
from tessera.core.member import Counter, MemberState, UnitBalance
from tessera.core.money import AMOUNT_MINOR_MAX, UNITS_MAX

Values = Mapping[str, object]
_KINDS = frozenset(kind.value for kind in LineKind)
QUANTITY_MAX = Decimal(1_000_000)
LIST_MAX = 1_000
TEXT_MAX = 500
_PRICES = ("list_price_minor", "lowest_30d_minor", "minimum_price_minor")
"""Fields of a line that may be left out: nothing is another thing than zero."""
_DECIMAL = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?\Z", re.ASCII)
KNOWN_LINES_MAX = 20_000
"""Most lines that are remembered; a line whose text is longer than KNOWN_TEXT_MAX never is."""
KNOWN_TEXT_MAX = 2_000


class BasketRefused(TesseraError):
    """A basket or member file says something that can't be."""

    code = "basket-refused"


def _refuse(field: str, what: str, hint: str) -> BasketRefused:
    return BasketRefused(f"{field}: {what}", hint=hint)


class Fields:
    """The fields of one object, taken out by name; what is left over at the end is unknown."""

    __slots__ = ("path", "values")

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise _refuse(path or "the file", "an object is expected here", "write {…}")
        self.values: dict[str, object] = {str(name): one for name, one in value.items()}
        self.path = path

    def field(self, name: str) -> str:
        """Give the dotted name of a field."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str, default: str = "") -> str:
        """Take a text."""
        value = self.values.pop(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > TEXT_MAX:
            raise _refuse(self.field(name), f"{value!r:.60} is no text", 'write "…"')
        return value

    def whole(self, name: str, default: int = 0, low: int = 0, high: int = UNITS_MAX) -> int:
        """Take a whole number."""
        value = self.values.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            hint = f"write a whole number, {low} … {high}"
            raise _refuse(self.field(name), f"{value!r:.60} is no such number", hint)
        return value

    def decimal(self, name: str, default: str) -> Decimal:
        """Take a decimal, written as text or as a whole number."""
        value = self.values.pop(name, default)
        shaped = not isinstance(value, bool) and isinstance(value, (str, int, Decimal))
        if not shaped or not _DECIMAL.match(str(value)):
            raise _refuse(self.field(name), f"{value!r:.60} is no decimal", 'write "1.5"')
        number = Decimal(str(value))
        if abs(number) > QUANTITY_MAX:
            hint = f"write at most {QUANTITY_MAX}"
            raise _refuse(self.field(name), f"{value!r:.60} is out of bounds", hint)
        return number

    def quantity(self, name: str) -> Decimal:
        """Take a quantity: a decimal above zero, 1 where none is given."""
        number = self.decimal(name, "1")
        if number <= 0:
            hint = "write a number above 0; what comes back is a line of kind return"
            raise _refuse(self.field(name), f"{number} is no quantity", hint)
        return number

    def yes(self, name: str, *, default: bool) -> bool:
        """Take true or false."""
        value = self.values.pop(name, default)
        if not isinstance(value, bool):
            raise _refuse(self.field(name), f"{value!r:.60} is neither", "write true or false")
        return value

    def items(self, name: str, most: int = LIST_MAX) -> Sequence[object]:
        """Take a list."""
        value = self.values.pop(name, ())
        if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > most:
            raise _refuse(self.field(name), f"no list of at most {most}", "write […]")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of texts."""
        found = self.items(name)
        if not all(isinstance(one, str) and len(one) <= 200 for one in found):
            raise _refuse(self.field(name), "a list of texts is expected", 'write ["a", "b"]')
        return tuple(str(one) for one in found)

    def day(self, name: str) -> date | None:
        """Take a date."""
        value = self.values.pop(name, None)
        if value is None:
            return None
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise _refuse(self.field(name), f"{value!r:.40} is no date", "2026-11-21") from None

    def end(self) -> None:
        """Refuse what nobody asked for."""
        if self.values:
            name = min(self.values)
            proposal = _ELSEWHERE.get(self.field(name), "remove it or correct its name")
            raise _refuse(self.field(name), "unknown field", proposal)


_ELSEWHERE = {"member": "a member's state is a file of its own: --member member.json"}
"""Fields that are looked for in a basket and stand elsewhere."""

KnownLines = dict[str, Line]
"""Lines that were read before, by what was written but for the id; whoever reads many keeps one."""


def basket_of(value: object, *, currency: str = "", known: KnownLines | None = None) -> Basket:
    """Read a basket; `currency` stands in where the basket names none. Raises BasketRefused.

    `known` spares reading a line again that stands in many baskets; the answer is the same.
    """
    fields = Fields(value, "")
    items = enumerate(fields.items("lines", LINES_MAX))
    if known is None:
        lines = tuple([_line_of(one, f"lines[{number}]") for number, one in items])
    else:
        lines = tuple([_known_line(one, number, known) for number, one in items])
    ids = [line.line_id for line in lines]
    if len(set(ids)) != len(ids):
        again = next(one for one in ids if ids.count(one) > 1)
        raise _refuse("lines", f"two lines have the id {again!r}", "give each line its own")
    basket = Basket(
        currency=fields.text("currency", currency),
        lines=lines,
        coupons=fields.texts("coupons"),
        redemptions=tuple(
            _redemption_of(one, f"redemptions[{number}]")
            for number, one in enumerate(fields.items("redemptions"))
        ),
        chosen=fields.texts("chosen"),
        events=fields.texts("events"),
        earning_only=fields.yes("earning_only", default=False),
    )
    fields.end()
    return basket


def _known_line(value: object, number: int, known: KnownLines) -> Line:
    """Read a line, or give the equal one that was read before, under the id that it has here."""
    line_id = value.get("id") if value.__class__ is dict else None
    if line_id.__class__ is not str or not 0 < len(line_id) <= TEXT_MAX:
        return _line_of(value, f"lines[{number}]")  # it is named by its place, or wrong
    rest = value.copy()  # type: ignore[attr-defined]
    del rest["id"]
    # Written out, so that 1, true and "1" are three things.
    written = repr(rest)
    line = known.get(written)
    if line is None:
        line = _line_of(value, f"lines[{number}]")
        if len(written) <= KNOWN_TEXT_MAX:
            if len(known) >= KNOWN_LINES_MAX:
                known.clear()
            known[written] = line
    return line if line.line_id == line_id else _under(line, line_id)


_FIELDS = tuple(one.name for one in fields_of(Line) if one.name != "line_id")
_values_of = attrgetter(*_FIELDS)
_SETTERS = tuple(Line.__dict__[name].__set__ for name in _FIELDS)
_set_id = Line.__dict__["line_id"].__set__


def _under(line: Line, line_id: str) -> Line:
    """Give the same line under another id: a third of the time of `dataclasses.replace`."""
    found = object.__new__(Line)
    _set_id(found, line_id)
    for put, value in zip(_SETTERS, _values_of(line), strict=True):
        put(found, value)
    return found


def _redemption_of(value: object, path: str) -> Redemption:
    fields = Fields(value, path)
    found = Redemption(
        unit=fields.text("unit"), amount=fields.whole("amount"), reward=fields.text("reward")
    )
    fields.end()
    return found


def _line_of(value: object, path: str) -> Line:
    fields = Fields(value, path)
    kind = fields.text("kind", "goods")
    if kind not in _KINDS:
        raise _refuse(
            f"{path}.kind", f"{kind!r} is not known", f"one of {', '.join(sorted(_KINDS))}"
        )
    unit_price = fields.decimal("unit_price", "") if "unit_price" in fields.values else None
    attributes = Fields(fields.values.pop("attributes", {}), f"{path}.attributes")
    limits = {"low": -AMOUNT_MINOR_MAX, "high": AMOUNT_MINOR_MAX}
    optional = {
        name: fields.whole(name, 0, 0, AMOUNT_MINOR_MAX)
        for name in _PRICES
        if fields.values.get(name) is not None
    }
    for name in _PRICES:
        fields.values.pop(name, None)
    line = Line(
        line_id=fields.text("id") or path,
        kind=LineKind(kind),
        sku=fields.text("sku"),
        text=fields.text("text"),
        quantity=fields.quantity("quantity"),
        measure=fields.text("measure"),
        unit_price=unit_price,
        amount_minor=fields.whole("amount_minor", 0, **limits),
        taxes=tuple(
            _tax_of(one, f"{path}.taxes[{number}]")
            for number, one in enumerate(fields.items("taxes", 12))
        ),
        categories=fields.texts("categories"),
        brand=fields.text("brand"),
        tags=fields.texts("tags"),
        attributes=tuple(sorted((name, attributes.text(name)) for name in list(attributes.values))),
        discountable=fields.yes("discountable", default=True),
        earns=fields.yes("earns", default=True),
        redeemable=fields.yes("redeemable", default=True),
        price_reason=fields.text("price_reason"),
        **optional,
    )
    fields.end()
    return line


def _tax_of(value: object, path: str) -> LineTax:
    fields = Fields(value, path)
    tax = LineTax(
        code=fields.text("code"),
        rate=fields.decimal("rate", "0"),
        included=fields.yes("included", default=True),
        compound_on=fields.texts("compound_on"),
        per_unit_minor=fields.whole("per_unit_minor", 0, 0, AMOUNT_MINOR_MAX),
    )
    if not 0 <= tax.rate <= 10:
        raise _refuse(f"{path}.rate", f"{tax.rate} is out of bounds", "0.19 stands for 19 %")
    fields.end()
    return tax


def member_of(value: object) -> MemberState:
    """Read a member's state. Raises BasketRefused."""
    fields = Fields(value, "")
    birthday = fields.values.pop("days_to_birthday", None)
    if birthday is not None and (not isinstance(birthday, int) or not -31 <= birthday <= 31):
        raise _refuse("days_to_birthday", f"{birthday!r:.40} is out of bounds", "-31 … 31")
    member = MemberState(
        member_id=fields.text("member_id", "member"),
        status=fields.text("status", "active"),
        tier=fields.text("tier"),
        segments=fields.texts("segments"),
        entitlements=fields.texts("entitlements"),
        units=tuple(
            _balance_of(one, f"units[{number}]") for number, one in enumerate(fields.items("units"))
        ),
        counters=tuple(
            _counter_of(one, f"counters[{number}]")
            for number, one in enumerate(fields.items("counters"))
        ),
        joined=fields.day("joined"),
        last_visit=fields.day("last_visit"),
        visits=fields.whole("visits"),
        days_to_birthday=birthday,
        lifetime_spend_minor=fields.whole("lifetime_spend_minor"),
        period_spend_minor=fields.whole("period_spend_minor"),
        staff=fields.yes("staff", default=False),
        as_of_ms=fields.whole("as_of_ms"),
    )
    fields.end()
    return member


def _balance_of(value: object, path: str) -> UnitBalance:
    fields = Fields(value, path)
    balance = fields.whole("balance")
    found = UnitBalance(
        unit=fields.text("unit"), balance=balance, spendable=fields.whole("spendable", balance)
    )
    fields.end()
    return found


def _counter_of(value: object, path: str) -> Counter:
    fields = Fields(value, path)
    found = Counter(key=fields.text("key"), used=fields.whole("used"))
    fields.end()
    return found
