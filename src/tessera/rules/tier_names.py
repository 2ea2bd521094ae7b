"""The tiers that an offer's `who` names, as the arguments of a message.

Owns: which tiers the sentence of a refused offer names, in what order and in which languages. Must
never: decide who has a tier (see `conditions`).
"""

from collections.abc import Sequence
from dataclasses import replace

from tessera.rules.model import Offer, Who
from tessera.rules.sections import Tier

BETWEEN = " / "
"""What stands between several tiers, in every language."""


def with_tiers_named(offers: Sequence[Offer], tiers: dict[str, Tier]) -> list[Offer]:
    """Give the offers; those for some tiers know the tiers' names, lowest first."""
    return [
        replace(offer, tier_label=_label(offer.who, tiers))
        if any(who.kind == "tier" for who in offer.who)
        else offer
        for offer in offers
    ]


def is_for_other_tiers(who: Sequence[Who]) -> bool:
    """Tell whether `who` only says which tiers are left out."""
    return all(one.negated for one in who if one.kind == "tier")


def _label(who: Sequence[Who], tiers: dict[str, Tier]) -> tuple[tuple[str, str | int], ...]:
    left_out = is_for_other_tiers(who)
    named = {
        name for one in who if one.kind == "tier" and one.negated is left_out for name in one.values
    }
    found = [
        tiers[name] for name in sorted(named & tiers.keys(), key=lambda name: tiers[name].level)
    ]
    languages = {language for tier in found for language, _ in tier.names if language}
    return (
        ("tier", BETWEEN.join(_name(tier, "") for tier in found)),
        *(
            (f"tier.{one}", BETWEEN.join(_name(tier, one) for tier in found))
            for one in sorted(languages)
        ),
    )


def _name(tier: Tier, language: str) -> str:
    names = dict(tier.names)
    return names.get(language) or (tier.names[0][1] if tier.names else tier.tier)
