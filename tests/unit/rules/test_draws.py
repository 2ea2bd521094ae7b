"""Draws: what they have to state, where their entries are given, and that the customer is told."""

import pytest

from tessera.core.quote import Quote
from tessera.rules.differences import Release, differences, read_release
from tessera.rules.draw_terms import terms_in
from tessera.rules.programme import Programme
from tessera.rules.wording import receipt_texts
from tests.unit.rules.shop import line, member, place, price, problems_of, programme

HEAD = "programme: p\ncurrency: EUR\n"
SAID = "organiser: us, prizes: [a bicycle], free_entry: a post card, countries: [DE]"
OFFER = "offers: {raffle: {give: 1 entry in bike}}\n"
DE = "countries: {DE: everywhere}\n"


def draws(said: str = SAID, offers: str = OFFER, countries: str = DE) -> str:
    return f"{HEAD}{countries}draws: {{bike: {{{said}}}}}\n{offers}"


def found(text: str) -> list[tuple[str, str, str]]:
    return [(one.severity, one.field, one.message) for one in problems_of(text)]


def test_a_draw_that_says_everything_is_sound() -> None:
    assert found(draws()) == []


@pytest.mark.parametrize(
    "key, word",
    [
        ("organiser", "organiser"),
        ("prizes", "prizes"),
        ("free_entry", "free entry route"),
        ("countries", "countries"),
    ],
)
def test_what_a_draw_does_not_say_is_a_problem_with_a_proposal(key: str, word: str) -> None:
    parts = {"organiser": "us", "prizes": "[a bicycle]", "free_entry": "post", "countries": "[DE]"}
    del parts[key]
    (problem,) = problems_of(draws(", ".join(f"{name}: {text}" for name, text in parts.items())))
    assert (problem.severity, problem.field) == ("error", f"draws.bike.{key}")
    assert problem.message == f"a draw says its {word}"
    assert problem.proposal.startswith(f"{key}: ")
    assert problem.line == 4


def test_purchase_as_the_only_way_in_is_a_warning() -> None:
    none = SAID.replace("a post card", "none")
    ((severity, field, message),) = found(draws(none))
    assert (severity, field) == ("warning", "draws.bike.free_entry")
    assert "purchase is the only way into this draw" in message


def test_an_event_that_is_no_purchase_is_a_way_in() -> None:
    none = SAID.replace("a post card", "none")
    both = (
        "offers: {raffle: {give: 1 entry in bike},"
        " card: {trigger: event post-card, give: 1 entry in bike}}\n"
    )
    assert found(draws(none, both)) == []
    bought = both.replace("trigger: event post-card", "trigger: event x, needs: basket from 5.00")
    assert [severity for severity, _, _ in found(draws(none, bought))] == ["warning"]


def test_a_draw_that_is_not_described_is_a_warning_at_its_first_offer() -> None:
    text = (
        f"{HEAD}seed_hash: {'a' * 64}\noffers:\n  a: {{give: 1 entry in bike}}\n"
        "  b: {give: 2 entries in bike}\n  c: {give: {win: 1 in 4, prizes: [tea]}}\n"
    )
    assert [(one.severity, one.field, one.line) for one in problems_of(text)] == [
        ("warning", "draws.bike", 5),
        ("warning", "draws.c", 7),
    ]


def test_a_draw_that_no_offer_plays_is_a_problem() -> None:
    ((severity, field, message),) = found(draws(offers="offers: {a: {give: 1 % off}}\n"))
    assert (severity, field) == ("error", "draws.bike")
    assert message == "no offer gives an entry in this draw"
    text = draws(offers="offers: {a: {give: 1 entry in bikes}}\n")
    assert problems_of(text)[0].proposal == "did you mean bikes?"


@pytest.mark.parametrize(
    "countries, said, message",
    [
        ("", "[DE]", "nothing says which places lie in DE"),
        ("countries: {AT: region at}\n", "[AT, DE]", "nothing says which places lie in DE"),
        (DE, "[de]", "'de' is no country code of two letters (ISO 3166)"),
        ("countries: {Germany: everywhere}\n", "[DE]", "'Germany' is no country code"),
        ("countries: {DE: }\n", "[DE]", "nothing stands here"),
        ("countries: {DE: somewhere}\n", "[DE]", "'somewhere' is no kind of place"),
        (DE, "[]", "0 countries, a draw has one to 300"),
        ("countries: 5\n", "[DE]", "here stands no list of keys"),
    ],
)
def test_countries_that_are_none_are_problems(countries: str, said: str, message: str) -> None:
    text = draws(SAID.replace("[DE]", said), countries=countries)
    assert message in "\n".join(problem.message for problem in problems_of(text))
    assert any(problem.severity == "error" for problem in problems_of(text))


def test_what_is_left_empty_and_what_is_too_much_is_refused() -> None:
    assert "nothing stands here" in found(draws(SAID.replace("us,", "'',")))[0][2]
    many = ", ".join(f"p{number}" for number in range(101))
    ((_, _, message),) = found(draws(SAID.replace("a bicycle", many)))
    assert message == "101 prizes, at most 100 are allowed"
    letters = "ABCDEFGHIJKLMNOPQR"
    codes = ", ".join(f"{one}{two}: everywhere" for one in letters for two in letters)
    text = draws(countries=f"countries: {{{codes}}}\n")
    assert found(text)[0][2] == "324 countries, at most 300 are allowed"


def two_countries() -> Programme:
    return programme(
        "countries: {DE: region north, AT: store 7}\n"
        "draws: {bike: {organiser: us, prizes: [a bicycle], countries: [DE, AT],\n"
        "  free_entry: {en: a post card, de: eine Postkarte}}}\n"
        "offers:\n  raffle: {where: 'register 1, 2', give: 1 entry in bike}\n"
        "  off: {give: 10 % off}\n"
    )


@pytest.mark.parametrize(
    "where, given",
    [
        ({"region": "north", "register": "1"}, True),
        ({"store": "7", "register": "2"}, True),
        ({"store": "7", "register": "3"}, False),
        ({"region": "south", "register": "1"}, False),
        ({"store": "8", "register": "1"}, False),
        ({"register": "1"}, False),
    ],
)
def test_an_entry_is_given_in_its_countries_alone(where: dict[str, str], given: bool) -> None:
    quote = price(two_countries(), line("1", 1000), where=place(**where))
    assert [one.kind for one in quote.issued] == (["draw"] if given else [])
    reasons = {one.offer: one.reason for one in quote.offers if not one.applied}
    assert reasons.get("raffle", "") == ("" if given else "not-here")
    assert quote.due_minor == 900


def told(language: str, quote: Quote) -> list[str]:
    return [text for text in receipt_texts(quote, language) if "us" in text]


def test_the_terms_stand_on_the_receipt_in_its_language() -> None:
    quote = price(two_countries(), line("1", 1000), where=place(store="7", register="1"))
    assert told("en", quote) == [
        "Organiser: us. Take part without buying: a post card. Valid in AT, DE"
    ]
    assert told("de", quote) == [
        "Veranstalter: us. Teilnahme ohne Kauf: eine Postkarte. Gilt in AT, DE"
    ]
    terms = terms_in(quote, "de")["bike"]
    assert (terms.organiser, terms.prizes, terms.countries) == ("us", "a bicycle", "AT, DE")
    assert terms.free_entry == "eine Postkarte"
    assert terms_in(quote, "fr")["bike"].free_entry == "a post card"


def test_where_purchase_is_the_only_way_the_receipt_names_none() -> None:
    rules = programme(f"{DE}draws: {{bike: {{{SAID.replace('a post card', 'none')}}}}}\n{OFFER}")
    quote = price(rules, line("1", 1000))
    assert told("en", quote) == ["Organiser: us. Valid in DE"]
    assert terms_in(quote, "en")["bike"].free_entry == ""


def test_an_instant_win_has_the_draw_of_its_offer_and_names_the_prizes() -> None:
    rules = programme(
        f"{DE}draws: {{luck: {{organiser: us, free_entry: a post card, countries: [DE]}}}}\n"
        "offers: {luck: {give: {win: 1 in 4, prizes: [coffee, cake]}}}\n"
    )
    quote = price(rules, line("1", 1000), who=member())
    assert [(one.kind, one.name) for one in quote.issued] == [("win", "luck")]
    assert terms_in(quote, "en")["luck"].prizes == "coffee, cake"


def test_two_entries_in_one_draw_state_its_terms_once() -> None:
    rules = programme(
        f"{DE}draws: {{bike: {{{SAID}}}}}\n"
        "offers: {a: {give: 1 entry in bike}, b: {give: 2 entries in bike}}\n"
    )
    assert len(told("en", price(rules, line("1", 1000)))) == 1


def test_a_release_tells_what_changes_about_a_draw() -> None:
    def release(text: str) -> Release:
        one, problems = read_release(text, file="p.yaml")
        assert one is not None, problems
        return one

    old = draws()
    new = draws(SAID.replace("us", "them"), countries="countries: {DE: region north}\n")
    said = [
        (one.section, one.name, one.field, one.before, one.after)
        for one in differences(release(old), release(new))
    ]
    assert said == [
        ("draw", "bike", "organiser", "us", "them"),
        ("country", "DE", "places", "everywhere", "region north"),
    ]
    without = f"{HEAD}{OFFER}"
    assert [
        (one.section, one.name, one.change) for one in differences(release(without), release(old))
    ] == [("draw", "bike", "added"), ("country", "DE", "added")]
