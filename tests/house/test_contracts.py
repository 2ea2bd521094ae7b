"""The import contracts hold, and a breach of each is caught: they are tried on a spoilt copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SOURCE

# Module that breaks a rule, what it imports, and the contract that must notice.
BREACHES = [
    ("tessera.agent.planted", "tessera.store.central.planted", "an agent never loads central's"),
    ("tessera.agent.planted", "psycopg", "an agent never loads central's"),
    ("tessera.agent.planted", "tessera.central.planted", "imports point down only"),
    ("tessera.central.planted", "tessera.store.till.planted", "central never loads the till's"),
    ("tessera.central.planted", "tessera.devices.planted", "central never loads the till's"),
    ("tessera.core.planted", "tessera.rules.planted", "imports point down only"),
    ("tessera.core.planted", "sqlalchemy", "core and rules touch no"),
    ("tessera.rules.planted", "tessera.store.planted", "imports point down only"),
    ("tessera.panel.planted", "tessera.agent.planted", "imports point down only"),
    (
        "tessera.store.till.planted",
        "tessera.store.central.planted",
        "the till's store and central's",
    ),
    ("tessera.agent.planted", "httpx", "only sync.client"),
    ("tessera.sync.planted", "httpx", "only sync.client"),
    ("tessera.devices.planted", "serial", "only devices.serial_port"),
    ("tessera.devices.planted", "evdev", "only devices.evdev_port"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "pyproject.toml", folder)
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "COLUMNS": "300"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def spoilt_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What lint-imports says of a copy of the source with every breach planted."""
    folder = tmp_path_factory.mktemp("spoilt")
    shutil.copytree(SOURCE, folder / "src" / "tessera")
    names = {name for breach in BREACHES for name in breach[:2] if name.startswith("tessera.")}
    for name in names:
        lines = ['"""Planted."""'] + [f"import {what}" for who, what, _ in BREACHES if who == name]
        path = folder.joinpath("src", *name.split(".")).with_suffix(".py")
        path.write_text("\n".join(lines) + "\n")
    outcome = lint_imports(folder)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.mark.parametrize("importer, imported, contract", BREACHES)
def test_a_planted_breach_is_caught(
    spoilt_report: str, importer: str, imported: str, contract: str
) -> None:
    verdicts = [line for line in spoilt_report.splitlines() if line.startswith(contract)]
    assert verdicts, f"there is no contract '{contract}…'"
    assert " BROKEN" in verdicts[0]
    broken_section = spoilt_report.split("Broken contracts", 1)[1]
    assert f"{importer} -> {imported} (l." in broken_section
