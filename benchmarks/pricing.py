"""Pricing a basket: the engine beside a hand-written indexed loop and, where installed, zen-engine.

All run interleaved in one process over the shared workload and are measured in CPU time, so that a
busy machine shifts them alike. The engine gives a whole quote with reasons; the loop gives sums
alone and is the floor. zen-engine gets one decision table of the category percentages only, a small
part of the work. Then how the cost grows with the number of offers and of lines.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks._pricing_workload import (
    SUMS,
    Case,
    IndexedLoop,
    case_of,
    cases,
    programme_text,
    workload,
)
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme, parse_programme

ROUNDS = 5
OFFER_COUNTS = (10, 200, 2_000, 10_000)
LINE_COUNTS = (1, 5, 20, 40, 100, 200)


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def programme_of(offers: list[dict[str, Any]]) -> Programme:
    found, problems = parse_programme(programme_text(offers), file="workload.yaml")
    if found is None:
        sys.exit("\n".join(problem.render() for problem in problems))
    return found


def many_offers(count: int) -> list[dict[str, Any]]:
    """The 200 offers, again and again under other ids, categories and products, up to `count`."""
    offers = workload()["offers"]
    found = []
    for number in range(count):
        offer = dict(offers[number % len(offers)])
        turn = number // len(offers)
        offer["id"] = f"{offer['id']}-{turn}"
        if turn:
            for key in ("cat", "sku", "code"):
                if offer.get(key):
                    offer[key] = f"{offer[key]}x{turn}"
            if "skus" in offer:
                offer["skus"] = [f"{sku}x{turn}" for sku in offer["skus"]]
        found.append(offer)
    return found


def zen_decision() -> Callable[[list[dict[str, Any]]], None] | None:
    """A decision table of the category percentages, asked once a line; None when not installed."""
    try:
        import zen
    except ImportError:
        return None
    rules = [
        {"_id": offer["id"], "c": json.dumps(offer["cat"]), "p": str(offer["percent"])}
        for offer in workload()["offers"]
        if offer["type"] == "percent_category"
    ]
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": "c", "name": "category", "field": "cat"}],
        "outputs": [{"id": "p", "name": "percent", "field": "percent"}],
        "rules": rules,
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "t", "type": "decisionTableNode", "name": "t", "content": table},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "t"},
        {"id": "2", "type": "edge", "sourceId": "t", "targetId": "out"},
    ]
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))

    def price(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            decision.evaluate({"cat": line["cat"]})

    return price


def pricing_seconds(programme: Programme, asked: Sequence[Case]) -> float:
    """CPU time to price some baskets."""
    started = time.process_time()
    for one in asked:
        evaluate(programme, one.member, one.basket, one.place)
    return time.process_time() - started


def check(quotes: Sequence[Quote]) -> None:
    """Only right answers are measured."""
    if sum(quote.due_minor for quote in quotes) != SUMS["net"]:
        sys.exit("pricing: the sums of the workload are not reproduced")


def side_by_side() -> None:
    programme, asked = programme_of(workload()["offers"]), cases()
    loop = IndexedLoop(workload()["offers"])
    baskets = workload()["baskets"]
    zen = zen_decision()
    check([evaluate(programme, one.member, one.basket, one.place) for one in asked])
    ours, floor, peer = [], [], []
    for _ in range(ROUNDS):
        floor.append(seconds(lambda: [loop.price(basket) for basket in baskets]))
        ours.append(pricing_seconds(programme, asked))
        if zen is not None:
            peer.append(seconds(lambda: [zen(basket["lines"]) for basket in baskets[:100]]) * 10)
    single = sorted(pricing_seconds(programme, [one]) for one in asked)
    count = len(asked)
    print(f"{'':24}{'baskets/s':>12}{'ratio to the loop':>20}")
    for name, spent in (("indexed loop", floor), ("tessera", ours), ("zen-engine (part)", peer)):
        if spent:
            ratios = [low / one for low, one in zip(floor, spent, strict=True)]
            middle = statistics.median(ratios)
            print(
                f"{name:24}{count / statistics.median(spent):12.0f}"
                f"{middle:12.4f} ({min(ratios):.4f}–{max(ratios):.4f})"
            )
    if zen is None:
        print("zen-engine               not installed: pip install zen-engine")
    print(f"one quote: p50 {single[count // 2] * 1e3:.2f} ms, p99 {single[-10] * 1e3:.2f} ms (CPU)")


def growth() -> None:
    asked = cases()[:100]
    print(f"\n{'offers':>8}{'check, s':>12}{'quote, ms':>12}{'× 200 offers':>14}")
    base = 0.0
    for count in OFFER_COUNTS:
        offers = many_offers(count)
        started = time.process_time()
        programme = programme_of(offers)
        loading = time.process_time() - started
        spent = pricing_seconds(programme, asked) / len(asked) * 1e3
        base = spent if count == 200 else base
        ratio = f"{spent / base:.2f}" if base else "—"
        print(f"{count:>8}{loading:>12.2f}{spent:>12.2f}{ratio:>14}")
    programme = programme_of(workload()["offers"])
    lines = [line for basket in workload()["baskets"][:40] for line in basket["lines"]]
    print(f"\n{'lines':>8}{'quote, ms':>12}{'µs a line':>12}")
    for size in LINE_COUNTS:
        one = case_of({**workload()["baskets"][0], "lines": lines[:size]})
        spent = pricing_seconds(programme, [one] * 20) / 20 * 1e3
        print(f"{size:>8}{spent:>12.2f}{spent * 1e3 / size:>12.0f}")


if __name__ == "__main__":
    side_by_side()
    growth()
