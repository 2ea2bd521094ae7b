"""Pricing a basket: the engine beside a hand-written indexed loop and, where installed, zen-engine.

All run interleaved in one process over the shared workload and are measured in CPU time, so that a
busy machine shifts them alike. The loop gives sums alone and is the floor. The engine makes the
values of a quote when they are read, so it is measured by what is read: the sums alone; with the
reason of every offer that touched the basket, which is what it is judged by, from empty tables and
again when they are full; and with every value that a quote holds, as a till reads them when it
answers and records. zen-engine gets one decision table of the category percentages only, a small
part of the work. Then how the cost grows with the number of offers and of lines.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
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
from tessera.rules.evaluate import evaluate, evaluate_in_full
from tessera.rules.programme import Programme, parse_programme

ROUNDS = 5
OFFER_COUNTS = (10, 200, 2_000, 10_000)
SLICE = 50
"""Baskets that one prices before the next has its turn, so that a change of the machine's pace
within a round meets all."""
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


def read_sums(quote: Quote) -> object:
    """What the loop gives as well."""
    return quote.due_minor


def read_reasons(quote: Quote) -> object:
    """The sums, and what became of every offer that was considered."""
    return quote.offers


def read_all(quote: Quote) -> object:
    """Every value of the quote."""
    return [getattr(quote, one.name) for one in fields(quote)]


READ = {"sums": read_sums, "sums and reasons": read_reasons, "every value": read_all}
LOOP, AGAIN = "indexed loop", "sums and reasons, again"
FULL, ZEN = "every value, full way", "zen-engine (part)"


def pricing_seconds(
    programme: Programme,
    asked: Sequence[Case],
    read: Callable[[Quote], object] = read_reasons,
    price: Callable[..., Quote] = evaluate,
) -> float:
    """CPU time to price some baskets and read a part of their quotes."""
    started = time.process_time()
    for one in asked:
        read(price(programme, one.member, one.basket, one.place))
    return time.process_time() - started


def price_all(loop: IndexedLoop, baskets: list[dict[str, Any]]) -> None:
    """The floor's part of a turn."""
    for basket in baskets:
        loop.price(basket)


def price_lines(zen: Callable[[list[dict[str, Any]]], None], baskets: list[dict[str, Any]]) -> None:
    """The peer's part of a turn."""
    for basket in baskets:
        zen(basket["lines"])


def check(quotes: Sequence[Quote]) -> None:
    """Only right answers are measured."""
    if sum(quote.due_minor for quote in quotes) != SUMS["net"]:
        sys.exit("pricing: the sums of the workload are not reproduced")


def side_by_side() -> None:
    asked, baskets = cases(), workload()["baskets"]
    loop = IndexedLoop(workload()["offers"])
    zen = zen_decision()
    # Each has tables of its own, so that they can take turns within a round.
    programmes = {name: programme_of(workload()["offers"]) for name in (*READ, AGAIN, FULL)}
    for programme in programmes.values():
        check([evaluate(programme, one.member, one.basket, one.place) for one in asked])
    spent: dict[str, list[float]] = {name: [] for name in (LOOP, *programmes, ZEN)}
    for _ in range(ROUNDS):
        for name in READ:
            programmes[name].kept.clear()  # nothing remembered from the round before
        turn = dict.fromkeys(spent, 0.0)
        for start in range(0, len(asked), SLICE):
            here, raw = asked[start : start + SLICE], baskets[start : start + SLICE]
            turn[LOOP] += seconds(partial(price_all, loop, raw))
            for name, read in READ.items():
                turn[name] += pricing_seconds(programmes[name], here, read)
            # What bundles came to on equal goods is remembered, as on a till after some days.
            turn[AGAIN] += pricing_seconds(programmes[AGAIN], here)
            turn[FULL] += pricing_seconds(programmes[FULL], here, read_all, evaluate_in_full)
            if zen is not None:
                turn[ZEN] += seconds(partial(price_lines, zen, raw[::10])) * 10
        for name, sum_s in turn.items():
            if sum_s:
                spent[name].append(sum_s)
    count = len(asked)
    print(f"{'':26}{'baskets/s':>12}{'ratio to the loop':>20}")
    for name, times in spent.items():
        if times:
            ratios = [low / one for low, one in zip(spent[LOOP], times, strict=True)]
            print(
                f"{name:26}{count / statistics.median(times):12.0f}"
                f"{statistics.median(ratios):12.4f} ({min(ratios):.4f}–{max(ratios):.4f})"
            )
    if zen is None:
        print("zen-engine               not installed: pip install zen-engine")
    else:
        print_times_zen(spent["sums and reasons"], spent[ZEN])
    print_shares(spent)
    print_tails(programmes[AGAIN], asked, loop, baskets)


def print_times_zen(ours: list[float], peer: list[float]) -> None:
    ratios = [slow / quick for slow, quick in zip(peer, ours, strict=True)]
    print(f"sums and reasons: {statistics.median(ratios):.1f} × zen-engine")


def print_shares(spent: dict[str, list[float]]) -> None:
    """Say what share of a whole quote is calculation, reasons, and everything else."""
    whole = statistics.median(spent["every value"])
    sums = statistics.median(spent["sums"]) / whole
    reasons = statistics.median(spent["sums and reasons"]) / whole - sums
    print(
        f"of a whole quote: calculation {sums:.0%}, reasons {reasons:.0%}, lines with their"
        f" allocations, taxes and receipt {1 - sums - reasons:.0%}"
    )


def print_tails(
    programme: Programme, asked: list[Case], loop: IndexedLoop, baskets: list[dict[str, Any]]
) -> None:
    """Print the middle and the slowest hundredth of single baskets, ours and the loop's."""
    count = len(asked)
    ours = sorted(pricing_seconds(programme, [one]) for one in asked)
    floor = sorted(seconds(partial(loop.price, one)) for one in baskets)
    for name, times in (("indexed loop", floor), ("sums and reasons", ours)):
        middle, tail = times[count // 2] * 1e3, times[-count // 100] * 1e3
        print(f"one basket, {name}: p50 {middle:.3f} ms, p99 {tail:.3f} ms (CPU)")


def growth() -> None:
    asked, others = cases()[:100], cases()[100:200]
    print(f"\n{'offers':>8}{'check, s':>12}{'quote, ms':>12}{'× 200 offers':>14}")
    programmes, loading = {}, {}
    for count in OFFER_COUNTS:
        offers = many_offers(count)
        started = time.process_time()
        programmes[count] = programme_of(offers)
        loading[count] = time.process_time() - started
        pricing_seconds(programmes[count], others)
    spent: dict[int, list[float]] = {count: [] for count in OFFER_COUNTS}
    for _ in range(ROUNDS):
        for count, each in programmes.items():
            spent[count].append(pricing_seconds(each, asked) / len(asked) * 1e3)
    for count, times in spent.items():
        ratio = statistics.median(one / low for one, low in zip(times, spent[200], strict=True))
        middle = statistics.median(times)
        print(f"{count:>8}{loading[count]:>12.2f}{middle:>12.2f}{ratio:>14.2f}")
    programme = programme_of(workload()["offers"])
    lines = [line for basket in workload()["baskets"][:40] for line in basket["lines"]]
    print(f"\n{'lines':>8}{'quote, ms':>12}{'µs a line':>12}")
    for size in LINE_COUNTS:
        one = case_of({**workload()["baskets"][0], "lines": lines[:size]})
        pricing_seconds(programme, others[:20])
        quote = pricing_seconds(programme, [one] * 20) / 20 * 1e3
        print(f"{size:>8}{quote:>12.2f}{quote * 1e3 / size:>12.0f}")


if __name__ == "__main__":
    side_by_side()
    growth()
