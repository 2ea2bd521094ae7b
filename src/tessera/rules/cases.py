"""Cases of a programme: baskets with what must come out, as a programme manager writes them.

Owns: the format of case files and the comparison. Must never: be lenient; an unknown field fails.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tessera.core.basket import Basket, Place, Share
from tessera.core.errors import Problem, TesseraError
from tessera.core.member import MemberState
from tessera.core.money import currency
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme
from tessera.rules.read_basket import BasketRefused, basket_of, member_of
from tessera.rules.yaml_nodes import Mapping, Node, Scalar, Sequence, read_nodes

CASES_MAX = 1_000
USUAL_TIME = "2026-11-21T10:15:00+01:00"
_KEYS = frozenset({"case", "at", "place", "left", "member", "lines", "expect", "note"})
_BASKET_KEYS = frozenset({"coupons", "chosen", "events", "spend", "earning_only"})
_EXPECTED = frozenset({"due", "discount", "units", "spent", "offers", "why", "issued", "prompts"})
LINE = re.compile(r"(\d+(?:\.\d+)?)(kg|l|m)? (\S+) (-?\d+(?:\.\d+)?)(?: (\S+))?\Z", re.ASCII)
"""A line in short: quantity, measure, product, amount, category."""
_WHOLE = re.compile(r"-?\d{1,18}\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeCase:
    """One case: a sale, and what is expected of its quote (texts as they were written)."""

    name: str
    line: int
    member: MemberState | None
    basket: Basket
    place: Place
    expected: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What became of a case: no differences means that it holds."""

    name: str
    line: int
    differences: tuple[str, ...]


def read_cases(text: str, *, file: str, code: str) -> tuple[list[ProgrammeCase], list[Problem]]:
    """Read the cases of a file; `code` is the programme's currency."""
    root, problems = read_nodes(text, file=file)
    if not isinstance(root, Sequence):
        problems.append(Problem(file=file, line=1, message="a case file is a list of cases"))
        return [], problems
    cases = []
    for node in root.items[:CASES_MAX]:
        try:
            cases.append(_case_of(node, code))
        except TesseraError as error:
            problems.append(
                Problem(
                    file=file,
                    line=node.line,
                    column=node.column,
                    message=error.message,
                    proposal=error.hint,
                )
            )
    return cases, problems


def _case_of(node: Node, code: str) -> ProgrammeCase:
    if not isinstance(node, Mapping):
        raise BasketRefused("a case is a mapping", hint="- case: what it shows")
    entries = node.entries
    unknown = sorted(set(entries) - _KEYS - _BASKET_KEYS)
    if unknown:
        raise BasketRefused(f"unknown field {unknown[0]!r}", hint="remove it or correct its name")
    values = {name: plain(item) for name, item in entries.items()}
    basket: dict[str, object] = {name: values[name] for name in _BASKET_KEYS & values.keys()}
    spend = basket.pop("spend", {})
    if isinstance(spend, dict):
        basket["redemptions"] = [
            {"reward" if name.startswith("!") else "unit": name.lstrip("!"), "amount": amount}
            for name, amount in spend.items()
        ]
    lines = values.get("lines", [])
    lines = lines if isinstance(lines, list) else []
    basket["lines"] = [_line_of(one, number, code) for number, one in enumerate(lines)]
    expected = values.get("expect", {})
    if not isinstance(expected, dict) or not expected or not set(expected) <= _EXPECTED:
        hint = f"expect: one or more of {', '.join(sorted(_EXPECTED))}"
        raise BasketRefused("the case does not say what it expects", hint=hint)
    return ProgrammeCase(
        name=str(values.get("case", "")),
        line=node.line,
        member=_member_of(values.get("member")),
        basket=basket_of(basket, currency=code),
        place=_place_of(values, code),
        expected=expected,
    )


def plain(node: Node) -> object:
    """Give a node as plain values: whole numbers, true and false where they stand bare."""
    if isinstance(node, Mapping):
        return {name: plain(item) for name, item in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    if not node.quoted:
        if _WHOLE.match(node.text):
            return int(node.text)
        if node.text in {"true", "false", "yes", "no"}:
            return node.text in {"true", "yes"}
    return node.text


def _line_of(value: object, number: int, code: str) -> object:
    """Read `2 milk 1.98 dairy`: quantity (with kg, l), sku, amount, category; or the long form."""
    if isinstance(value, dict):
        fields: dict[str, object] = {str(name): one for name, one in value.items()}
        if "amount" in fields:
            fields["amount_minor"] = _minor(str(fields.pop("amount")), code)
        return {"id": str(number + 1), **fields}
    match = LINE.match(str(value))
    if match is None:
        hint = "write `2 milk 1.98 dairy`: quantity, sku, amount, category"
        raise BasketRefused(f"{value!r:.60} is no line", hint=hint)
    quantity, measure, sku, amount, category = match.groups()
    return {
        "id": str(number + 1),
        "sku": sku,
        "quantity": quantity,
        "measure": measure or "",
        "amount_minor": _minor(amount, code),
        "categories": [category] if category else [],
    }


def _minor(text: str, code: str) -> int:
    try:
        minor = Fraction(text) * 10 ** currency(code).digits
    except ValueError:
        raise BasketRefused(f"{text!r:.40} is no amount of money", hint="write 1.98") from None
    if minor.denominator != 1:
        raise BasketRefused(f"{text} has too many decimals", hint="write 1.98")
    return int(minor)


def _member_of(value: object) -> MemberState | None:
    if value is None or value == "guest":
        return None
    if not isinstance(value, dict):
        raise BasketRefused("a member is a mapping, or `guest`", hint="member: {tier: gold}")
    fields: dict[str, object] = {str(name): one for name, one in value.items()}
    units = fields.get("units")
    if isinstance(units, dict):
        fields["units"] = [{"unit": name, "balance": count} for name, count in units.items()]
    counters = fields.get("counters")
    if isinstance(counters, dict):
        fields["counters"] = [{"key": name, "used": used} for name, used in counters.items()]
    return member_of(fields)


def _place_of(values: dict[str, object], code: str) -> Place:
    text = str(values.get("at", USUAL_TIME))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BasketRefused(f"{text!r:.40} is no time", hint=USUAL_TIME) from None
    where = values.get("place", {})
    fields = {str(name): str(one) for name, one in where.items()} if isinstance(where, dict) else {}
    if not set(fields) <= {"store", "region", "register"}:
        raise BasketRefused("a place has store, region, register", hint="place: {store: 7}")
    shares = _shares_of(values.get("left", {}), code)
    return Place(at=at, business_day=at.date(), shares=shares, **fields)  # type: ignore[arg-type]


def _shares_of(value: object, code: str) -> tuple[Share, ...]:
    """Read what is left of limits over all members, by offer: uses, or money of a budget."""
    if not isinstance(value, dict):
        raise BasketRefused("`left` is a mapping from offer to what is left", hint="left: {few: 3}")
    shares = []
    for offer, count in value.items():
        shares.append(Share(key=f"{offer}/budget", left=_minor(str(count), code)))
        if isinstance(count, int):
            shares.append(Share(key=f"{offer}/total", left=count))
    return tuple(shares)


# -- running


def run_case(programme: Programme, case: ProgrammeCase) -> CaseResult:
    """Price a case and compare."""
    quote = evaluate(programme, case.member, case.basket, case.place)
    found = _found(quote, programme)
    limited = {offer.offer_id for offer in programme.shared}
    left = {share.key.rpartition("/")[0] for share in case.place.shares}
    differences = [
        f"left: {name!r} has no limit over all members" for name in sorted(left - limited)
    ]
    for name, expected in case.expected.items():
        got, wanted = found[name], _text(expected)
        if isinstance(wanted, dict) and isinstance(got, dict):
            # Compared whole but for reasons: what is not expected must not have happened.
            got = {key: got[key] for key in got if name != "why" or key in wanted}
        if got != wanted:
            differences.append(f"{name}: expected {wanted}, got {got}")
    return CaseResult(name=case.name, line=case.line, differences=tuple(differences))


def _text(value: object) -> object:
    """Give what is expected as texts, as it is compared."""
    if isinstance(value, dict):
        return {str(key): str(one) for key, one in value.items()}
    return [str(one) for one in value] if isinstance(value, list) else str(value)


def _found(quote: Quote, programme: Programme) -> dict[str, object]:
    digits = programme.digits

    def money(minor: int) -> str:
        whole, part = divmod(abs(minor), 10**digits)
        sign = "-" if minor < 0 else ""
        return f"{sign}{whole}.{part:0{digits}}" if digits else f"{sign}{whole}"

    return {
        "due": money(quote.due_minor),
        "discount": money(quote.discount_minor),
        "units": {one.unit: str(one.earned) for one in quote.units if one.earned},
        "spent": {one.unit: str(one.spent) for one in quote.units if one.spent},
        "offers": {
            one.offer: money(one.discount_minor) for one in quote.offers if one.discount_minor
        },
        "why": {one.offer: one.reason for one in quote.offers if not one.applied},
        "issued": [f"{one.kind} {one.name or one.offer}" for one in quote.issued],
        "prompts": [one.offer for one in quote.prompts],
    }
