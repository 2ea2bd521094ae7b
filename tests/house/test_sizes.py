"""Files and functions stay small enough to be read at once."""

import ast

from tests.house.tree import name_of, parsed, python_files

SOURCE_LINES_MAX = 450
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def test_no_file_of_the_source_is_too_long() -> None:
    assert too_long("src", SOURCE_LINES_MAX) == []


def test_no_file_of_the_tests_is_too_long() -> None:
    assert too_long("tests", TEST_LINES_MAX) == []


def too_long(folder: str, limit: int) -> list[str]:
    counts = {name_of(path): path.read_text().count("\n") for path in python_files(folder)}
    return [f"{name}: {count} lines" for name, count in counts.items() if count > limit]


def test_no_function_is_too_long() -> None:
    long = []
    for path in python_files("src", "tests"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or 0) - node.lineno + 1
                if count > FUNCTION_LINES_MAX:
                    long.append(f"{name_of(path)}:{node.lineno}: {node.name}: {count} lines")
    assert long == []
