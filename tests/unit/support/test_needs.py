from collections import Counter
from pathlib import Path

import pytest

from tests.support.needs import NEEDS, closing_line

pytest_plugins = ["pytester"]

SUITE = """
import pytest

@pytest.fixture
def postgres_dsn():
    return "host=nowhere"

def test_asks_for_it(postgres_dsn):
    raise AssertionError

@pytest.mark.needs_chromium
def test_is_marked():
    raise AssertionError

def test_needs_nothing():
    pass
"""


def test_tests_whose_need_is_unmet_do_not_run_and_one_line_says_so(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is installed: neither a search path nor Debian's folder of PostgreSQL versions.
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(Path, "glob", lambda _self, _pattern: iter(()))
    pytester.makeini("[pytest]\nmarkers =\n  needs_postgres: x\n  needs_chromium: x\n")
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess("-p", "tests.support.needs", "-p", "no:randomly")
    result.assert_outcomes(passed=1, deselected=2)
    told = [line for line in result.outlines if line.startswith("not run: ")]
    expected = (
        "not run: 1 test needing PostgreSQL (initdb not found; install the package postgresql); "
        "1 test needing Chromium (no browser found; install the package chromium)"
    )
    assert told == [expected]


def test_when_everything_ran_there_is_no_closing_line() -> None:
    assert closing_line(Counter()) == ""


def test_several_tests_are_counted_in_the_plural() -> None:
    assert closing_line(Counter({NEEDS[0]: 12})).startswith("not run: 12 tests needing Postgre")
