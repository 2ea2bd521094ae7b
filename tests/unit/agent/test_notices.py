"""Notices speak every language of the cashier's page, each code once."""

import pytest

from tessera.agent.notice_words import WORDS
from tessera.agent.notices import NOTICES, notice, worded
from tessera.panel.messages import LANGUAGES


def test_every_language_of_the_page_has_its_words() -> None:
    assert {"en", *WORDS} == set(LANGUAGES)


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_notice_is_said_in_this_language(language: str) -> None:
    assert set(WORDS[language]) == set(NOTICES)
    for code, (text, hint) in WORDS[language].items():
        assert text
        assert bool(hint) == bool(NOTICES[code][1])


def test_a_code_told_twice_is_said_once_in_the_language_asked_for() -> None:
    said = worded((notice("member_blocked"), notice("member_blocked")), "de")
    assert [one.text for one in said] == ["dieses Mitglied ist gesperrt"]


def test_a_reason_of_a_reader_that_has_no_words_is_still_told() -> None:
    assert notice("some_new_reason").text == NOTICES["code_refused"][0]
