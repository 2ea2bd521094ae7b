"""What a search may spend: nodes, which a quote tells, and work, which bounds its time.

Owns: the two counts and the end of a search by either. Must never: read a clock; the same basket
ends at the same point on every machine.

A node is worth more or less, as rows are wide or narrow. Work counts what they hold: steps of the
innermost loops, about a microsecond each. It ends what nodes alone would let run for seconds, such
as hundreds of equal pieces with many offers on each. Where plans are tried out, each application of
an offer counts, and one plan is always applied.
"""

WORK_MAX = 10_000
"""Most work of all searches and trials of one evaluation together."""
WORK_OF_TRIALS = 6_000
"""Most of it that is spent while plans are still tried out."""
WORK_SIMPLE = 3_000
"""Work beyond it for a simple answer where a search had to end without one."""


class OutOfWork(Exception):
    """The searches of an evaluation have done as much as they may."""


class Meter:
    """The work that an evaluation may still spend on searches and trials."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WORK_MAX

    def spend(self, steps: int) -> None:
        """Count work. Raises OutOfWork when there has been too much."""
        self.left -= steps
        if self.left < 0:
            raise OutOfWork

    def try_plans(self) -> None:
        """Be told that plans are tried out from here on, as many as the basket's size allows."""

    @property
    def for_trials(self) -> int:
        """What may still be spent on trying plans out."""
        return self.left - (WORK_MAX - WORK_OF_TRIALS)


class Budget:
    """Nodes that one search may still look at, and how many it has looked at."""

    __slots__ = ("left", "meter", "nodes")

    def __init__(self, most: int, meter: Meter) -> None:
        self.left = most
        self.nodes = 0
        self.meter = meter

    def spend(self, nodes: int) -> None:
        """Count nodes."""
        self.left -= nodes
        self.nodes += nodes

    def work(self, steps: int) -> None:
        """Count work. Raises OutOfWork when there has been too much."""
        self.meter.spend(steps)
