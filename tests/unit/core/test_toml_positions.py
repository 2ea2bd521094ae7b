import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.toml_positions import Path, Position, locate


@pytest.mark.parametrize(
    "text, path, line, column",
    [
        ("a = 1", ("a",), 1, 1),
        ("\n  a = 1", ("a",), 2, 3),
        ("# a = 1\r\n\r\nb = 2 # c\r\nc = 3", ("c",), 4, 1),
        ("a.b = 1", ("a", "b"), 1, 1),
        ("[t]\nx = 1", ("t", "x"), 2, 1),
        ("[t]\nx = 1", ("t",), 1, 1),
        ("[ t . u ]\nx = 1", ("t", "u", "x"), 2, 1),
        ("[[r]]\nx = 1\n[[r]]\nx = 2", ("r", 1, "x"), 4, 1),
        ("[[r]]\n[[r.s]]\n[[r]]\n[[r.s]]\nx = 1", ("r", 1, "s", 0, "x"), 5, 1),
        ("[[r]]\n[r.t]\nx = 1", ("r", 0, "t", "x"), 3, 1),
        ("a = [\n  1, # one\n  2,\n]\nb = 1", ("a", 1), 3, 3),
        ("a = [\n  1, # one\n  2,\n]\nb = 1", ("b",), 5, 1),
        ("a = { b = 1, c = { d = [] } }", ("a", "c", "d"), 1, 20),
        ("a = [{ b = 1 }, { b = 2 }]", ("a", 1, "b"), 1, 19),
        ("'a.b' = 1", ("a.b",), 1, 1),
        ('"a\\"\\u00e9" = 1', ('a"é',), 1, 1),
        ('a = "[x] # = \\" \\\\"\nb = 1', ("b",), 2, 1),
        ("a = '\\'\nb = 1", ("b",), 2, 1),
        ('a = """\nx = 1\n\\""""""\nb = 1', ("b",), 4, 1),
        ("a = '''x'''''\nb = 1", ("b",), 2, 1),
        ('a = """x"""\nb = 1', ("b",), 2, 1),
        ('a = """xy"""\nb = 1', ("b",), 2, 1),
        ("a = '''\n\\'''\nb = 1", ("b",), 3, 1),
        ('a = ""\nb = 1', ("b",), 2, 1),
    ],
)
def test_a_key_is_found_where_it_stands(text: str, path: Path, line: int, column: int) -> None:
    assert locate(text)[path] == Position(line, column)


def paths_in(value: Any, path: Path) -> set[Path]:
    found = {path}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths_in(inner, (*path, key))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            found |= paths_in(inner, (*path, number))
    return found


KEYS = st.sampled_from(["a", "b", "c", '"a b"', "'.'", "a.b", "c . d"])
SCALARS = st.sampled_from(
    ["1", "true", '"x"', "'y'", '"""z\n"""', "'''\n'''''", "1979-05-27T07:32:00Z", '"\\\\"', "-0.5"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[ # c\n{', '.join(parts)}\n]")
        | st.tuples(KEYS, inner).map(lambda pair: f"{{ {pair[0]} = {pair[1]} }}")
    ),
    max_leaves=6,
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(" = ".join),
    KEYS.map("[{}]".format),
    KEYS.map("[[{}]] # more".format),
    st.sampled_from(["", "# note", "\t"]),
)


@given(st.lists(LINES, max_size=8))
def test_every_path_of_a_valid_text_has_a_position_and_no_other(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(locate(text)) == paths_in(table, ()) - {()}
