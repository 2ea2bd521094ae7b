"""Random baskets and programmes that are made to be hard for the search for the best price.

Owns: shapes drawn by a number, the same on every machine: up to 40 lines of up to 4,000 pieces
each, up to 60 offers of every kind that competes, and the settings that steer the search. Must
never: be realistic; a shape is to find what takes long.
"""

import random
from decimal import Decimal

from tessera.core.basket import Basket, Line

COUNTS = (1, 1, 2, 3, 5, 12, 40, 100, 400, 4_000)
SETTINGS = (
    "",
    "",
    "",
    "exclusive: line",
    "rounding: floor",
    "rounding_level: unit",
    "rounding_level: offer",
    "stacked_base: shelf",
    "cheapest_free: cheapest-overall",
    "set_price_units: cheapest",
    "limited_units: cheapest",
    "between_groups: first",
    "attribution: reward-only",
)
GIVES = (
    "{n} % off",
    "'{n} % off, at most {n}.{c}'",
    "0.{c} off",
    "any {k} for {k}.{c}",
    "buy {k} get 1 free",
    "buy {k} get 1 at {n} % off",
    "{{buy: {k}, get: 1 at {n} % off, same_item: yes}}",
    "{{any: {k}, off: {n} %}}",
    "{{any: {k}, off: 1.{c}}}",
    "{{any: {k}, cheapest: {n} %}}",
    "{{buy: 1, get: 1 free, which: dearest}}",
    "{{set: [{{what: {{sku: [{a}]}}}}, {{what: {{sku: [{b}]}}}}], for: {k}.{c}}}",
    "{{set: [{{what: {{sku: [{a}]}}, count: {k}}}, {{what: {{sku: [{b}]}}}}], cheapest: {n} %}}",
    "{{buy: {k}, get: 1 free, of: {{sku: [{a}]}}}}",
    "{{gift: [{a}]}}",
    "{n} % off the basket",
    "{n}.{c} off the basket",
    "{{steps: {{5.00: {k} %, 50.00: {n} %, 500.00: {n}.{c}}}}}",
)
MORE = (
    "",
    "",
    "",
    "",
    ", stacks: yes",
    ", limits: 3 per basket",
    ", limits: {{budget: {n}.00}}",
    ", needs: basket from {t} after unit offers",
    ", needs: basket from {t}",
    ", priority: {k}",
)


def shape(number: int) -> tuple[str, Basket]:
    """Give the text of a programme and a basket for it."""
    chance = random.Random(number)
    lines = chance.choice((1, 2, 5, 12, 20, 40, 40, 40))
    even = chance.choice((None, None, *COUNTS))
    most = chance.randint(1, len(COUNTS))
    spread = chance.choice((3, 40, 3_000))
    goods = [
        (f"s{n}", chance.randint(101, 101 + spread), even or chance.choice(COUNTS[:most]))
        for n in range(lines)
    ]
    total = sum(amount * count for _, amount, count in goods)
    some = chance.sample(GIVES, chance.randint(1, 4)) if chance.random() < 0.7 else list(GIVES)
    more = chance.sample(MORE, 3) if chance.random() < 0.7 else list(MORE)
    share = chance.choice((0.1, 0.4, 0.7, 1.0))
    kind = chance.choice(("best", "best", "best", "all", "first"))
    skus = [sku for sku, _, _ in goods]
    rows = []
    for place in range(chance.choice((2, 3, 6, 14, 30, 60))):
        words = {
            "n": chance.randint(1, 60),
            "k": chance.randint(2, 5),
            "c": f"{chance.randint(1, 99):02}",
            "a": ", ".join(_some(chance, skus, share)),
            "b": ", ".join(_some(chance, skus, share)),
            "t": f"{total // chance.choice((101, 111, 150, 300))}.00",
        }
        what = f"what: {{sku: [{', '.join(_some(chance, skus, share))}]}}, "
        group = chance.choice((", in: one", ", in: one", ", in: one", ", in: two", ""))
        give = chance.choice(some)
        if give.startswith("{{set"):
            what = ""
        also = chance.choice(more)
        rows.append(
            f"  o{place}: {{{what}give: {give.format(**words)}{group}{also.format(**words)}}}\n"
        )
    text = (
        f"programme: shape\ncurrency: EUR\nsettings: {{{chance.choice(SETTINGS)}}}\n"
        f"groups: {{one: best, two: {kind}}}\noffers:\n{''.join(rows)}"
    )
    return text, Basket(
        currency="EUR",
        lines=tuple(
            Line(line_id=sku, sku=sku, quantity=Decimal(count), amount_minor=amount * count)
            for sku, amount, count in goods
        ),
    )


def _some(chance: random.Random, skus: list[str], share: float) -> list[str]:
    return chance.sample(skus, max(1, round(share * len(skus))))
