"""The best price by trying everything: no line of it is shared with the engine.

Baskets are units with a price and a sku; offers are plain values, also written as a programme.
Every way to give units to offers is tried, unit by unit, every way to form the groups of a bundle,
and every order of the basket offers.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations


@dataclass(frozen=True)
class Rule:
    """One offer.

    kind: percent, amount, price (each unit) · set (n for value) · cheapest (the `get` cheapest of n
    at value % off) · share (value % off any n) · basket-percent, basket-amount.
    """

    name: str
    kind: str
    skus: frozenset[str]
    value: int
    n: int = 1
    get: int = 1
    needs: int = 0
    after: bool = False
    most: int = 0
    cap: int = 0


@dataclass(frozen=True)
class Shop:
    """Rules, whether basket offers stack with all others, and the units: (sku, price)."""

    rules: tuple[Rule, ...]
    units: tuple[tuple[str, int], ...]
    stacks: bool = False
    rounding: str = "half-away"


def money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def programme_of(shop: Shop) -> str:
    text = f"settings: {{rounding: {shop.rounding}}}\ngroups: {{one: best}}\noffers:\n"
    return text + "".join(f"  {rule.name}: {{{_offer(rule, shop)}}}\n" for rule in shop.rules)


def _offer(rule: Rule, shop: Shop) -> str:
    what = f"what: {{sku: [{', '.join(sorted(rule.skus))}]}}"
    basket = rule.kind.startswith("basket")
    group = "stacks: yes" if basket and shop.stacks else "in: one"
    limit = f", limits: {rule.most} per basket" if rule.most else ""
    cap = f" at most {money(rule.cap)}" if rule.cap else ""
    give = {
        "percent": f"{rule.value} % off{cap}",
        "amount": f"{money(rule.value)} off",
        "price": f"price {money(rule.value)}",
        "set": f"any {rule.n} for {money(rule.value)}",
        "cheapest": f"buy {rule.n - rule.get} get {rule.get} at {rule.value} % off",
        "share": f"{{any: {rule.n}, off: {rule.value} %}}",
        "basket-percent": f"{rule.value} % off the basket{cap}",
        "basket-amount": f"{money(rule.value)} off the basket",
    }[rule.kind]
    when = " after unit offers" if rule.after else ""
    needs = f"needs: basket from {money(rule.needs)}{when}, " if rule.needs else ""
    return f"{needs}{what}, give: {give}, {group}{limit}"


# -- everything, tried


def rounded(amount: Fraction, rounding: str) -> int:
    if rounding == "floor":
        return amount.numerator // amount.denominator
    return int(amount + Fraction(1, 2))


def submasks(mask: int) -> Iterator[int]:
    part = mask
    while True:
        yield part
        if not part:
            return
        part = (part - 1) & mask


@dataclass
class Trial:
    shop: Shop
    known: dict[object, object] = field(default_factory=dict)

    def unit_rules(self) -> list[Rule]:
        return [rule for rule in self.shop.rules if not rule.kind.startswith("basket")]

    def basket_rules(self) -> list[Rule]:
        return [rule for rule in self.shop.rules if rule.kind.startswith("basket")]

    def prices(self, mask: int) -> list[int]:
        return [price for n, (_, price) in enumerate(self.shop.units) if mask >> n & 1]

    def saving(self, rule: Rule, mask: int) -> int | None:
        """What a rule takes off exactly these units; None when it can't take just these."""
        units = [unit for n, unit in enumerate(self.shop.units) if mask >> n & 1]
        if any(sku not in rule.skus for sku, _ in units):
            return None
        if rule.most and len(units) > rule.most * (1 if rule.n == 1 else rule.n):
            return None
        if rule.kind in {"percent", "amount", "price"}:
            total = 0
            for sku, price in set(units):
                count = units.count((sku, price))
                if rule.kind == "percent":
                    off = Fraction(price * count * rule.value, 100)
                    total += rounded(off, self.shop.rounding)
                elif rule.kind == "amount":
                    total += min(price * count, rule.value * count)
                else:
                    total += max(0, (price - rule.value) * count)
            return min(total, rule.cap) if rule.cap else total
        if len(units) % rule.n:
            return None
        prices = tuple(sorted((price for _, price in units), reverse=True))
        return rounded(
            best_groups(rule.kind, rule.value, rule.n, rule.get, prices), self.shop.rounding
        )

    def by_mask(self) -> dict[int, set[int]]:
        """All discounts that unit offers can give, by the units that they take."""
        found: dict[int, set[int]] = {0: {0}}
        whole = (1 << len(self.shop.units)) - 1
        for rule in self.unit_rules():
            grown = {mask: set(sums) for mask, sums in found.items()}
            worth = {
                part: saving
                for part in submasks(whole)
                if part and (saving := self.saving(rule, part)) is not None
            }
            for mask, sums in found.items():
                for part, saving in worth.items():
                    if not part & mask:
                        grown.setdefault(mask | part, set()).update(one + saving for one in sums)
            found = grown
        return found

    def least_to_pay(self) -> int:
        units = self.shop.units
        total = sum(price for _, price in units)
        found = self.by_mask()
        best = total - max(max(sums) for sums in found.values())
        rules = self.basket_rules()
        orders = [order for size in range(1, len(rules) + 1) for order in permutations(rules, size)]
        for order in orders:
            if self.shop.stacks and not self.in_set_order(order):
                continue
            for mask, sums in found.items():
                for off in sums:
                    best = min(best, total - off - self.basket_off(order, mask, off, total))
        return best

    def stage_by_stage(self) -> int:
        """What is left to pay when unit offers are settled first, and basket offers after them."""
        total = sum(price for _, price in self.shop.units)
        found = self.by_mask()
        most = max(max(sums) for sums in found.values())
        rules = self.basket_rules()
        orders = [order for size in range(len(rules) + 1) for order in permutations(rules, size)]
        return min(
            total - most - self.basket_off(order, mask, most, total)
            for mask, sums in found.items()
            if most in sums
            for order in orders
            if not self.shop.stacks or self.in_set_order(order)
        )

    def largest_saving_first(self) -> int:
        """What is left to pay when the use that saves most is taken, again and again."""
        taken, off = 0, 0
        whole = (1 << len(self.shop.units)) - 1
        while True:
            uses = [
                (saving, -part)
                for rule in self.unit_rules()
                for part in submasks(whole & ~taken)
                if part.bit_count() == rule.n and (saving := self.saving(rule, part))
            ]
            if not uses:
                break
            saving, part = max(uses)
            taken, off = taken | -part, off + saving
        total = sum(price for _, price in self.shop.units)
        more = [self.basket_off((rule,), taken, off, total) for rule in self.basket_rules()]
        return total - off - max(more, default=0)

    def in_set_order(self, order: tuple[Rule, ...]) -> bool:
        """Offers that meet act in the programme's order: amounts first, then by name."""
        return list(order) == sorted(
            order, key=lambda one: (one.kind == "basket-percent", one.name)
        )

    def basket_off(self, order: tuple[Rule, ...], mask: int, off: int, total: int) -> int:
        """What basket offers take off; those that don't stack find only units nobody took."""
        ready = [rule for rule in order if (total - off if rule.after else total) >= rule.needs]
        taken, found = mask, 0
        for rule in ready:
            if self.shop.stacks:
                base = total - off - found
            else:
                open_units = [
                    n
                    for n, (sku, _) in enumerate(self.shop.units)
                    if sku in rule.skus and not taken >> n & 1
                ]
                base = sum(self.shop.units[n][1] for n in open_units)
            if rule.kind == "basket-percent":
                minor = rounded(Fraction(base * rule.value, 100), self.shop.rounding)
                minor = min(minor, rule.cap) if rule.cap else minor
            else:
                minor = min(base, rule.value)
            if minor and not self.shop.stacks:
                taken |= sum(1 << n for n in open_units)
            found += minor
        return found


@cache
def best_groups(kind: str, value: int, n: int, get: int, prices: tuple[int, ...]) -> Fraction:
    """The most that units bring when they are put into groups of n in every possible way."""
    if not prices:
        return Fraction(0)
    best: Fraction | None = None
    for others in combinations(range(1, len(prices)), n - 1):
        group = sorted(prices[place] for place in (0, *others))
        rest = tuple(price for place, price in enumerate(prices) if place and place not in others)
        if kind == "set":
            worth = Fraction(sum(group) - value)
            if worth < 0:
                continue
        elif kind == "cheapest":
            worth = Fraction(sum(group[:get]) * value, 100)
        else:
            worth = Fraction(sum(group) * value, 100)
        more = worth + best_groups(kind, value, n, get, rest)
        best = more if best is None or more > best else best
    return best if best is not None else Fraction(-(10**9))


def least_to_pay(shop: Shop) -> int:
    return Trial(shop).least_to_pay()


# -- random shops


def random_shop(seed: int, most_units: int, *, rounding: str = "half-away") -> Shop:
    """A small shop made to compete: few skus, overlapping selections, awkward prices."""
    chance = random.Random(seed)
    skus = [f"s{n}" for n in range(chance.randint(2, 6))]
    price_of = {sku: chance.choice((100, 199, 250, 333, 399, 5, 1250, 1, 799)) for sku in skus}
    count = chance.randint(2, most_units)
    units = tuple((sku, price_of[sku]) for sku in sorted(chance.choices(skus, k=count)))
    rules = []
    for number in range(chance.randint(1, 4)):
        some = frozenset(chance.sample(skus, chance.randint(1, len(skus))))
        rules.append(_random_rule(chance, f"u{number}", some))
    rules += [
        _random_basket_rule(chance, f"b{number}", skus, units)
        for number in range(chance.choice((0, 0, 1, 1, 2)))
    ]
    stacks = chance.random() < 0.3
    if stacks:  # all offers on the basket then act on everything
        everything = frozenset(skus)
        rules = [
            Rule(**{**vars(rule), "skus": everything}) if rule.kind.startswith("basket") else rule
            for rule in rules
        ]
    return Shop(tuple(rules), units, stacks=stacks, rounding=rounding)


def _random_rule(chance: random.Random, name: str, skus: frozenset[str]) -> Rule:
    kind = chance.choice(
        ("percent", "amount", "price", "set", "set", "cheapest", "cheapest", "share")
    )
    n = chance.choice((2, 2, 3))
    most = chance.choice((0, 0, 0, 1, 2))
    if kind == "set":
        value = chance.choice((250, 400, 500, 900))
        return Rule(name, kind, skus, value, n=n, most=most)
    if kind in {"cheapest", "share"}:
        return Rule(name, kind, skus, chance.choice((20, 50, 100)), n=n, most=most)
    value = chance.choice((10, 15, 30)) if kind == "percent" else chance.choice((50, 100))
    cap = chance.choice((0, 0, 0, 40)) if kind == "percent" else 0
    return Rule(name, kind, skus, value, most=most, cap=cap)


def _random_basket_rule(
    chance: random.Random, name: str, skus: list[str], units: tuple[tuple[str, int], ...]
) -> Rule:
    some = frozenset(skus) if chance.random() < 0.6 else frozenset(chance.sample(skus, 2))
    total = sum(price for _, price in units)
    needs = chance.choice((0, total * 6 // 10, total * 8 // 10, total * 9 // 10))
    after = chance.random() < 0.7
    if chance.random() < 0.5:
        value, cap = chance.choice((5, 10, 25)), chance.choice((0, 0, 60))
        return Rule(name, "basket-percent", some, value, needs=needs, after=after, cap=cap)
    value = chance.choice((50, 100, 300))
    return Rule(name, "basket-amount", some, value, needs=needs, after=after)
