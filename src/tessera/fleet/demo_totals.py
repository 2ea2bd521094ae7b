"""What the demo must come to, worked out by hand; nothing here was copied from a run.

The programme is `config/programmes/corner-shop.yaml`: members get 10 % off dairy, 5.00 off from
50.00, one point for every whole 1.00 that they pay, and silver members half as many again. 100
points stand for 1.00. The member begins with 600 points, of which this register may spend 300
without asking.

| sale | worked out | due | earned | spent | balance |
|---|---|---|---|---|---|
| `-1` | milk 4 × 1.50 = 6.00, wine 14.00: 20.00; 10 % of 6.00 off | 19.40 | ⌊19 × 1.5⌋ = 28 | 0 | 628 |
| `-2` | bread 3.20, cheese 9.50, coffee 7.25: 19.95; 10 % of 9.50 off: 19.00; 200 points for 2.00 | 17.00 | ⌊17 × 1.5⌋ = 25 | 200 | 453 |
| return of one milk of `-1` | 1.50 less a quarter of 0.60; its line earned 28 × 5.40 / 19.40 ≈ 8, a quarter is 2 | −1.35 | −2 | 0 | 451 |
| `-3` | tea set 52.00, 5.00 off | 47.00 | ⌊47 × 1.5⌋ = 70 | 0 | 521 |
"""  # noqa: E501 - a table row is one line

from dataclasses import dataclass

OPENING_POINTS = 600
LEASED_POINTS = 300
SPENT_POINTS = 200


@dataclass(frozen=True, slots=True)
class Expected:
    """What one sale or return comes to; points as seen by the member."""

    name: str
    due_minor: int
    earned: int
    spent: int


FIRST = Expected("first sale", 1940, 28, 0)
REDEEMING = Expected("sale that spends points", 1700, 25, 200)
RETURNED = Expected("one milk returned", -135, -2, 0)
INTERRUPTED = Expected("sale with the power cut", 4700, 70, 0)
ALL = (FIRST, REDEEMING, RETURNED, INTERRUPTED)

CLOSING_POINTS = 521
"""600 + 28 + 25 − 200 − 2 + 70."""
TAKEN_MINOR = 8205
"""19.40 + 17.00 − 1.35 + 47.00."""
