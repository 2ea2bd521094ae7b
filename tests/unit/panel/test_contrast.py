"""WCAG 2.2: text 4.5 to 1 (1.4.3), shapes and focus rings 3 to 1 (1.4.11)."""

import re
from importlib.resources import files

import pytest

CSS = (files("tessera.panel") / "static" / "panel.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
)

# (in front, behind, at least)
PAIRS = [
    ("ink", "page", 4.5),
    ("ink", "zone", 4.5),
    ("ink", "sunk", 4.5),
    ("ink", "caution-back", 4.5),
    ("ink", "trouble-back", 4.5),
    ("quiet", "zone", 4.5),
    ("quiet", "sunk", 4.5),
    ("quiet", "caution-back", 4.5),
    ("quiet", "trouble-back", 4.5),
    ("accent", "zone", 4.5),
    ("on-accent", "accent", 4.5),
    ("calm", "zone", 4.5),
    ("caution", "zone", 4.5),
    ("caution", "caution-back", 4.5),
    ("trouble", "zone", 4.5),
    ("trouble", "trouble-back", 4.5),
    ("on-loud", "loud", 4.5),
    ("on-training", "training", 4.5),
    ("line", "zone", 3.0),
    ("line", "sunk", 3.0),
    ("loud", "page", 3.0),
    ("focus", "zone", 3.0),
    ("focus", "page", 3.0),
    ("focus", "sunk", 3.0),
]


def luminance(colour: str) -> float:
    """Relative luminance of sRGB: WCAG 2.2, definitions."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    assert round(contrast("#000000", "#ffffff"), 3) == 21.0


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("front,behind,least", PAIRS)
def test_colours_stand_out_enough(
    scheme: dict[str, str], front: str, behind: str, least: float
) -> None:
    assert contrast(scheme[front], scheme[behind]) >= least


def test_every_colour_is_in_a_pair_and_in_both_schemes() -> None:
    assert LIGHT.keys() == DARK.keys()
    paired = {name for front, behind, _ in PAIRS for name in (front, behind)}
    assert LIGHT.keys() == paired


def test_no_colour_is_written_outside_the_variables() -> None:
    rest = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", rest) == []


def test_motion_only_where_it_is_welcome() -> None:
    calm = re.sub(
        r"@media \(prefers-reduced-motion: no-preference\) \{.*?\n\}", "", CSS, flags=re.DOTALL
    )
    assert "transition" not in calm
    assert "animation" not in calm
