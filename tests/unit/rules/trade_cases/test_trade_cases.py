"""Baskets as the trade's systems price them: the rule, the goods, and the sums worked out by hand.

Each file holds one mechanic. A shop is a programme (without its first two lines) with the taxes
that its lines name by `@`; a case is one of the product's own case format and may expect more:
`tax` and `net` by group, what is due for each of the `lines`, and `returns`, one after the other.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tessera.core.basket import TaxRounding
from tessera.core.quote import Quote
from tessera.rules.cases import CaseResult, ProgrammeCase, plain, read_cases, run_case
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme
from tessera.rules.returns import quote_return
from tessera.rules.yaml_nodes import read_nodes
from tests.unit.rules.shop import check_sums, programme

HERE = Path(__file__).parent
MORE = ("tax", "net", "lines", "uses")


@dataclass(frozen=True, slots=True)
class TradeCase:
    """One case with its shop's programme, and what it expects beyond the product's own format."""

    rules: Programme
    case: ProgrammeCase
    more: dict[str, Any]
    returns: list[dict[str, Any]]


def found_in(path: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give (id, shop, case) for every case of a file."""
    node, problems = read_nodes(path.read_text("utf-8"), file=path.name)
    assert node is not None, problems
    assert not problems, problems
    shops: Any = plain(node)
    for shop in shops:
        for case in shop["cases"]:
            yield f"{path.stem}: {shop['shop']}: {case['case']}", shop, case


ALL = [found for path in sorted(HERE.glob("*.yaml")) for found in found_in(path)]


def line_of(text: object, taxes: dict[str, Any]) -> object:
    """Turn `2 milk 1.98 dairy @A` into the long form; lines without taxes stay as they are."""
    if not isinstance(text, str) or "@" not in text:
        return text
    words = text.split()
    goods, named = [one for one in words if "@" not in one], [one for one in words if "@" in one]
    quantity, sku, amount, *category = goods
    number = quantity.rstrip("kglm")
    return {
        "sku": sku,
        "quantity": number,
        "measure": quantity.removeprefix(number),
        "amount": amount,
        "categories": category,
        "taxes": [{"code": one[1:], **taxes[one[1:]]} for one in named],
    }


def trade_case(shop: dict[str, Any], found: dict[str, Any]) -> TradeCase:
    code = shop.get("currency", "EUR")
    rules = programme(shop["programme"], currency=code)
    case = {**found, "expect": dict(found["expect"])}
    more = {name: case["expect"].pop(name) for name in MORE if name in case["expect"]}
    returns, rounding = case.pop("returns", []), case.pop("tax_rounding", "group")
    changed = {name: case.pop(name) for name in ("currency",) if name in case}
    assert not changed, "the currency belongs to the shop"
    case["lines"] = [line_of(one, shop.get("taxes", {})) for one in case["lines"]]
    cases, problems = read_cases(json.dumps([case]), file="case", code=code)
    assert not problems, [problem.render() for problem in problems]
    place = replace(cases[0].place, tax_rounding=TaxRounding(rounding))
    return TradeCase(rules, replace(cases[0], place=place), more, returns)


def money(minor: int, digits: int) -> str:
    whole, part = divmod(abs(minor), 10**digits)
    return ("-" if minor < 0 else "") + (f"{whole}.{part:0{digits}}" if digits else f"{whole}")


def more_found(quote: Quote, digits: int) -> dict[str, Any]:
    due = {one.line_id: one.due_minor for one in quote.lines}
    return {
        "tax": {one.code: money(one.tax_minor, digits) for one in quote.taxes},
        "net": {one.code: money(one.net_minor, digits) for one in quote.taxes},
        "lines": [money(due[key], digits) for key in sorted(due, key=int)],
        "uses": {one.offer: one.uses for one in quote.offers if one.uses},
    }


def texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: texts(one) for key, one in value.items()}
    return [texts(one) for one in value] if isinstance(value, list) else str(value)


def check_returns(found: TradeCase, quote: Quote) -> None:
    before: dict[str, Decimal] = {}
    for step in found.returns:
        back = {key: Decimal(str(one)) for key, one in step["back"].items()}
        answer = quote_return(quote, found.case.basket, back, before)
        got = {
            "refund": money(answer.refund_minor, found.rules.digits),
            "takes": {one.unit: str(one.earned) for one in answer.units if one.earned},
            "gives": {one.unit: str(one.spent) for one in answer.units if one.spent},
            "tax": money(sum(one.tax_minor for one in answer.taxes), found.rules.digits),
        }
        wanted = {key: texts(one) for key, one in step.items() if key != "back"}
        assert {key: got[key] for key in wanted} == wanted
        before = {
            key: before.get(key, Decimal(0)) + back.get(key, Decimal(0)) for key in (*before, *back)
        }


@pytest.mark.parametrize("shop, case", [found[1:] for found in ALL], ids=[one[0] for one in ALL])
def test_the_sums_are_those_worked_out_by_hand(shop: dict[str, Any], case: dict[str, Any]) -> None:
    found = trade_case(shop, case)
    result: CaseResult = run_case(found.rules, found.case)
    quote = evaluate(found.rules, found.case.member, found.case.basket, found.case.place)
    more = more_found(quote, found.rules.digits)
    got = {name: texts(more[name]) for name in found.more}
    assert not result.differences, "\n".join((*result.differences, str(more)))
    assert got == texts(found.more)
    check_sums(quote)
    check_returns(found, quote)


@pytest.mark.parametrize("shop, case", [found[1:] for found in ALL], ids=[one[0] for one in ALL])
def test_scanned_from_the_last_to_the_first_it_costs_the_same(
    shop: dict[str, Any], case: dict[str, Any]
) -> None:
    found = trade_case(shop, case)
    basket = found.case.basket
    turned = replace(basket, lines=tuple(reversed(basket.lines)))
    one, other = (
        evaluate(found.rules, found.case.member, each, found.case.place)
        for each in (basket, turned)
    )
    assert one.due_minor == other.due_minor
    assert {each.line_id: each.due_minor for each in one.lines} == {
        each.line_id: each.due_minor for each in other.lines
    }
    assert one.taxes == other.taxes
    assert one.units == other.units


def test_there_are_enough_of_them() -> None:
    assert len(ALL) >= 150
    assert len({name for name, _, _ in ALL}) == len(ALL)
