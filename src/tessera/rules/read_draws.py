"""The sections `draws` and `countries`: who draws, for what, free entry, where.

Owns: the terms that a draw has to state, and that its entries and instant wins are given only in
its countries. Must never: draw, or judge what the law of a country allows; it says what is missing.

A draw is named by its entries (`1 entry in bicycle`); that of an instant win has the offer's id.
"""

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import replace

from tessera.core.errors import Problem
from tessera.rules.model import Issue, Offer, Where
from tessera.rules.read_conditions import read_where
from tessera.rules.reading import Reader, propose
from tessera.rules.sections import Draw
from tessera.rules.yaml_nodes import Mapping, Node, Scalar

DRAW_KEYS = ("name", "organiser", "prizes", "free_entry", "countries", "note")
EVERYWHERE = "everywhere"
NO_FREE_ENTRY = "none"
PRIZES_MAX = 100
COUNTRIES_MAX = 300
"""Most countries of a programme or a draw; there are some 250."""

_COUNTRY = re.compile(r"[A-Z]{2}\Z")


def read_countries(reader: Reader, node: Node | None) -> dict[str, Where]:
    """Read the section `countries`: what places lie in a country (`DE: region north, south`)."""
    found: dict[str, Where] = {}
    if node is None:
        return found
    section = reader.mapping(node, "countries")
    if len(section.entries) > COUNTRIES_MAX:
        message = f"{len(section.entries)} countries, at most {COUNTRIES_MAX} are allowed"
        reader.problem(node, "countries", message, "remove what has no stores")
        return found
    for code, item in section.entries.items():
        field = f"countries.{code}"[:80]
        _check_country(reader, section.keys[code], field, code)
        if isinstance(item, Scalar) and item.text.strip() == EVERYWHERE:
            found[code] = Where()
        elif reader.said(item, field, f"{EVERYWHERE}, or region north"):
            found[code] = read_where(reader, item, field)
    return found


def read_draws(reader: Reader, node: Node | None, countries: Map[str, Where]) -> dict[str, Draw]:
    """Read the section `draws`; what a draw does not state is a problem with a proposal."""
    if node is None:
        return {}
    section = reader.mapping(node, "draws")
    found = {}
    for name, item in section.entries.items():
        field = f"draws.{name}"[:80]
        reader.check_identifier(section.keys[name], field, name)
        found[name] = _read_draw(reader, name, item, field, countries)
    return found


def _read_draw(
    reader: Reader, name: str, node: Node, field: str, countries: Map[str, Where]
) -> Draw:
    entries = reader.mapping(node, field, DRAW_KEYS).entries
    for key in entries.keys() & {"organiser", "free_entry"}:
        reader.said(entries[key], f"{field}.{key}", _EXAMPLES[key])
    get = entries.get
    prizes = reader.words(item, f"{field}.prizes") if (item := get("prizes")) is not None else []
    if len(prizes) > PRIZES_MAX:
        message = f"{len(prizes)} prizes, at most {PRIZES_MAX} are allowed"
        reader.problem(entries["prizes"], f"{field}.prizes", message, "say 3 × helmet")
    for key in ("organiser", "free_entry", "countries"):
        if key not in entries:
            message = f"a draw says its {_WORDS[key]}"
            reader.problem(node, f"{field}.{key}", message, f"{key}: {_EXAMPLES[key]}")
    free = reader.texts(item, f"{field}.free_entry") if (item := get("free_entry")) else ()
    item = get("countries")
    return Draw(
        draw_id=name,
        line=node.line,
        names=reader.texts(entries["name"], f"{field}.name") if "name" in entries else (),
        organiser=reader.text(entries["organiser"], field) if "organiser" in entries else "",
        prizes=tuple(prizes),
        free_entry=() if free == (("", NO_FREE_ENTRY),) else free,
        countries=_countries_of(reader, item, f"{field}.countries", countries) if item else (),
    )


_WORDS = {
    "organiser": "organiser",
    "prizes": "prizes",
    "free_entry": "free entry route",
    "countries": "countries",
}
_EXAMPLES = {
    "organiser": '"Corner Shop, 1 Main Street, Springfield"',
    "prizes": "[a bicycle, 3 helmets]",
    "free_entry": "a post card to the organiser",
    "countries": "[DE]",
}


def _countries_of(
    reader: Reader, node: Node, field: str, known: Map[str, Where]
) -> tuple[str, ...]:
    codes = reader.words(node, field)
    if not codes or len(codes) > COUNTRIES_MAX:
        message = f"{len(codes)} countries, a draw has one to {COUNTRIES_MAX}"
        reader.problem(node, field, message, "countries: [DE]")
        return ()
    for code in codes:
        if _check_country(reader, node, field, code) and code not in known:
            message = f"nothing says which places lie in {code}"
            proposal = f"countries: {{{code}: everywhere}} at the top, or {code}: region …"
            reader.problem(node, field, message, proposal)
    return tuple(sorted(set(codes)))


def _check_country(reader: Reader, node: Node, field: str, code: str) -> bool:
    if _COUNTRY.match(code):
        return True
    better = code.upper() if _COUNTRY.match(code.upper()) else "DE"
    message = f"{code[:40]!r} is no country code of two letters (ISO 3166)"
    reader.problem(node, field, message, f"write {better}")
    return False


# -- what draws and offers have to do with each other


def draw_of(offer: Offer) -> str:
    """Name the draw that an offer gives entries or tries in; "" for any other offer."""
    reward = offer.reward
    if not isinstance(reward, Issue) or reward.kind not in {"draw", "win"}:
        return ""
    return reward.name if reward.kind == "draw" else offer.offer_id


def in_their_countries(
    offers: Sequence[Offer], draws: Map[str, Draw], countries: Map[str, Where]
) -> list[Offer]:
    """Give the offers, those of draws only for places in the countries of their draw."""
    found = []
    for offer in offers:
        draw = draws.get(draw_of(offer))
        if draw is None:
            found.append(offer)
            continue
        reward = offer.reward
        assert isinstance(reward, Issue)
        within = tuple(countries[code] for code in draw.countries if code in countries)
        found.append(
            replace(
                offer,
                reward=replace(reward, name=draw.draw_id),
                where=replace(offer.where or Where(), any_of=within),
                free_to_all=False,
            )
        )
    return found


def check_draws(
    reader: Reader, top: Mapping, offers: Sequence[Offer], draws: Map[str, Draw]
) -> None:
    """Note draws that no offer plays, without prizes, or with purchase as the only way in."""
    section = top.entries.get("draws")
    keys = section.keys if isinstance(section, Mapping) else {}
    playing: dict[str, list[Offer]] = {}
    for offer in offers:
        if name := draw_of(offer):
            playing.setdefault(name, []).append(offer)
    for name, draw in draws.items():
        node, field = keys[name], f"draws.{name}"[:80]
        if name not in playing:
            hint = propose(name, list(playing)) or f"give: 1 entry in {name}"
            reader.problem(node, field, "no offer gives an entry in this draw", hint)
            continue
        wins = [one.reward for one in playing[name] if isinstance(one.reward, Issue)]
        if not draw.prizes and not any(reward.prizes for reward in wins):
            message = f"a draw says its {_WORDS['prizes']}"
            reader.problem(node, f"{field}.prizes", message, f"prizes: {_EXAMPLES['prizes']}")
        free = draw.free_entry or any(_is_free(offer) for offer in playing[name])
        if not free and "free_entry" in _keys_of(section, name):
            message = "purchase is the only way into this draw, which many countries forbid"
            proposal = f"free_entry: {_EXAMPLES['free_entry']}, or an offer with trigger: event …"
            reader.warning(node, f"{field}.free_entry", message, proposal)


def _keys_of(section: Node | None, name: str) -> Map[str, Node]:
    draw = section.entries[name] if isinstance(section, Mapping) else None
    return draw.entries if isinstance(draw, Mapping) else {}


def _is_free(offer: Offer) -> bool:
    """Tell whether an offer gives its entry for something that is no purchase."""
    return bool(offer.trigger and offer.trigger.events) and not offer.needs


def undescribed(offers: Sequence[Offer], draws: Map[str, Draw]) -> dict[str, str]:
    """Give the draws whose terms stand nowhere, each with the first offer that plays it."""
    found: dict[str, str] = {}
    for offer in offers:
        name = draw_of(offer)
        if name and name not in draws:
            found.setdefault(name, offer.offer_id)
    return found


def warn_of_undescribed(
    reader: Reader, top: Mapping, offers: Sequence[Offer], draws: Map[str, Draw]
) -> None:
    """Warn of draws whose terms stand nowhere: tills know them, central releases none of them."""
    section = top.entries.get("offers")
    for name, offer in undescribed(offers, draws).items():
        assert isinstance(section, Mapping)
        message = f"{_silent(name)}; central won't release it"
        reader.warning(section.keys[offer], f"draws.{name}"[:80], message, _proposal(name))


def not_released(offers: Sequence[Offer], draws: Map[str, Draw], *, file: str) -> list[Problem]:
    """Give a problem for each draw that can't be released, since its terms stand nowhere."""
    return [
        Problem(
            file=file,
            field=f"draws.{name}"[:80],
            message=_silent(name),
            proposal=_proposal(name),
        )
        for name in undescribed(offers, draws)
    ]


def _silent(name: str) -> str:
    return f"draw {name[:70]!r} names no organiser, prizes, free entry route and countries"


def _proposal(name: str) -> str:
    keys = "organiser: …, prizes: …, free_entry: …, countries: …"
    return f"draws: {{{name[:70]}: {{{keys}}}}}"
