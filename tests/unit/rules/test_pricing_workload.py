"""The shared pricing workload, reproduced to the last minor unit."""

from benchmarks._pricing_workload import SUMS, IndexedLoop, cases, programme_text, workload
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import parse_programme
from tests.unit.rules.shop import check_sums

GROUPS = {
    "percent_category": "line",
    "happy_hour": "line",
    "buy_x_get_y": "line",
    "mix_match": "mix",
    "threshold": "threshold",
    "coupon": "coupon",
}


def add(sums: dict[str, int], quote: Quote, kinds: dict[str, str]) -> None:
    sums["net"] += quote.due_minor
    for outcome in quote.offers:
        if outcome.discount_minor:
            sums[kinds[outcome.offer]] += outcome.discount_minor
    for movement in quote.units:
        sums[movement.unit] += movement.earned


def test_all_seven_sums_are_reproduced() -> None:
    offers = workload()["offers"]
    programme, problems = parse_programme(programme_text(offers), file="workload.yaml")
    assert problems == []
    assert programme is not None
    kinds = {one["id"]: GROUPS.get(one["type"], "") for one in offers}
    sums = dict.fromkeys(SUMS, 0)
    for case in cases():
        quote = evaluate(programme, case.member, case.basket, case.place)
        check_sums(quote)
        add(sums, quote, kinds)
    assert sums == SUMS


def test_the_hand_written_loop_agrees() -> None:
    loop = IndexedLoop(workload()["offers"])
    sums = [sum(column) for column in zip(*map(loop.price, workload()["baskets"]), strict=True)]
    assert sums == list(SUMS.values())
