"""The JSON Schema of a programme, for editors that complete and check while one types.

Owns: the shapes of keys and values. Must never: replace `parse_programme`, which alone knows what
refers to what and whether a sentence makes sense.
"""

from typing import Any

from tessera.rules.folders import PART_KEYS
from tessera.rules.guard import ANSWERS
from tessera.rules.model import GroupKind
from tessera.rules.read_draws import DRAW_KEYS
from tessera.rules.read_offer import OFFER_KEYS, OFFLINE, PERIODS
from tessera.rules.read_reward_keys import reward_forms
from tessera.rules.read_sections import SETTING_CHOICES, UNIT_KEYS
from tessera.rules.reading import LANGUAGES, TEXT_MAX

_ID = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"}
_WORD = {"type": ["string", "number", "boolean"]}
_WORDS = {"anyOf": [_WORD, {"type": "array", "items": _WORD}]}
_YES = {"enum": [True, False, "yes", "no"]}
_TEXT = {
    "anyOf": [
        {"type": ["string", "number"], "maxLength": TEXT_MAX},
        {
            "type": "object",
            "properties": {
                language: {"type": "string", "maxLength": TEXT_MAX} for language in LANGUAGES
            },
            "additionalProperties": False,
        },
    ]
}
_ANY = {"type": ["string", "number", "object", "array"]}

_OFFER_SAYS = {
    "name": "What the offer is called, for any language or by language.",
    "receipt": "What stands on the receipt; without it the name.",
    "when": "mon..wed, 16:00..18:00, 2026-11-01..2026-11-30; a list holds alternatives.",
    "where": "store 1, 2 · region north · register 3.",
    "who": "members · tier gold · segment young · access club · birthday within 7 days · …",
    "what": "category dairy · sku 1, 2 · brand x and tag bio except sku 3.",
    "needs": "basket from 50.00 · from 20.00 to 80.00 of category wine · 3 items.",
    "trigger": "coupon CODE · coupon PREFIX* · chosen · event review.",
    "give": "10 % off · 5.00 off the basket · 1.00 off for every 9.00 · buy 2 get 1 free · …",
    "limits": "2 per line, 2 per basket, 1 a day; or a mapping, with a budget.",
    "offline": "What happens without central where a limit needs it.",
    "in": "The group in which the offer stands.",
    "priority": "Higher goes first where offers are otherwise equal.",
    "stacks": "yes, no, or the offers and groups that it may meet on the same goods.",
    "funding": "The partner who pays, the share, and whether the tax base stays.",
    "changed_prices": "Whether goods whose price was changed by hand take part.",
    "undiscounted_only": "Whether only goods that nothing has reduced take part.",
    "note": "For whoever reads the file.",
}
_GUARD_SAYS = {
    "card": "at most 5 sales a day, then flag · at most 20 sales in 7 days, then refuse.",
    "returns": "at most 3 returns in 7 days, then flag.",
    "own_card": "What is done where the cashier's own card is used: flag or refuse.",
}
_SHAPES: dict[str, dict[str, Any]] = {
    "name": _TEXT,
    "receipt": _TEXT,
    "in": _ID,
    "priority": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
    "offline": {"enum": list(OFFLINE)},
    "stacks": _WORDS,
    "changed_prices": _YES,
    "undiscounted_only": _YES,
}


def programme_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a programme file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tessera programme",
        "type": "object",
        "required": ["programme", "currency"],
        "additionalProperties": False,
        "properties": {
            "programme": {**_ID, "description": "The programme's id."},
            "name": _TEXT,
            "version": _WORD,
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "languages": {"anyOf": [_WORD, {"type": "array", "items": {"enum": list(LANGUAGES)}}]},
            "settings": _closed({name: {"enum": list(all_)} for name, all_ in _choices()}),
            "units": _named(
                {"anyOf": [_closed(dict.fromkeys(UNIT_KEYS, _ANY_OR_YES)), {"type": "null"}]}
            ),
            "tiers": _named(_closed({"from": {"type": "string"}, "name": _TEXT})),
            "categories": {"type": "object", "additionalProperties": {"type": "string"}},
            "partners": _WORDS,
            "groups": _named(_group()),
            "offers": _named(_offer()),
            "guard": _closed(
                {
                    "card": {"type": "string", "description": _GUARD_SAYS["card"]},
                    "returns": {"type": "string", "description": _GUARD_SAYS["returns"]},
                    "own_card": {"enum": list(ANSWERS), "description": _GUARD_SAYS["own_card"]},
                }
            ),
            "draws": _named(_closed({**dict.fromkeys(DRAW_KEYS, _ANY), "name": _TEXT})),
            "countries": {"type": "object", "additionalProperties": _ANY},
            "stopped": _WORDS,
            "seed_hash": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
            "cases": _WORDS,
            "note": {"type": "string"},
        },
    }


def part_schema() -> dict[str, Any]:
    """Give the JSON Schema of a further file in a programme's folder."""
    whole = programme_schema()
    known = {key: shape for key, shape in whole["properties"].items() if key in PART_KEYS}
    del whole["required"]
    return {**whole, "title": "Tessera programme, a further file", "properties": known}


_ANY_OR_YES = {"type": ["string", "number", "object", "boolean"]}


def _choices() -> list[tuple[str, tuple[str, ...]]]:
    return list(SETTING_CHOICES.items())


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _named(entry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": _ID, "additionalProperties": entry}


def _group() -> dict[str, Any]:
    kind = {"enum": [kind.value for kind in GroupKind]}
    return {"anyOf": [kind, _closed({"kind": kind, "in": _ID})]}


def _offer() -> dict[str, Any]:
    assert set(_OFFER_SAYS) == OFFER_KEYS
    properties = {
        key: {**_SHAPES.get(key, _ANY), "description": text} for key, text in _OFFER_SAYS.items()
    }
    properties["give"] = {
        "description": _OFFER_SAYS["give"],
        "anyOf": [
            {"type": "string"},
            *(
                {**_closed(dict.fromkeys((key, *more), _ANY_OR_LIST)), "required": [key]}
                for key, more in reward_forms().items()
            ),
        ],
    }
    properties["limits"] = {
        "description": _OFFER_SAYS["limits"],
        "anyOf": [
            _WORDS,
            _closed({key: {"type": ["number", "string"]} for key in (*PERIODS, "risk")}),
        ],
    }
    return {**_closed(properties), "required": ["give"]}


_ANY_OR_LIST = {"type": ["string", "number", "boolean", "object", "array"]}
