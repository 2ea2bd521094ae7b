import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.panel.messages import LANGUAGES
from tessera.panel.pages import TEXT_LENGTH_MAX, render_page, render_screen, render_zone, shown
from tessera.panel.view import (
    NoticeView,
    NowPhase,
    NowView,
    ReaderStatus,
    ReaderView,
    Tone,
    WhoStatus,
    WhoView,
)
from tests.support.scripted_panel import AT, IDLE, MEMBER, ONLINE, SALE, crowded

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
VOID = {"meta", "link", "input", "br"}


class Balanced(HTMLParser):
    """Reads markup and refuses what does not nest; collects what the tests ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f" {data} "


def read(markup: str) -> Balanced:
    parser = Balanced()
    parser.feed(markup)
    assert parser.open == []
    return parser


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", read(markup).text).strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_draws_in_every_language_as_well_formed_markup(language: str) -> None:
    for status, phase in product(WhoStatus, NowPhase):
        view = replace(
            crowded(),
            language=language,
            who=replace(MEMBER, status=status),
            now=replace(SALE, phase=phase),
        )
        page = read(render_page(view, newest_id=7, beat_s=2))
        assert len(page.ids) == len(set(page.ids))


def test_hostile_texts_stay_texts() -> None:
    view = replace(
        IDLE,
        who=replace(MEMBER, name=HOSTILE, tier=HOSTILE, note=HOSTILE, card=HOSTILE),
        now=replace(
            SALE, sale=HOSTILE, near=(HOSTILE,), rewards=(replace(SALE.rewards[0], text=HOSTILE),)
        ),
        state=replace(
            ONLINE,
            register=HOSTILE,
            readers=(ReaderView(name=HOSTILE, status=ReaderStatus.FAILED, detail=HOSTILE),),
            notices=(NoticeView(notice=HOSTILE, text=HOSTILE, hint=HOSTILE),),
        ),
    )
    page = read(render_page(view, newest_id=1, beat_s=2))
    assert page.tags.count("script") == 3
    assert "img" not in page.tags
    assert page.text.count("<script>alert(1)</script>") >= 8


def test_nothing_in_the_page_needs_an_exception_from_the_policy() -> None:
    """No inline script, no inline style, no handler attribute."""
    page = read(render_page(crowded(), newest_id=1, beat_s=2))
    names = {name for name, _ in page.attributes}
    assert "style" not in names
    assert not {name for name in names if name.startswith(("on", "hx-on"))}
    assert "style" not in page.tags
    assert "<script>" not in render_page(crowded(), newest_id=1, beat_s=2)


def test_a_name_cannot_turn_the_words_beside_it_around() -> None:
    assert shown("Anna\u202egnp.exe\u2066\u200b") == "Annagnp.exe"


def test_a_name_of_two_lines_becomes_one() -> None:
    assert shown("A.\nM.\r\t") == "A. M."


@given(st.text())
def test_a_shown_text_is_one_bounded_line(text: str) -> None:
    line = shown(text)
    assert len(line) <= TEXT_LENGTH_MAX
    assert len(line.splitlines()) <= 1
    assert shown(line) == line


def test_a_member_is_shown_with_what_can_be_spent_and_what_is_pending() -> None:
    text = words(render_zone("who", replace(IDLE, who=MEMBER)))
    assert "Member A. M. Birthday in 3 days" in text
    assert "Points 1,204 300 usable here now 12 not confirmed yet" in text


def test_without_a_name_the_masked_number_stands_for_it() -> None:
    who = WhoView(status=WhoStatus.UNKNOWN, card="••••9999")
    text = words(render_zone("who", replace(IDLE, who=who)))
    assert "Card not known here ••••9999 The sale goes on as usual" in text


def test_a_card_of_nobody_is_handed_out_by_a_key_where_that_is_possible() -> None:
    who = WhoView(status=WhoStatus.UNKNOWN, card="••••9999", enrollable=True)
    markup = render_zone("who", replace(IDLE, who=who))
    assert sorted(re.findall(r'data-key="(\w+)"', markup)) == ["F10", "F9"]
    assert "Enrol with this card" in markup
    assert "F10" not in render_zone("who", replace(IDLE, who=replace(who, enrollable=False)))


def test_whom_the_pos_named_is_not_removed_here() -> None:
    assert "F9" in render_zone("who", replace(IDLE, who=MEMBER))
    assert "F9" not in render_zone("who", replace(IDLE, who=replace(MEMBER, removable=False)))


def test_a_sale_shows_what_it_saves_and_earns_and_why() -> None:
    text = words(render_zone("now", replace(IDLE, now=SALE)))
    assert "Saved €4.50 Earns 45 points To pay €45.50" in text
    assert "F2 500 points for €5.00 off Accept" in text
    assert "Free coffee for 10 stamps 2 stamps short" in text
    assert "Why 10% off dairy −€4.50 double points +1,045 Not this time Pens 3 for 2" in text


def test_a_reward_that_cannot_be_had_has_no_key() -> None:
    markup = render_zone("now", replace(IDLE, now=SALE))
    assert markup.count("data-key") == 1


def test_an_accepted_reward_can_be_taken_back_with_the_same_key() -> None:
    accepted = replace(SALE, rewards=(replace(SALE.rewards[0], accepted=True),))
    markup = render_zone("now", replace(IDLE, now=accepted))
    assert 'aria-pressed="true" data-key="F2"' in markup
    assert '<input type="hidden" name="accepted" value="no">' in markup


def test_a_completed_sale_speaks_of_the_past() -> None:
    done = replace(SALE, phase=NowPhase.DONE, rewards=(), near=(), refused=())
    assert "Sale completed Saved €4.50 Earned 45 points" in words(
        render_zone("now", replace(IDLE, now=done))
    )


def test_a_return_shows_what_is_paid_out_and_taken_back() -> None:
    back = NowView(phase=NowPhase.RETURNED, refund_minor=175, earned=SALE.earned)
    text = words(render_zone("now", replace(IDLE, now=back)))
    assert "Goods returned Pay out €1.75 Taken back 45 points" in text
    assert "Saved" not in text


def test_offline_says_since_when_and_what_waits() -> None:
    state = replace(ONLINE, online=False, offline_since=AT - timedelta(hours=1), queued=3)
    text = words(render_zone("state", replace(IDLE, state=state)))
    assert "Offline since 13:05 Go on selling." in text
    assert "Waiting to be sent: 3" in text
    assert "Online" not in text


def test_a_till_that_records_nothing_does_not_say_that_it_will_send() -> None:
    state = replace(ONLINE, online=False, alone=True)
    text = words(render_zone("state", replace(IDLE, state=state)))
    assert "Not connected Sales are not recorded here." in text
    assert "sent" not in text
    assert "Balances" not in text


def test_the_worst_notice_is_shown_first_and_the_others_are_counted() -> None:
    notices = (
        NoticeView(notice="a", text="Calm.", tone=Tone.CALM),
        NoticeView(notice="b", text="Trouble.", tone=Tone.TROUBLE),
    )
    text = words(render_zone("state", replace(IDLE, state=replace(ONLINE, notices=notices))))
    assert "Trouble. 1 more F8 Seen" in text
    assert "Calm." not in text


def test_paused_benefits_cannot_be_dismissed() -> None:
    state = replace(ONLINE, benefits_stopped=True, disk_used_percent=96)
    markup = render_zone("state", replace(IDLE, state=state))
    assert "Benefits are paused" in markup
    assert 'data-key="F8"' not in markup


def test_training_is_on_every_screen() -> None:
    training = replace(IDLE, training=True)
    assert "Training nothing is recorded, nothing is sent" in words(render_screen(training))
    assert "Training" not in words(render_screen(IDLE))


def test_no_key_has_two_meanings() -> None:
    keys = re.findall(r'data-key="(\w+)"', render_screen(crowded()))
    assert sorted(keys) == ["F2", "F7", "F8", "F9"]


def test_another_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        render_zone("../page", IDLE)


def test_code_of_others_is_what_its_table_says() -> None:
    static = files("tessera.panel") / "static"
    table = (static / "THIRD_PARTY.md").read_text("utf-8")
    listed = re.findall(r"^\| `([\w.-]+)` .*`([0-9a-f]{64})` \|$", table, re.MULTILINE)
    assert {name for name, _ in listed} == {"htmx.min.js", "hx-sse.min.js"}
    for name, digest in listed:
        assert hashlib.sha256((static / name).read_bytes()).hexdigest() == digest
