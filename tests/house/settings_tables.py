"""The tables of docs/settings.md, made from the settings classes.

`python -m tests.house.settings_tables` writes them anew between their markers.
"""

import importlib
import importlib.util
import sys

from tessera.core.settings_text import SettingDoc, describe_settings
from tests.house.tree import ROOT

DOCUMENT = ROOT / "docs" / "settings.md"
CLASSES = {
    "agent": ("tessera.agent.settings", "AgentSettings"),
    "central": ("tessera.central.settings", "CentralSettings"),
}


def schemas() -> dict[str, type]:
    """The settings classes that there are, by the app they belong to."""
    found: dict[str, type] = {}
    for app, (module, name) in CLASSES.items():
        if importlib.util.find_spec(module) is not None:
            schema: type = getattr(importlib.import_module(module), name)
            found[app] = schema
    return found


def described(schema: type) -> list[SettingDoc]:
    return describe_settings(schema)


def table(docs: list[SettingDoc]) -> str:
    lines = ["| setting | what it is | may be | default |", "|---|---|---|---|"]
    for doc in docs:
        about = doc.doc
        if doc.danger:
            about += f" **Careful:** {doc.danger}"
        if doc.is_secret:
            about += " Secret: never shown, never logged."
        cells = [f"`{doc.path}`", about, doc.type_text, doc.default_text]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def written_anew() -> str:
    """The document with every table as the code has it now."""
    text = DOCUMENT.read_text()
    for app in CLASSES:
        begin, end = f"<!-- {app}: begin -->\n", f"<!-- {app}: end -->"
        above, _, rest = text.partition(begin)
        _, found, below = rest.partition(end)
        assert found, f"{DOCUMENT.name} has no place for the settings of {app}"
        schema = schemas().get(app)
        body = f"{table(described(schema))}\n" if schema else ""
        text = above + begin + body + end + below
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(written_anew())
    sys.stdout.write(f"{DOCUMENT.relative_to(ROOT)} written\n")
