"""Random baskets and programmes that are wide: many lines, many offers, taxes, ladders, groups.

Owns: shapes drawn by a number, the same on every machine: up to 200 lines of up to 10,000 pieces,
some weighed, taxed by the piece or with a lowest price, and up to 200 offers that find them by
product, category, brand and tag, with every setting that bears on prices. Must never: be
realistic; see `_best_price_shapes` for those with fewer lines and more pieces to choose between.
"""

import random
from decimal import Decimal

from tessera.core.basket import Basket, Line, LineTax

COUNTS = (1, 1, 1, 2, 3, 12, 100, 10_000)
SETTINGS: dict[str, tuple[str, ...]] = {
    "rounding": ("half-away", "half-even", "floor"),
    "rounding_level": ("fold", "fold", "fold", "unit", "offer"),
    "exclusive": ("unit", "unit", "line"),
    "between_groups": ("best", "best", "best", "first"),
    "basket_order": ("amount-first", "percent-first", "listed"),
    "amounts_off": ("as-priced", "as-priced", "with-tax"),
    "thresholds": ("as-priced", "without-tax", "with-tax"),
    "stacked_base": ("current", "current", "shelf"),
    "cheapest_free": ("best-groups", "best-groups", "cheapest-overall"),
    "set_price_units": ("dearest", "dearest", "cheapest"),
    "limited_units": ("dearest", "cheapest"),
    "attribution": ("all-units", "reward-only"),
}
GIVES = (
    "{n} % off",
    "'{n} % off, at most {n}.{c}'",
    "0.{c} off",
    "price 0.{c}",
    "any {k} for {k}.{c}",
    "buy {k} get 1 free",
    "buy 1 get 1 at {n} % off",
    "{{buy: {k}, get: 1 at {n} % off, same_item: yes}}",
    "{{any: {k}, off: {n} %}}",
    "{{any: {k}, off: 1.{c}}}",
    "{{any: {k}, cheapest: {n} %}}",
    "{{buy: 1, get: 1 free, which: dearest}}",
    "{{set: [{{what: {a}}}, {{what: {b}, count: {k}}}, {{what: {d}}}], for: {k}.{c}}}",
    "{{set: [{{what: {a}}}, {{what: {b}}}], cheapest: {n} %}}",
    "{{buy: {k}, get: 1 at {n} % off, of: {a}}}",
    "{{gift: [sku s1, sku s2, sku s3]}}",
    "{n} % off the basket",
    "{n}.{c} off the basket",
    "{{steps: {{5.00: {k} %, 50.00: {n} %, 500.00: {n}.{c}}}}}",
    "{{steps: {{0.00: {k} %, 100.00: {n} %}}, marginal: yes}}",
    "{{steps: {{1: {n} %, 2: {k} %, 5: 30 %}}, reads: quantity, marginal: yes}}",
    "'{k}.{c} off for every whole {n}.00, at most 3 times'",
    "1.{c} off for every 3 items",
)
MORE = (
    *("", "", "", ""),
    *(", stacks: yes", ", stacks: [o1, o3, two]", ", undiscounted_only: yes"),
    *(", limits: 3 per basket", ", limits: 2 per line", ", limits: {{budget: {n}.00}}"),
    *(", needs: basket from {t} after unit offers", ", needs: '{k} items of category c1'"),
    *(", needs: from {n}.00 of brand b2", ", priority: {k}"),
)
SINGLE = GIVES[:4]
"""Those that act on single units, the only ones that a limit by line holds for."""
GROUPS = ("", ", in: one", ", in: one", ", in: two", ", in: three")


def wide_shape(number: int) -> tuple[str, Basket]:
    """Give the text of a programme and a basket for it."""
    chance = random.Random(f"wide {number}")
    lines = _lines(chance)
    total = sum(line.amount_minor for line in lines)
    some = chance.sample(GIVES, chance.randint(1, 6)) if chance.random() < 0.7 else list(GIVES)
    more = chance.sample(MORE, 3) if chance.random() < 0.7 else list(MORE)
    share = chance.choice((0.05, 0.3, 0.7, 1.0))
    rows = []
    for place in range(chance.choice((14, 30, 60, 60, 120, 200))):
        words = {
            "n": chance.randint(1, 60),
            "k": chance.randint(2, 5),
            "c": f"{chance.randint(1, 99):02}",
            "a": _what(chance, lines, share),
            "b": _what(chance, lines, share),
            "d": _what(chance, lines, share),
            "t": f"{total // chance.choice((101, 111, 150, 300))}.00",
        }
        give = chance.choice(some)
        what = "" if give.startswith("{{set") else f"what: {_what(chance, lines, share)}, "
        also = f"{chance.choice(GROUPS)}{chance.choice(more)}"
        if give not in SINGLE:
            also = also.replace("2 per line", "2 per basket")
        rows.append(f"  o{place}: {{{what}give: {give.format(**words)}{also.format(**words)}}}\n")
    settings = ", ".join(f"{name}: {chance.choice(any_of)}" for name, any_of in SETTINGS.items())
    kinds = [chance.choice(("best", "best", "all", "first")) for _ in range(2)]
    text = (
        f"programme: shape\ncurrency: EUR\nsettings: {{{settings}}}\n"
        f"groups: {{one: best, two: {kinds[0]}, three: {{kind: {kinds[1]}, in: one}}}}\n"
        f"offers:\n{''.join(rows)}"
    )
    return text, Basket(currency="EUR", lines=tuple(lines))


def _lines(chance: random.Random) -> list[Line]:
    counts = COUNTS[: chance.randint(1, len(COUNTS))]
    spread = chance.choice((3, 40, 3_000))
    taxed, weighed, least = (chance.random() < 0.3 for _ in range(3))
    taxes = (
        (LineTax(code="A", rate=Decimal("0.19")),),
        (LineTax(code="B", rate=Decimal("0.07"), included=False, per_unit_minor=3),),
    )
    found = []
    for place in range(chance.choice((40, 60, 100, 200))):
        count, amount = chance.choice(counts), chance.randint(101, 101 + spread)
        by_weight = weighed and chance.random() < 0.3
        found.append(
            Line(
                line_id=f"s{place}",
                sku=f"s{place}",
                quantity=Decimal("0.735") if by_weight else Decimal(count),
                measure="kg" if by_weight else "",
                amount_minor=amount if by_weight else amount * count,
                categories=(f"c{place % 4}", f"c{place % 4}/d{place % 12}"),
                brand=f"b{place % 5}",
                tags=(f"t{place % 3}",),
                taxes=chance.choice(taxes) if taxed else (),
                minimum_price_minor=amount // 2 if least and chance.random() < 0.2 else None,
            )
        )
    return found


def _what(chance: random.Random, lines: list[Line], share: float) -> str:
    """Give a selection of goods: some products, or a key that finds many."""
    skus = [line.sku for line in chance.sample(lines, max(1, round(share * len(lines))))]
    return chance.choice(
        (
            f"{{sku: [{', '.join(skus)}]}}",
            f"{{sku: [{', '.join(skus)}]}}",
            f"{{category: c{chance.randrange(4)}}}",
            f"{{category: c1, except: {{tag: t{chance.randrange(3)}}}}}",
            f"{{brand: b{chance.randrange(5)}}}",
            f"{{tag: t{chance.randrange(3)}}}",
            "{price: '1.00..3.00'}",
        )
    )
