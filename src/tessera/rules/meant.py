"""What was meant by what other systems and people write: a proposal in this grammar.

Owns: the ways of saying a reward that are no part of the grammar, and their
proposals. Must never: accept any of them.
"""

import re

_REWARDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern + r"\Z", re.IGNORECASE), proposal)
    for pattern, proposal in (
        (r"(?P<all>\d{1,3}) for (?P<paid>\d{1,3})", "buy {paid} get {free} free"),
        (r"buy (?P<all>\d{1,3}),? pay (?P<paid>\d{1,3})", "buy {paid} get {free} free"),
        (r"(?P<paid>\d{1,3}) ?\+ ?(?P<free>\d{1,3})(?: free)?", "buy {paid} get {free} free"),
        (
            r"(?:the )?(?:second|2nd)(?: one)? at (?P<rate>[\d.]+) ?%.*",
            "{{any: 2, cheapest: {rate} %}}",
        ),
        (r"(?P<whole>\d+),(?P<part>\d+) off(?P<more>.*)", "{whole}.{part} off{more}"),
        (r"(?P<amount>[\d.]+) ?(?:[A-Z]{3}|[€$£₽]) off(?P<more>.*)", "{amount} off{more}"),
        (r"[€$£₽] ?(?P<amount>[\d.]+) off(?P<more>.*)", "{amount} off{more}"),
        (
            r"(?P<rate>[\d.]+) ?% off,? (?:max|maximum|up to) (?P<most>[\d.]+)",
            "{rate} % off, at most {most}",
        ),
        (
            r"(?P<count>[\d.]+) (?P<unit>\w+) (?:per|for) (?P<amount>[\d.]+)",
            "{count} {unit} for every {amount}",
        ),
        (r"double (?P<unit>\w+)", "{unit} x 2"),
        (r"(?:triple|treble) (?P<unit>\w+)", "{unit} x 3"),
    )
)


def reward_meant(text: str) -> str:
    """Give the reward that a text probably means, "" when nothing is known."""
    for pattern, proposal in _REWARDS:
        match = pattern.match(text)
        if match is None:
            continue
        found = match.groupdict()
        if "all" in found:
            free = int(found["all"]) - int(found["paid"])
            if free <= 0:
                return ""
            found["free"] = str(free)
        return f"write `{proposal.format(**found)}`"
    return ""
