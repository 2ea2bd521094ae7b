"""The shared pricing workload: 200 offers, 5,000 products, 1,000 baskets, and its known sums.

Owns: the data, its translation into a programme and baskets, and a hand-written indexed loop that
computes nothing but the sums. Must never: import more of the engine than its values.
"""

import json
import lzma
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tessera.core.basket import Basket, Line, Place
from tessera.core.member import MemberState

DATA = Path(__file__).parent / "data" / "pricing_workload.json.xz"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY = datetime.fromisoformat("2026-11-16T00:00:00+01:00")

SUMS = {
    "net": 21_844_709,
    "line": 2_694_516,
    "mix": 1_556_440,
    "threshold": 1_146_770,
    "coupon": 160_199,
    "points": 2_171_204,
    "stamps": 5_269,
}


@cache
def workload() -> dict[str, Any]:
    """Products, offers and baskets as they were published."""
    found: dict[str, Any] = json.loads(lzma.decompress(DATA.read_bytes()))
    return found


def programme_text(offers: list[dict[str, Any]]) -> str:
    """The offers as a programme with the settings that the workload names."""
    head = """\
programme: workload
currency: EUR
settings:
  rounding: floor
  exclusive: line
  between_groups: first
  accrual_basis: after-line-offers
  multipliers: highest
units: {points: {}, stamps: {}}
tiers: {silver: {}, gold: {}, platinum: {}}
groups:
  lines: best
  mixes: first
  thresholds: best
  coupons: all
offers:
"""
    return head + "".join(f"  {offer['id']}: {{{_offer(offer)}}}\n" for offer in offers)


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def _offer(offer: dict[str, Any]) -> str:  # noqa: PLR0911 — one sentence for each kind
    match offer["type"]:
        case "percent_category":
            return f"what: category {offer['cat']}, give: {offer['percent']} % off, in: lines"
        case "happy_hour":
            start, end = offer["start"], offer["end"] - 1
            hours = f"{start // 60:02}:{start % 60:02}..{end // 60:02}:{end % 60:02}"
            give = f"{offer['percent']} % off"
            return f"when: '{hours}', what: category {offer['cat']}, give: {give}, in: lines"
        case "buy_x_get_y":
            give = f"buy {offer['x']} get {offer['y']} free"
            return f"what: sku {offer['sku']}, give: {give}, in: lines"
        case "mix_match":
            give = f"any {offer['n']} for {_money(offer['price'])}"
            return f"what: {{sku: [{', '.join(offer['skus'])}]}}, give: {give}, in: mixes"
        case "threshold":
            needs = f"basket from {_money(offer['min_total'])} after unit offers"
            give = f"{_money(offer['amount'])} off the basket"
            return f"needs: {needs}, give: {give}, in: thresholds, stacks: yes"
        case "coupon":
            give = _money(offer["amount"]) if offer["amount"] else f"{offer['percent']} %"
            trigger = f"coupon {offer['code']}"
            return f"trigger: {trigger}, give: {give} off the basket, in: coupons, stacks: yes"
        case "tier_multiplier":
            when = "" if offer["dow"] is None else f"when: {DAYS[offer['dow']]}, "
            factor = f"{offer['x100'] // 100}.{offer['x100'] % 100:02}"
            return f"{when}who: tier {offer['tier']}, give: points x {factor}"
        case "points_per_amount":
            what = "" if offer["cat"] is None else f"what: category {offer['cat']}, "
            give = f"{offer['points']} points for every whole {_money(offer['per'])}"
            return f"{what}give: {give}"
    assert offer["type"] == "stamps"
    return f"what: {{sku: [{', '.join(offer['skus'])}]}}, give: {offer['stamps']} stamps per item"


@dataclass(frozen=True, slots=True)
class Case:
    """One basket as the engine takes it."""

    member: MemberState
    basket: Basket
    place: Place


def cases() -> list[Case]:
    """All baskets, ready to be priced."""
    return [case_of(basket) for basket in workload()["baskets"]]


def case_of(basket: dict[str, Any]) -> Case:
    """One basket of the data as the engine takes it."""
    at = MONDAY + timedelta(days=basket["dow"], minutes=basket["minute"])
    lines = tuple(
        Line(
            line_id=str(number),
            sku=line["sku"],
            quantity=Decimal(line["qty"]),
            amount_minor=line["amount"],
            categories=(line["cat"],),
        )
        for number, line in enumerate(basket["lines"])
    )
    tier = "" if basket["tier"] == "none" else basket["tier"]
    return Case(
        MemberState(member_id=str(basket["id"]), tier=tier),
        Basket(currency="EUR", lines=lines, coupons=tuple(basket["coupons"])),
        Place(at=at, business_day=at.date()),
    )


# -- the floor: a loop that was written for these offers alone


class IndexedLoop:
    """The workload's semantics by hand: look-ups by category and product, integers, no trace."""

    def __init__(self, offers: list[dict[str, Any]]) -> None:
        self.percent: dict[str, int] = {}
        self.happy: dict[str, list[tuple[int, int, int]]] = {}
        self.free: dict[str, list[tuple[int, int]]] = {}
        self.mixes: list[tuple[int, int]] = []
        self.mixes_of: dict[str, list[int]] = {}
        self.steps: list[tuple[int, int]] = []
        self.coupons: dict[str, tuple[int, int]] = {}
        self.tiers: dict[str, list[tuple[int | None, int]]] = {}
        self.points: dict[str | None, list[tuple[int, int]]] = {}
        self.stamps: dict[str, int] = {}
        for offer in offers:
            getattr(self, f"_add_{offer['type']}")(offer)
        self.steps.sort(key=lambda step: -step[1])

    def _add_percent_category(self, offer: dict[str, Any]) -> None:
        self.percent[offer["cat"]] = max(self.percent.get(offer["cat"], 0), offer["percent"])

    def _add_happy_hour(self, offer: dict[str, Any]) -> None:
        span = (offer["start"], offer["end"], offer["percent"])
        self.happy.setdefault(offer["cat"], []).append(span)

    def _add_buy_x_get_y(self, offer: dict[str, Any]) -> None:
        self.free.setdefault(offer["sku"], []).append((offer["x"], offer["y"]))

    def _add_mix_match(self, offer: dict[str, Any]) -> None:
        for sku in offer["skus"]:
            self.mixes_of.setdefault(sku, []).append(len(self.mixes))
        self.mixes.append((offer["n"], offer["price"]))

    def _add_threshold(self, offer: dict[str, Any]) -> None:
        self.steps.append((offer["min_total"], offer["amount"]))

    def _add_coupon(self, offer: dict[str, Any]) -> None:
        self.coupons[offer["code"]] = (offer["amount"], offer["percent"])

    def _add_tier_multiplier(self, offer: dict[str, Any]) -> None:
        self.tiers.setdefault(offer["tier"], []).append((offer["dow"], offer["x100"]))

    def _add_points_per_amount(self, offer: dict[str, Any]) -> None:
        self.points.setdefault(offer["cat"], []).append((offer["per"], offer["points"]))

    def _add_stamps(self, offer: dict[str, Any]) -> None:
        for sku in offer["skus"]:
            self.stamps[sku] = self.stamps.get(sku, 0) + offer["stamps"]

    def price(self, basket: dict[str, Any]) -> tuple[int, int, int, int, int, int, int]:  # noqa: C901, PLR0912
        """Net, line discounts, mixes, threshold, coupons, points, stamps."""
        minute = basket["minute"]
        net = line_off = mix_off = stamps = 0
        by_category: dict[str, int] = {}
        pools: dict[int, list[list[int]]] = {}
        for line in basket["lines"]:
            sku, category, amount = line["sku"], line["cat"], line["amount"]
            percent = self.percent.get(category, 0)
            for start, end, more in self.happy.get(category, ()):
                if more > percent and start <= minute < end:
                    percent = more
            best = amount * percent // 100
            for buy, get in self.free.get(sku, ()):
                best = max(best, line["qty"] // (buy + get) * get * line["price"])
            if sku in self.stamps:
                stamps += line["qty"] * self.stamps[sku]
            due = amount - best
            by_category[category] = by_category.get(category, 0) + due
            net += due
            if best:
                line_off += best
            elif sku in self.mixes_of:
                entry = [-line["price"], line["qty"]]
                for number in self.mixes_of[sku]:
                    pools.setdefault(number, []).append(entry)
        earned_on = net
        for number in sorted(pools):
            saved = self._mix(number, pools[number])
            mix_off += saved
            net -= saved
        threshold = next((amount for least, amount in self.steps if net >= least), 0)
        net -= threshold
        coupon_off = 0
        for code in basket["coupons"]:
            amount, percent = self.coupons[code]
            off = min(net, amount or net * percent // 100)
            coupon_off += off
            net -= off
        points = sum(earned_on // per * count for per, count in self.points.get(None, ()))
        for category, amount in by_category.items():
            for per, count in self.points.get(category, ()):
                points += amount // per * count
        factor = 100
        for weekday, times in self.tiers.get(basket["tier"], ()):
            if times > factor and weekday in {None, basket["dow"]}:
                factor = times
        return net, line_off, mix_off, threshold, coupon_off, points * factor // 100, stamps

    def _mix(self, number: int, pool: list[list[int]]) -> int:
        size, price = self.mixes[number]
        units = sorted(
            ((entry[0], entry) for entry in pool for _ in range(entry[1])),
            key=lambda unit: unit[0],
        )
        saved = 0
        for start in range(0, len(units) - size + 1, size):
            group = units[start : start + size]
            worth = -sum(unit[0] for unit in group)
            if worth <= price:
                break
            saved += worth - price
            for _, entry in group:
                entry[1] -= 1
        return saved
