"""The best price as a mixed-integer programme for HiGHS, an independent solver.

Only for shops in which nothing has to be rounded: whole prices, percentages that divide them. The
units of a sku are alike. A use of "cheapest of n" needs n − 1 units that cost at least as much for
each one that it gives, which is what `_pay_for_the_free` says for every prefix of prices.
"""

import random
from collections import Counter
from typing import Any

import highspy

from tests.unit.rules.brute_force import Rule, Shop


class Model:
    """One shop under one of its basket offers, or none."""

    def __init__(self, shop: Shop, basket: Rule | None) -> None:
        self.highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        self.highs.silent()
        self.counts = Counter(shop.units)
        self.units = sorted(self.counts, key=lambda unit: (-unit[1], unit[0]))
        nothing = self.highs.addVariable(0, 0)
        self.left: dict[tuple[str, int], Any] = dict.fromkeys(self.units, nothing * 1)
        self.off: Any = nothing * 1
        for rule in shop.rules:
            if not rule.kind.startswith("basket"):
                self.add(rule)
        for unit in self.units:
            self.highs.addConstr(self.left[unit] <= self.counts[unit])
        self.goal = self.off + (self.add_basket(basket) if basket else 0)

    def taken(self, rule: Rule) -> dict[tuple[str, int], Any]:
        found = {}
        for unit in self.units:
            if unit[0] in rule.skus:
                most = min(self.counts[unit], rule.most * rule.n if rule.most else 10**6)
                found[unit] = self.highs.addIntegral(0, most)
                self.left[unit] = self.left[unit] + found[unit]
        return found

    def add(self, rule: Rule) -> None:
        taken = self.taken(rule)
        if not taken:
            return
        worth = self.highs.qsum(unit[1] * count for unit, count in taken.items())
        number = self.highs.qsum(taken.values())
        if rule.kind == "percent":
            self.off = self.off + worth * (rule.value / 100)
            return
        uses = self.highs.addIntegral(0, rule.most or 10**6)
        self.highs.addConstr(number == uses * rule.n)
        if rule.kind == "set":
            self.off = self.off + worth - uses * rule.value
        elif rule.kind == "share":
            self.off = self.off + worth * (rule.value / 100)
        else:
            assert rule.kind == "cheapest"
            self.off = self.off + self.free(rule, taken, uses) * (rule.value / 100)

    def free(self, rule: Rule, taken: dict[tuple[str, int], Any], uses: Any) -> Any:
        free = {unit: self.highs.addIntegral(0, self.counts[unit]) for unit in taken}
        self.highs.addConstr(self.highs.qsum(free.values()) == uses)
        for unit, count in taken.items():
            self.highs.addConstr(free[unit] <= count)
            dearer = [one for one in taken if one[1] >= unit[1]]
            given = self.highs.qsum(free[one] for one in dearer)
            there = self.highs.qsum(taken[one] for one in dearer)
            self.highs.addConstr(given * rule.n <= there)
        return self.highs.qsum(unit[1] * count for unit, count in free.items())

    def add_basket(self, rule: Rule) -> Any:
        total = sum(unit[1] * count for unit, count in self.counts.items())
        if rule.needs and rule.after:
            self.highs.addConstr(self.off <= total - rule.needs)
        elif rule.needs > total:
            return 0
        still = self.highs.qsum(
            unit[1] * (self.counts[unit] - self.left[unit])
            for unit in self.units
            if unit[0] in rule.skus
        )
        if rule.kind == "basket-percent":
            return still * (rule.value / 100)
        minor = self.highs.addVariable(0, rule.value)
        self.highs.addConstr(minor <= still)
        return minor

    def most(self) -> int:
        # HiGHS 1.15's presolve cuts off the optimum of one of these shops.
        self.highs.setOptionValue("presolve", "off")
        self.highs.setOptionValue("mip_rel_gap", 0.0)
        self.highs.setOptionValue("mip_abs_gap", 0.1)
        self.highs.maximize(self.goal)
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return 0  # the threshold can't be kept
        found: float = self.highs.getObjectiveValue()
        return round(found)


def least_to_pay(shop: Shop) -> int:
    """What is left to pay at best; at most one basket offer acts, as they share all their goods."""
    total = sum(price for _, price in shop.units)
    cases = [None, *(rule for rule in shop.rules if rule.kind.startswith("basket"))]
    return total - max(Model(shop, basket).most() for basket in cases)


def whole_shop(seed: int, lines: int) -> Shop:
    """A large shop in which nothing is rounded; all basket offers act on everything."""
    chance = random.Random(seed)
    skus = [f"s{n:02}" for n in range(lines)]
    prices = {sku: 100 * chance.randint(1, 30) for sku in skus}
    units = [(sku, prices[sku]) for sku in skus for _ in range(chance.choice((1, 1, 2, 3)))]
    total = sum(price for _, price in units)
    rules = []
    for number in range(chance.randint(4, 9)):
        some = frozenset(chance.sample(skus, chance.randint(2, max(3, lines // 4))))
        kind = chance.choice(("percent", "set", "set", "cheapest", "share"))
        n = chance.choice((2, 2, 3))
        value = {
            "percent": chance.choice((5, 10, 20)),
            "set": 100 * chance.randint(5, 30),
            "cheapest": 100,
            "share": chance.choice((10, 25)),
        }[kind]
        most = chance.choice((0, 0, 1)) if kind != "percent" else 0
        rules.append(
            Rule(f"u{number}", kind, some, value, n=1 if kind == "percent" else n, most=most)
        )
    everything = frozenset(skus)
    for number in range(chance.randint(0, 2)):
        needs = chance.choice((0, total * 7 // 10, total * 9 // 10))
        if chance.random() < 0.5:
            rules.append(
                Rule(f"b{number}", "basket-percent", everything, 5, needs=needs, after=True)
            )
        else:
            value = 100 * chance.randint(2, 20)
            rules.append(
                Rule(f"b{number}", "basket-amount", everything, value, needs=needs, after=True)
            )
    return Shop(tuple(rules), tuple(units))
