"""Instant wins drawn again from their published seed and compared with what was recorded.

Owns: how a recorded draw is read (one JSON object a line) and what counts as a finding. Must never:
draw otherwise than `draw` does, or judge whether a sale deserved a draw: the record does not say.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tessera.rules.draw import drawn, prize_of
from tessera.rules.model import Issue
from tessera.rules.programme import Programme

LINE_MAX = 10_000
"""Longest line that is read, in characters."""
SEQ_MAX = 2**63 - 1
KEYS = frozenset({"incarnation", "seq", "offer", "won"})
_INCARNATION = re.compile(r"[!-~]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One draw again: `prize` is what it gives ("" nothing), `recorded` what stood in the line.

    `recorded` is None where the line does not say; True means won, without saying what.
    """

    line: int
    incarnation: str
    seq: int
    offer: str
    prize: str
    recorded: str | bool | None

    @property
    def differs(self) -> bool:
        """Tell whether the record says something else than the seed."""
        if self.recorded is None:
            return False
        if isinstance(self.recorded, bool):
            return self.recorded != (self.prize != "")
        return self.recorded != self.prize


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that can't be compared, and why."""

    line: int
    message: str


@dataclass(slots=True)
class Audit:
    """What was found so far: counts, draws that differ, lines that can't be compared.

    `shown` are the wins of lines that do not say what was won.
    """

    draws: int = 0
    wins: int = 0
    compared: int = 0
    differing: list[Draw] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    shown: list[Draw] = field(default_factory=list)


def instant_wins(programme: Programme) -> dict[str, Issue]:
    """Give the instant wins of a programme by the id of their offer."""
    return {
        offer.offer_id: offer.reward
        for offer in programme.offers
        if isinstance(offer.reward, Issue) and offer.reward.kind == "win"
    }


def audit_draws(programme: Programme, seed: bytes, lines: Iterable[str]) -> Audit:
    """Draw every line again; the numbers of lines count from 1, empty ones are passed over."""
    known, audit = instant_wins(programme), Audit()
    seen: dict[tuple[str, int, str], int] = {}
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        entry = _read_line(text, known)
        if isinstance(entry, str):
            audit.faults.append(Fault(number, entry))
            continue
        incarnation, seq, offers, recorded = entry
        for offer in offers:
            first = seen.setdefault((incarnation, seq, offer), number)
            if first != number:
                message = f"{incarnation} {seq} {offer} was drawn in line {first} already"
                audit.faults.append(Fault(number, message))
                continue
            win = known[offer]
            prize = prize_of(drawn(seed, incarnation, seq, offer), win.prizes, win.chance)
            _count(
                audit,
                Draw(
                    line=number,
                    incarnation=incarnation,
                    seq=seq,
                    offer=offer,
                    prize=prize,
                    recorded=recorded,
                ),
            )
    return audit


def _count(audit: Audit, draw: Draw) -> None:
    audit.draws += 1
    audit.wins += draw.prize != ""
    audit.compared += draw.recorded is not None
    if draw.differs:
        audit.differing.append(draw)
    elif draw.recorded is None and draw.prize:
        audit.shown.append(draw)


_Entry = tuple[str, int, list[str], str | bool | None]


def _read_line(text: str, known: dict[str, Issue]) -> _Entry | str:
    """Read one line; a text says what is wrong with it."""
    if len(text) > LINE_MAX:
        return f"the line is longer than {LINE_MAX} characters"
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return "this is no JSON"
    if not isinstance(entry, dict):
        return "this is no JSON object"
    if fault := _fault_of_place(entry) or _fault_of_offer(entry, known):
        return fault
    offers = sorted(known) if entry.get("offer") is None else [entry["offer"]]
    return entry["incarnation"], entry["seq"], offers, entry.get("won")


def _fault_of_place(entry: dict[str, object]) -> str:
    if unknown := sorted(entry.keys() - KEYS):
        return f"unknown key {unknown[0][:40]!r}, known are {', '.join(sorted(KEYS))}"
    incarnation, seq = entry.get("incarnation"), entry.get("seq")
    if not (isinstance(incarnation, str) and _INCARNATION.fullmatch(incarnation)):
        return "incarnation is no id of a register's life"
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= SEQ_MAX:
        return "seq is no number of a record"
    return ""


def _fault_of_offer(entry: dict[str, object], known: dict[str, Issue]) -> str:
    won, offer = entry.get("won"), entry.get("offer")
    if won is not None and not isinstance(won, (str, bool)):
        return "won is neither a prize nor true or false"
    if offer is None:
        ambiguous = won is not None and len(known) > 1
        return f"offer is missing, the programme has {len(known)} instant wins" if ambiguous else ""
    if not isinstance(offer, str) or offer not in known:
        return f"{str(offer)[:64]!r} is no instant win of this programme"
    return ""
