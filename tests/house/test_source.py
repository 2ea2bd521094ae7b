"""What the source may never do, beyond what the linters know."""

import ast
import subprocess
import sys

import pytest

from tests.house.tree import dotted_name, imports, module_of, name_of, parsed, python_files

PURE_FOLDERS = ("src/tessera/core", "src/tessera/rules")
# Clocks, chance and the outside world come in as arguments.
IMPURE_MODULES = frozenset(
    {"asyncio", "glob", "logging", "multiprocessing", "os", "random", "secrets", "select"}
    | {"selectors", "shutil", "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile"}
    | {"threading", "time", "urllib"}
)
IMPURE_CALLS = frozenset(
    {"date.today", "datetime.now", "datetime.today", "datetime.utcnow", "datetime.date.today"}
    | {"datetime.datetime.now", "input", "open", "print", "uuid1", "uuid4", "uuid.uuid1"}
    | {"uuid.uuid4"}
)
# What a command may import before it is run: words of the trade, nothing that takes time.
CLI_TOP_LEVEL = ("tessera.core.", "tessera.cli.", "tessera.__version__")


def test_core_imports_the_standard_library_and_itself_only() -> None:
    strangers = [
        f"{name_of(path)}:{line}: {name}"
        for path in python_files("src/tessera/core")
        for line, name in imports(parsed(path))
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith("tessera.core.")
    ]
    assert strangers == []


def test_core_and_rules_read_no_clock_no_chance_no_world() -> None:
    impure = []
    for path in python_files(*PURE_FOLDERS):
        tree = parsed(path)
        impure += [
            f"{name_of(path)}:{line}: imports {name}"
            for line, name in imports(tree)
            if name.split(".")[0] in IMPURE_MODULES
        ]
        impure += [
            f"{name_of(path)}:{node.lineno}: calls {dotted_name(node.func)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and dotted_name(node.func) in IMPURE_CALLS
        ]
    assert impure == []


def slow_imports(tree: ast.Module) -> list[str]:
    return [
        name
        for _, name in imports(tree, top_level_only=True)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(CLI_TOP_LEVEL)
    ]


def test_a_command_imports_its_app_only_when_it_runs() -> None:
    slow = {
        name_of(path): found
        for path in python_files("src/tessera/cli")
        if (found := slow_imports(parsed(path)))
    }
    assert slow == {}


@pytest.mark.parametrize(
    "line", ["from tessera.central import app", "import httpx", "import tessera.agent.app"]
)
def test_an_app_imported_on_top_of_a_command_is_caught(line: str) -> None:
    assert slow_imports(ast.parse(line)) != []
    assert slow_imports(ast.parse(f"def run():\n    {line}")) == []


def test_every_module_says_what_it_owns() -> None:
    silent = [name_of(path) for path in python_files("src") if not ast.get_docstring(parsed(path))]
    assert silent == []


def test_the_agent_loads_without_what_only_central_needs() -> None:
    modules = [module_of(path) for path in python_files("src/tessera/agent", "src/tessera/panel")]
    script = (
        "import importlib, sys\n"
        "sys.modules['psycopg'] = None\n"
        "sys.modules['tessera.store.central'] = None\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def test_no_test_sleeps_or_is_skipped() -> None:
    """Waiting is `tests.support.waiting`; a test that cannot run is left out and told of."""
    refused = {"time.sleep", "sleep", "pytest.skip", "pytest.importorskip"}
    refused |= {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
    found = [
        f"{name_of(path)}:{node.lineno}: {dotted_name(node.func)}"
        for path in python_files("tests")
        if "tests/support/" not in name_of(path)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and dotted_name(node.func) in refused
    ]
    assert found == []
