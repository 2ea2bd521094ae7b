"""The demo's story: one register's bad day, told as it happens and checked at its end.

Owns: what is done in which order, and the comparison of till, central and the totals by hand.
Must never: hide a difference.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tessera.fleet import demo_totals as by_hand
from tessera.fleet.demo_shop import CARD, MEMBER, DemoShop
from tessera.fleet.event_tap import EventTap
from tessera.fleet.pos import Answer, Json, NoAnswer, Pos, goods
from tessera.fleet.shop import run_json, wait_until

QUIET_S_MAX = 15.0
MILK = goods("1", sku="4000000000013", each_minor=150, quantity=4, category="dairy/milk")
WINE = goods("2", sku="4000000000020", each_minor=1400, category="wine")
BREAD = goods("1", sku="4000000000037", each_minor=320, category="bakery")
CHEESE = goods("2", sku="4000000000044", each_minor=950, category="dairy/cheese")
COFFEE = goods("3", sku="4000000000051", each_minor=725, category="coffee")
TEA_SET = goods("1", sku="4000000000068", each_minor=5200, category="household")


def money(minor: int) -> str:
    """An amount as people write it: 1940 → 19.40."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02}"


@dataclass
class Story:
    """The running story; `answered` holds what the till told the POS, by sale or return id."""

    shop: DemoShop
    pos: Pos
    type_card: Callable[[str], None]
    chapter: Callable[[str], None]
    say: Callable[[str], None]
    day: str
    answered: dict[str, Json] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def sale_id(self, number: int) -> str:
        """A sale's id as this POS numbers them."""
        return f"{self.day}-{number}"

    def tell(self) -> None:
        """All chapters in order."""
        self.scan_and_sell()
        self.sell_without_a_line()
        self.kill_in_the_middle()
        self.line_returns()
        self.compare()

    def scan_and_sell(self) -> None:
        """A card is scanned, a sale gets its discount and its points."""
        self.chapter("A member card is scanned, and a sale is made")
        with EventTap(self.pos.port, self.pos.token) as tap:
            started = time.monotonic()
            self.type_card(CARD)
            member = tap.wait_for("member")
        self.say(f"read by pyserial, on the screen after {(member.at_s - started) * 1000:.1f} ms")
        found = self.fine(self.pos.lookup(CARD)).body
        who = found["member"]
        units = {unit["unit"]: unit for unit in found["units"]}
        self.say(
            f"who: {who['display_name']}, {who['tier']}, {units['points']['balance_after']} points,"
            f" {units['points']['spendable_now']} of them to spend here"
        )
        self.expect(
            "points to begin with", units["points"]["balance_after"], by_hand.OPENING_POINTS
        )
        self.expect("points leased here", units["points"]["spendable_now"], by_hand.LEASED_POINTS)
        self.sell(1, [MILK, WINE], by_hand.FIRST)

    def sell_without_a_line(self) -> None:
        """The cable is pulled; spending and a return go on."""
        self.wait_for_empty_queue()
        self.chapter("The line to central is cut")
        self.shop.cut()
        wait_until(
            lambda: self.pos.status()["mode"] == "offline",
            seconds=QUIET_S_MAX,
            what="the agent noticing that central is away",
        )
        self.say("the agent says: offline, sales go on")
        self.sell(2, [BREAD, CHEESE, COFFEE], by_hand.REDEEMING, points=by_hand.SPENT_POINTS)
        return_id = f"{self.day}-r1"
        answer = self.fine(
            self.pos.return_lines(return_id, sale_id=self.sale_id(1), lines={"1": "1"})
        )
        body = answer.body
        points = next(unit for unit in body["units"] if unit["unit"] == "points")
        self.answered[return_id] = body
        self.say(
            f"return {return_id}: one milk, {money(body['refund_minor'])} back,"
            f" {points['taken_back']} points taken back   ({answer.took_ms:.1f} ms)"
        )
        self.expect("refund", -body["refund_minor"], by_hand.RETURNED.due_minor)
        self.expect("points taken back", -points["taken_back"], by_hand.RETURNED.earned)

    def kill_in_the_middle(self) -> None:
        """Kill the agent while a completion is under way; the POS simply asks again."""
        self.chapter("The agent is killed with -9 in the middle of a sale")
        sale_id, basket = self.sale_id(3), self.pos.basket([TEA_SET], cards=[CARD])
        quote = self.fine(self.pos.quote(sale_id, basket)).body
        lost: list[Answer] = []

        def complete() -> None:
            with contextlib.suppress(NoAnswer):
                lost.append(self.pos.complete(sale_id, basket, quote))

        asking = threading.Thread(target=complete)
        asking.start()
        self.shop.agent.kill()
        asking.join()
        self.say("killed; the POS got " + ("its answer just in time" if lost else "no answer"))
        took_s = self.shop.start_agent()
        self.say(f"started again, ready after {took_s:.1f} s")
        answer = self.fine(self.pos.complete(sale_id, basket, quote))
        self.answered[sale_id] = answer.body
        first = "the sale was already on disk" if answer.body["result"] == "exists" else "sold now"
        self.say(f"the POS asks again: result {answer.body['result']!r} — {first}")
        self.check_sale(answer.body, by_hand.INTERRUPTED)
        status = self.pos.status()
        self.say(f"still offline, {status['queue']['waiting']} records wait for central")
        self.expect("records waiting", status["queue"]["waiting"], 3)

    def line_returns(self) -> None:
        """The queue drains by itself."""
        self.chapter("The line returns")
        self.shop.mend()
        self.say(f"the queue is empty {self.wait_for_empty_queue():.1f} s later")
        wait_until(
            lambda: self.till_points()["pending"] == 0,
            seconds=QUIET_S_MAX,
            what="central's outcomes reaching the till",
        )

    def wait_for_empty_queue(self) -> float:
        """Wait until central has accepted everything; the seconds that it took."""
        return wait_until(
            lambda: self.pos.status()["queue"]["waiting"] == 0,
            seconds=QUIET_S_MAX,
            what="the queue being empty",
        )

    def compare(self) -> None:
        """Till, central and the totals by hand, side by side."""
        self.chapter("Till, central, and the totals worked out by hand")
        words = ("--config", str(self.shop.central_config))
        central = run_json("central", "ledger", MEMBER, *words)
        entries = {entry["sale_id"]: entry for entry in central["entries"] if entry["sale_id"]}
        self.say(f"{'':24}{'till':>10}{'central':>10}{'by hand':>10}")
        names = [*(self.sale_id(n) for n in (1, 2)), f"{self.day}-r1", self.sale_id(3)]
        for name, hand in zip(names, by_hand.ALL, strict=True):
            told, entry = self.answered[name], entries[name]
            change = hand.earned - hand.spent
            self.row(hand.name, points_of(told), entry["points"], change)
            self.row("  paid", due_of(told), entry["due_minor"], hand.due_minor, shown=money)
        self.row(
            "points now",
            self.till_points()["balance_after"],
            central["balances"]["points"]["points"],
            by_hand.CLOSING_POINTS,
        )
        till_minor = sum(due_of(body) for body in self.answered.values())
        central_minor = sum(entry["due_minor"] for entry in entries.values())
        self.row("money taken", till_minor, central_minor, by_hand.TAKEN_MINOR, shown=money)
        self.expect("records at central", len(entries), len(by_hand.ALL))
        self.say(self.shop.command("central", "verify", *words).strip())
        self.say(self.shop.command("central", "recheck", "run", "--all", *words).strip())

    def row(
        self, name: str, till: int, central: int, hand: int, *, shown: Callable[[int], str] = str
    ) -> None:
        """One line of the comparison."""
        same = till == central == hand
        mark = "✓" if same else "✗ differs"
        self.say(f"{name:24}{shown(till):>10}{shown(central):>10}{shown(hand):>10}  {mark}")
        if not same:
            self.differences.append(f"{name}: till {till}, central {central}, by hand {hand}")

    def sell(self, number: int, lines: list[Json], hand: by_hand.Expected, points: int = 0) -> None:
        """Quote and complete one sale and tell what the member got, with reasons."""
        sale_id, basket = self.sale_id(number), self.pos.basket(lines, cards=[CARD], points=points)
        quote = self.fine(self.pos.quote(sale_id, basket))
        for offer in quote.body["offers"]:
            mark = "✓" if offer["applied"] else "·"
            text = offer.get("text") or offer["offer"]
            self.say(f"  {mark} {text}")
        done = self.fine(self.pos.complete(sale_id, basket, quote.body))
        self.answered[sale_id] = done.body
        earned = sum(unit["earned"] for unit in done.body["units"])
        spent = sum(unit["spent"] for unit in done.body["units"])
        self.say(
            f"sale {sale_id}: {money(done.body['totals']['due_minor'])} to pay, {earned} points"
            f" earned, {spent} spent   (quote {quote.took_ms:.1f} ms,"
            f" on disk and answered in {done.took_ms:.1f} ms)"
        )
        self.check_sale(done.body, hand)

    def check_sale(self, body: Json, hand: by_hand.Expected) -> None:
        """Hold one answer against the totals by hand."""
        self.expect(f"{hand.name}: due", body["totals"]["due_minor"], hand.due_minor)
        self.expect(f"{hand.name}: points", points_of(body), hand.earned - hand.spent)

    def expect(self, what: str, seen: int, hand: int) -> None:
        """Note a difference; the story goes on, so that all of them are seen."""
        if seen != hand:
            self.say(f"✗ {what}: {seen}, by hand {hand}")
            self.differences.append(f"{what}: {seen}, by hand {hand}")

    def fine(self, answer: Answer) -> Answer:
        """The answer, or the end of the story with what the agent said."""
        if not answer.is_fine:
            body = answer.body
            raise NoAnswer(
                f"the agent refused with {answer.status}: {body.get('detail')}",
                hint=str(body.get("hint", "")),
            )
        return answer

    def till_points(self) -> Json:
        """The member's points as the till shows them now."""
        found = self.fine(self.pos.lookup(CARD)).body
        unit: Json = next(unit for unit in found["units"] if unit["unit"] == "points")
        return unit


def points_of(body: Json) -> int:
    """What a sale's or return's answer does to the member's points."""
    total = 0
    for unit in body["units"]:
        total += unit.get("earned", 0) - unit.get("spent", 0)
        total += unit.get("given_back", 0) - unit.get("taken_back", 0)
    return total


def due_of(body: Json) -> int:
    """The money that changed hands; a refund counts below zero."""
    if "refund_minor" in body:
        return -int(body["refund_minor"])
    return int(body["totals"]["due_minor"])
