"""What is not documented fails: commands, settings, routes; and what is written holds."""

import argparse
import ast
import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from tessera import __version__
from tessera.cli.main import COMMANDS, GROUPS
from tests.house import settings_tables
from tests.house.tree import ROOT, dotted_name, files, name_of, parsed, python_files

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def section(document: str, heading: str) -> str:
    """The text below a heading, up to the next of its rank."""
    rank = heading.split(" ", 1)[0]
    text = (ROOT / document).read_text()
    assert f"\n{heading}\n" in text, f"{document} has no section '{heading}'"
    below = text.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^{rank} ", below, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("path", sorted(COMMANDS), ids=" ".join)
def test_every_command_is_whole_and_documented(path: tuple[str, ...]) -> None:
    module = importlib.import_module(COMMANDS[path].module)
    name = " ".join(("tessera", *path))
    assert (module.__doc__ or "").strip(), f"{name} has no description"
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    described = section("docs/commands.md", f"## {name}")
    for action in parser._actions:
        assert action.help, f"{name}: {action.dest} has no help"
        words = [word for word in action.option_strings if word.startswith("--")]
        assert all(word in described for word in words if word != "--help"), (
            f"docs/commands.md, {name}: {words} is not described"
        )


def test_every_described_command_exists() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    described = re.findall(r"^## tessera (.+)$", text, flags=re.MULTILINE)
    assert sorted(described) == sorted(" ".join(path) for path in COMMANDS)


def test_every_group_of_commands_has_a_line_about_it() -> None:
    groups = {path[0] for path in COMMANDS if len(path) > 1}
    assert groups <= set(GROUPS)


def test_every_setting_stands_in_the_reference() -> None:
    """`make docs` writes the tables anew."""
    assert settings_tables.written_anew() == settings_tables.DOCUMENT.read_text()


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        f"{which}: {doc.path}"
        for which, schema in settings_tables.schemas().items()
        for doc in settings_tables.described(schema)
        if not doc.doc
    ]
    assert silent == []


def routes_in(path: Path) -> list[tuple[str, str]]:
    """Method and path of each Route that a file makes."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(parsed(path)):
        if not isinstance(node, ast.Call) or dotted_name(node.func).split(".")[-1] != "Route":
            continue
        place = f"{name_of(path)}:{node.lineno}"
        assert node.args, f"{place}: write the path as the first argument"
        address = node.args[0]
        assert isinstance(address, ast.Constant), (
            f"{place}: write the path out, for this test's sake"
        )
        methods = [word.value for word in node.keywords if word.arg == "methods"]
        names = ast.literal_eval(methods[0]) if methods else ["GET"]
        found += [(name, str(address.value)) for name in names]
    return found


@pytest.mark.parametrize("app", ["agent", "central"])
def test_every_route_is_documented(app: str) -> None:
    described = section("docs/api.md", f"## {'The agent' if app == 'agent' else 'Central'}")
    missing = [
        f"{method} {path}"
        for file in python_files(f"src/tessera/{app}")
        for method, path in routes_in(file)
        if f"`{method} {path}`" not in described
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_inside_the_repository_lead_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            broken.append(target)
    assert broken == []


def anchors_of(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_changes_of_this_version_are_told() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## {re.escape(__version__)}\b", text, flags=re.MULTILINE)


def test_every_target_of_make_has_a_line_of_help() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE))
    helped = set(re.findall(r"^([a-z-]+):.*## ", text, flags=re.MULTILINE))
    assert targets == helped
