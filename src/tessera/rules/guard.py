"""The guard against abuse: what a card was used for lately, and what the till does about it.

Owns: its rules as values, and the decision from counts that are passed in. Must never: count, look
anything up, or keep a sale or a return from being made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from tessera.core.uses import GUARD_RETURNS, GUARD_SALES

FLAG, REFUSE = "flag", "refuse"
ANSWERS = (FLAG, REFUSE)
DAYS_MAX = 31
"""Longest stretch of days; a till forgets counts of days that are over for longer."""

CARD, OWN_CARD, RETURNS = "card", "own-card", "returns"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRule:
    """More than `most` within `days` business days, the present one included, is answered."""

    most: int
    days: int
    answer: str = FLAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What is looked at: sales with a card, returns by a member, and the cashier's own card.

    `own_card` is an answer, "" where nobody looks.
    """

    card: GuardRule | None = None
    returns: GuardRule | None = None
    own_card: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found, by the rules' codes, and whether the card gets nothing on this sale."""

    found: tuple[str, ...] = ()
    refused: bool = False


def judge_sale(guard: Guard, used: Mapping[str, int], day: date, *, own_card: bool) -> Verdict:
    """Judge a sale (or a claim) of a member before it is counted itself.

    `used`: the member's counts by key, "~sales/2026-11-21". Returns are answered when they are
    made; only where the answer is to refuse do they speak against later sales.
    """
    answers: dict[str, str] = {}
    if guard.card is not None and within(used, GUARD_SALES, day, guard.card) >= guard.card.most:
        answers[CARD] = guard.card.answer
    if guard.own_card and own_card:
        answers[OWN_CARD] = guard.own_card
    returns = guard.returns
    if (
        returns is not None
        and returns.answer == REFUSE
        and within(used, GUARD_RETURNS, day, returns) > returns.most
    ):
        answers[RETURNS] = REFUSE
    return Verdict(found=tuple(answers), refused=REFUSE in answers.values())


def judge_return(guard: Guard, used: Mapping[str, int], day: date) -> Verdict:
    """Judge a return or void of a member before it is counted itself; it is never refused."""
    rule = guard.returns
    if rule is None or within(used, GUARD_RETURNS, day, rule) < rule.most:
        return Verdict()
    return Verdict(found=(RETURNS,))


def within(used: Mapping[str, int], what: str, day: date, rule: GuardRule) -> int:
    """Give how much was counted on the rule's last days, `day` included."""
    days = (day - timedelta(days=back) for back in range(rule.days))
    return sum(used.get(f"{what}/{one.isoformat()}", 0) for one in days)
