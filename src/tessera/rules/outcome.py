"""What became of one offer while a basket is priced the full way.

Owns: the record that stages fill in. Must never: be a value of a quote (see `answer`).
"""


class Outcome:
    """What became of one offer so far."""

    __slots__ = (
        "discount",
        "groups",
        "missing_minor",
        "missing_quantity",
        "reason",
        "units",
        "uses",
    )

    def __init__(self) -> None:
        self.reason = ""
        self.uses = 0
        self.groups = 0
        self.discount = 0
        self.units = 0
        self.missing_minor = 0
        self.missing_quantity = 0
