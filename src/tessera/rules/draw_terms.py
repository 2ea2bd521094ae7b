"""The terms of a draw, told with an entry: who draws, what for, how to take part without buying.

Owns: which terms stand in a quote, as a line of its receipt, and reading them back from it: so they
are those of the programme that priced, also after a restart. Must never: word them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tessera.core.quote import IssuedCoupon, Message, Quote, ReceiptLine
from tessera.rules.programme import Programme
from tessera.rules.sections import Draw

WITH_FREE_ENTRY = "receipt.draw-terms"
PURCHASE_ONLY = "receipt.draw-terms-purchase"
_KEYS = frozenset({WITH_FREE_ENTRY, PURCHASE_ONLY})


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawTerms:
    """What a draw states, in one language; `free_entry` is empty where there is none."""

    draw: str
    organiser: str
    prizes: str
    free_entry: str
    countries: str


def terms_on_receipt(programme: Programme, issued: Sequence[IssuedCoupon]) -> list[ReceiptLine]:
    """Give a line for each draw that the sale gives an entry or a try in."""
    if not programme.draws:
        return []
    names = dict.fromkeys(one.name for one in issued if one.kind in {"draw", "win"})
    draws = [programme.draws[name] for name in names if name in programme.draws]
    return [ReceiptLine(text=_message(programme, draw)) for draw in draws]


def prizes_of(programme: Programme, draw: Draw) -> tuple[str, ...]:
    """Give the prizes of a draw: its own, or those that its instant win names."""
    if draw.prizes:
        return draw.prizes
    offer = programme.by_id.get(draw.draw_id)
    return getattr(offer.reward, "prizes", ()) if offer is not None else ()


def terms_of(programme: Programme, draw: Draw, language: str = "en") -> DrawTerms:
    """Give what a draw states."""
    tongues = dict(draw.free_entry)
    return DrawTerms(
        draw=draw.draw_id,
        organiser=draw.organiser,
        prizes=", ".join(prizes_of(programme, draw)),
        free_entry=tongues.get(language, next(iter(tongues.values()), "")),
        countries=", ".join(draw.countries),
    )


def _message(programme: Programme, draw: Draw) -> Message:
    arguments: list[tuple[str, str | int]] = [
        ("draw", draw.draw_id),
        ("organiser", draw.organiser),
        ("prizes", ", ".join(prizes_of(programme, draw))),
        ("countries", ", ".join(draw.countries)),
    ]
    if not draw.free_entry:
        return Message(key=PURCHASE_ONLY, arguments=tuple(arguments))
    arguments.append(("free_entry", draw.free_entry[0][1]))
    arguments += [(f"free_entry.{tongue}", text) for tongue, text in draw.free_entry if tongue]
    return Message(key=WITH_FREE_ENTRY, arguments=tuple(arguments))


def terms_in(quote: Quote, language: str) -> dict[str, DrawTerms]:
    """Give the terms that a quote states, by draw."""
    found = {}
    for line in quote.receipt:
        if line.text.key not in _KEYS:
            continue
        said = {name: str(value) for name, value in line.text.arguments}
        found[said["draw"]] = DrawTerms(
            draw=said["draw"],
            organiser=said["organiser"],
            prizes=said["prizes"],
            free_entry=said.get(f"free_entry.{language}", said.get("free_entry", "")),
            countries=said["countries"],
        )
    return found


def terms_lines(quote: Quote) -> list[Message]:
    """Give the terms that a quote states, to be worded."""
    return [line.text for line in quote.receipt if line.text.key in _KEYS]
