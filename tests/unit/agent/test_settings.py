"""The agent's settings: the example holds, paths are the file's, mistakes are told."""

from pathlib import Path

import pytest

from tessera.agent.settings import read_settings
from tests.house.tree import ROOT

EXAMPLE = ROOT / "config" / "agent.toml"


def test_the_example_is_valid_and_keeps_its_data_beside_the_configuration() -> None:
    settings, problems = read_settings(EXAMPLE.read_text(), file=EXAMPLE, environment={})
    assert problems == []
    assert settings is not None
    assert settings.data_dir == EXAMPLE.parent / "../var/agent"
    assert settings.listen.port == 8440


def test_the_port_can_be_given_in_the_environment() -> None:
    settings, problems = read_settings(
        'data_dir = "x"', file=Path("a.toml"), environment={"TESSERA__LISTEN__PORT": "8441"}
    )
    assert problems == []
    assert settings is not None
    assert settings.listen.port == 8441


@pytest.mark.parametrize(
    "text, line, field",
    [
        ('data_dir = "x"\nlanguage = "eo"', 2, "language"),
        ('data_dir = "x"\n[listen]\nport = 70000', 3, "listen.port"),
        ('data_dir = "x"\n[listen]\nhost = "nowhere"', 2, "listen"),
        ('data_dir = "x"\n[[readers]]\nid = "a"', 2, "readers[0].profile"),
        ("language = 'de'", 0, "data_dir"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, line: int, field: str) -> None:
    settings, problems = read_settings(text, file=Path("a.toml"), environment={})
    assert settings is None
    assert any((one.line, one.field) == (line, field) for one in problems), problems
