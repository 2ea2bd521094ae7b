"""The tutorials are run as they stand: real files, real commands, the output as printed there."""

from pathlib import Path

import pytest

from tests.support.story import Command, File, agrees, play, steps_of

DOCS = Path(__file__).parents[2] / "docs"
TUTORIALS = ["tutorial-first-rule.md", "tutorial-first-shop.md", "tutorial-three-offers.md"]


@pytest.mark.timeout(400)  # a whole shop starts in two of them, on a machine with other work
@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_works_as_it_is_written(name: str, tmp_path: Path) -> None:
    play(DOCS / name, tmp_path)


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_has_files_and_commands(name: str) -> None:
    """A fence written in another way would otherwise be passed over in silence."""
    steps = steps_of(DOCS / name)
    assert [step for step in steps if isinstance(step, File)]
    commands = [step for step in steps if isinstance(step, Command)]
    written = (DOCS / name).read_text("utf-8").count("\n$ ")
    assert len(commands) == written > 3


def test_output_that_differs_is_noticed() -> None:
    assert agrees("one\ntwo 3\n", "one\ntwo …\n")
    assert not agrees("one\ntwo\n", "one\n")
    assert not agrees("one.\n", "one!\n")
