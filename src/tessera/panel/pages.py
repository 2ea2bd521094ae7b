"""Drawing: a view becomes HTML.

Owns: the templates' environment and the few filters they use. Every text is escaped. Must never:
read a clock, know HTTP, or let a customer's name change the page around it.
"""

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from tessera.panel.messages import LANGUAGES, catalogue
from tessera.panel.view import ScreenView, Tone, WhoStatus

if TYPE_CHECKING:
    from jinja2 import Environment

REWARD_KEYS = ("F2", "F3", "F4", "F6")
"""Keys of the first rewards. Only function keys: a scanner that types may press any other."""

TEXT_LENGTH_MAX = 160
ZONES = ("who", "now", "state")

_WHO_ICONS = {
    WhoStatus.NOBODY: "card",
    WhoStatus.KNOWN: "good",
    WhoStatus.UNKNOWN: "unknown",
    WhoStatus.PENDING: "waiting",
    WhoStatus.BLOCKED: "trouble",
}
_TONE_ICONS = {Tone.CALM: "note", Tone.CAUTION: "caution", Tone.TROUBLE: "trouble"}
_URGENCY = {Tone.TROUBLE: 0, Tone.CAUTION: 1, Tone.CALM: 2}


def shown(text: str) -> str:
    """A text from outside as the page shows it: one line, without control and direction marks.

    A name with a right-to-left override would otherwise turn the words beside it around.
    """
    kept = "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char
        for char in text
        if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"}
    )
    line = " ".join(kept.split(" ")).strip()
    return line if len(line) <= TEXT_LENGTH_MAX else line[: TEXT_LENGTH_MAX - 1] + "…"


def warm_up() -> None:
    """Import and read what the first page needs, so that no cashier waits for it."""
    for name in ("page.html", "screen.html"):
        _environment().get_template(name)


@cache
def _environment() -> "Environment":
    # A POS may ask before anybody looks at the page, so the start does not wait for this.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("tessera.panel"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["shown"] = shown
    environment.globals.update(
        who_icons=_WHO_ICONS,
        tone_icons=_TONE_ICONS,
        reward_keys=REWARD_KEYS,
    )
    return environment


def _names(view: ScreenView) -> dict[str, object]:
    # One notice at a time, the worst first: a cashier reads one line, not four.
    notices = sorted(view.state.notices, key=lambda notice: _URGENCY[notice.tone])
    following = LANGUAGES[(LANGUAGES.index(view.language) + 1) % len(LANGUAGES)]
    return {
        "view": view,
        "words": catalogue(view.language),
        "notice": notices[0] if notices else None,
        "notices_more": len(notices) - 1,
        "next_language": following,
    }


def render_page(view: ScreenView, *, newest_id: int, beat_s: float) -> str:
    """The whole document. `newest_id`: the change that `view` includes; the stream goes on there.

    `beat_s`: how often the stream shows that it lives, in seconds.
    """
    page = _environment().get_template("page.html")
    return page.render(_names(view), newest_id=newest_id, beat_s=beat_s)


def render_screen(view: ScreenView) -> str:
    """The training banner and the three zones: what an event of the stream carries."""
    return _environment().get_template("screen.html").render(_names(view))


def render_zone(name: str, view: ScreenView) -> str:
    """One of ZONES; ValueError for another name."""
    if name not in ZONES:
        raise ValueError(f"{name!r} is no zone of the page")
    return _environment().get_template(f"zone_{name}.html").render(_names(view))
