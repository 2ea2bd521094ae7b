import re
from string import Formatter

import pytest

from tessera.panel.messages import LANGUAGES, best_language, catalogue
from tessera.panel.view import NowPhase, ReaderStatus, WhoStatus


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_places(language: str) -> None:
    english, other = catalogue("en").sentences, catalogue(language).sentences
    assert other.keys() == english.keys()
    assert {key: places(text) for key, text in other.items()} == {
        key: places(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_or_has_stray_spaces(language: str) -> None:
    for key, text in catalogue(language).sentences.items():
        assert text, key
        assert text == text.strip(" "), key
        assert "  " not in text, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_year_has_twelve_months(language: str) -> None:
    assert len(catalogue(language).sentences["months"].split()) == 12


def test_russian_is_in_cyrillic() -> None:
    """A sentence that was forgotten in English would stand out here."""
    latin = {
        key
        for key, text in catalogue("ru").sentences.items()
        if not re.search("[а-яё]", text.lower()) and key not in {"colon", "day_and_time"}
    }
    assert latin == set()


def test_every_state_has_its_words() -> None:
    keys = catalogue("en").sentences
    for status in WhoStatus:
        assert f"who.{status}" in keys
    for phase in NowPhase:
        assert f"now.{phase}" in keys
    for reader in ReaderStatus:
        assert f"reader.{reader}" in keys


@pytest.mark.parametrize(
    "wanted,spoken", [("de-AT", "de"), ("RU", "ru"), ("pl", "fr"), ("", "fr"), ("xx-en", "fr")]
)
def test_a_language_the_page_lacks_falls_back(wanted: str, spoken: str) -> None:
    assert best_language(wanted, "fr") == spoken


def test_a_language_that_is_a_path_is_no_language() -> None:
    with pytest.raises(KeyError):
        catalogue("../messages/en")
