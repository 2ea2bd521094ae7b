"""Explaining: outcomes of all offers, words in five languages, the schema, the draw."""

import re
from dataclasses import fields
from typing import Any

import pytest

from tessera.core.basket import Basket
from tessera.core.quote import Message
from tessera.rules import accrual, conditions, redemption, unit_offers, work
from tessera.rules.draw import drawn, prize_of, seed_hash, wins
from tessera.rules.explain import chosen_settings, outcomes_of_all
from tessera.rules.phrases import PHRASES
from tessera.rules.programme import TOP_KEYS
from tessera.rules.read_offer import OFFER_KEYS
from tessera.rules.read_sections import SETTING_CHOICES
from tessera.rules.schema import programme_schema
from tessera.rules.sections import Settings
from tessera.rules.wording import money, receipt_texts, say
from tests.unit.rules.shop import line, member, place, price, programme

RULES = """
settings: {rounding: floor}
offers:
  milk: {what: category dairy, give: 10 % off}
  wine: {what: category wine, give: 10 % off}
  ten: {trigger: coupon TEN, give: 10 % off the basket}
"""


def test_every_offer_has_an_outcome_in_the_explanation() -> None:
    rules = programme(RULES)
    milk = line("1", 1000, category="dairy")
    quote = price(rules, milk)
    basket = Basket(currency="EUR", lines=(milk,))
    found = outcomes_of_all(rules, None, basket, place(), quote)
    assert [(one.offer, one.applied, one.reason) for one in found] == [
        ("milk", True, ""),
        ("wine", False, "nothing-selected"),
        ("ten", False, "coupon-missing"),
    ]
    assert chosen_settings(quote) == [("rounding", "floor")]


@pytest.mark.parametrize(
    "give, where, earning_only, reason",
    [
        ("give: 10 % off", {}, False, "nothing-selected"),
        ("give: 10 % off", {}, True, "earning-only"),
        ("give: 1 point", {}, True, "members-only"),
        ("give: 1 point, who: guests", {}, False, "members-only"),
        ("give: 10 % off, offline: refuse", {"offline": True}, False, "refused-offline"),
        ("give: 10 % off, when: sun", {}, False, "other-weekday"),
    ],
)
def test_an_offer_that_the_basket_did_not_touch_has_its_first_reason(
    give: str, where: dict[str, Any], earning_only: bool, reason: str
) -> None:
    rules = programme(
        f"units: {{points: {{}}}}\nstopped: [old]\noffers:\n  a: {{what: category wine, {give}}}\n"
        "  old: {what: category wine, give: 10 % off}\n"
    )
    milk, here = line("1", 1000, category="dairy"), place(**where)
    basket = Basket(currency="EUR", lines=(milk,), earning_only=earning_only)
    quote = price(rules, milk, where=here, earning_only=earning_only)
    assert quote.offers == ()
    found = outcomes_of_all(rules, None, basket, here, quote)
    assert {one.offer: one.reason for one in found} == {"a": reason, "old": "stopped"}
    assert f"reason.{reason}" in {one.text.key for one in found if one.text}


TIERS = """
tiers: {silver: {name: {en: Silver, de: Silber}}, gold: {name: {en: Gold, ru: золотой}}, vip: {}}
offers:
  a: {name: Wine, who: "WHO", give: 10 % off}
"""


@pytest.mark.parametrize(
    "who, has, language, text",
    [
        ("tier silver", "", "en", "Wine is for level Silver"),
        ("tier silver", "vip", "de", "Wine gilt für Stufe Silber"),
        ("tier gold", "", "ru", "Wine для уровня золотой"),
        ("tier vip", "", "fr", "Wine est pour le niveau vip"),
        ("tier vip, silver", "", "es", "Wine es para el nivel Silver / vip"),
        ("tier vip, gold", "silver", "de", "Wine gilt für Stufe Gold / vip"),
        ("members and no tier vip, silver", "vip", "en", "Wine is not for level Silver / vip"),
        ("no tier silver and tier vip", "gold", "de", "Wine gilt für Stufe vip"),
    ],
)
def test_an_offer_for_other_tiers_names_them(who: str, has: str, language: str, text: str) -> None:
    """Lowest tier first, each by its name in the language, else by its first name, else its id."""
    rules = programme(TIERS.replace("WHO", who))
    (outcome,) = price(rules, line("1", 1000), who=member(tier=has)).offers
    assert outcome.reason == "tier-required"
    assert outcome.text is not None
    assert say(outcome.text, language, "EUR") == text


def test_every_reason_has_words_in_every_language() -> None:
    reasons = {
        value
        for module in (conditions, work, redemption, accrual, unit_offers)
        for name, value in vars(module).items()
        if name.isupper() and type(value) is str and name != "BEARER"
    }
    reasons |= set(conditions._WHO_REASONS.values())
    for language, phrases in PHRASES.items():
        assert {f"reason.{reason}" for reason in reasons} <= set(phrases), language


def test_all_languages_have_the_same_keys_and_blanks() -> None:
    for phrases in PHRASES.values():
        assert phrases.keys() == PHRASES["en"].keys()
        for key, phrase in phrases.items():
            blanks = set(re.findall(r"\{\w+\}", phrase))
            assert blanks == set(re.findall(r"\{\w+\}", PHRASES["en"][key])), key


@pytest.mark.parametrize(
    "minor, language, currency, text",
    [
        (350, "en", "EUR", "3.50"),
        (-350, "de", "EUR", "-3,50"),
        (5, "ru", "RUB", "0,05"),
        (1200, "en", "JPY", "1200"),
        (1234, "fr", "KWD", "1,234"),
    ],
)
def test_money_is_written_as_the_language_does(
    minor: int, language: str, currency: str, text: str
) -> None:
    assert money(minor, language, currency) == text


def test_an_unknown_language_speaks_english_and_an_unknown_key_itself() -> None:
    message = Message(key="near-amount", arguments=(("missing_minor", 100), ("name", "tea")))
    assert say(message, "xx", "EUR") == "1.00 more for tea"
    assert say(Message(key="later", arguments=(("name", "tea"),)), "en", "EUR") == "later tea"


def test_a_receipt_text_of_its_own_is_printed() -> None:
    rules = "offers: {a: {name: internal, receipt: {en: Thanks, de: Danke}, give: 1.00 off}}"
    quote = price(rules, line("1", 500))
    assert receipt_texts(quote, "de") == ["Danke   -1,00"]
    assert receipt_texts(quote, "fr") == ["Thanks   -1,00"]


def test_settings_of_the_model_are_those_that_can_be_written() -> None:
    assert {one.name for one in fields(Settings)} == set(SETTING_CHOICES)
    defaults = Settings()
    for name, known in SETTING_CHOICES.items():
        assert str(getattr(defaults, name)) == known[0]


def test_the_schema_knows_every_key() -> None:
    schema = programme_schema()
    assert set(schema["properties"]) == set(TOP_KEYS)
    offer = schema["properties"]["offers"]["additionalProperties"]
    assert set(offer["properties"]) == OFFER_KEYS


def test_the_schema_refuses_keys_as_the_check_does() -> None:
    """At the top, among the settings and in an offer."""
    schema = programme_schema()
    sections = schema["properties"]
    closed = [schema, sections["settings"], sections["offers"]["additionalProperties"]]
    assert [one.get("additionalProperties") for one in closed] == [False] * 3


def test_a_draw_can_be_recomputed_and_wins_as_often_as_it_says() -> None:
    seed = b"published afterwards"
    assert len(seed_hash(seed)) == 64
    numbers = [drawn(seed, "inc-1", seq, "luck") for seq in range(2000)]
    assert numbers == [drawn(seed, "inc-1", seq, "luck") for seq in range(2000)]
    assert numbers[0] != drawn(seed, "inc-2", 0, "luck")
    won = [number for number in numbers if wins(number, (1, 4))]
    assert 420 <= len(won) <= 580
    prizes = [prize_of(number, ("tea", "cake"), (1, 4)) for number in numbers]
    assert sum(prize != "" for prize in prizes) == len(won)
    assert 0.4 < prizes.count("tea") / len(won) < 0.6


def test_what_was_drawn_stands_in_place_of_the_promise_to_draw() -> None:
    """A code of a coupon is added, and takes no promise away."""
    quote = price("offers: {a: {give: {win: 1 in 4, prizes: [tea]}}}", line("1", 100), who=member())
    (promise,) = receipt_texts(quote, "en")
    won = Message(key="receipt.won", arguments=(("prize", "tea"),))
    code = Message(key="receipt.code", arguments=(("code", "NEXT-1"),))
    assert receipt_texts(quote, "en", drawn=[won]) == [say(won, "en", "EUR")]
    assert receipt_texts(quote, "en", drawn=[code]) == [promise, say(code, "en", "EUR")]


def test_a_blocked_member_pays_like_a_guest() -> None:
    rules = "offers: {a: {who: members, give: 10 % off}}"
    assert price(rules, line("1", 1000), who=member(status="blocked")).due_minor == 1000


def test_of_sums_that_compete_the_one_that_is_had_has_no_reason_against_it() -> None:
    """2.00 rather than 1.00; the units that pay have the whole price worked out in full."""
    rules = """
units: {points: {value: 0.01, redeem: tender}}
offers:
  one: {give: 1.00 off the basket}
  two: {give: 2.00 off the basket}
"""
    quote = price(rules, line("1", 1000), who=member(points=100), spend={"points": 100})
    reasons = {one.offer: (one.applied, one.reason) for one in quote.offers}
    assert reasons == {"one": (False, "better-offer"), "two": (True, "")}
