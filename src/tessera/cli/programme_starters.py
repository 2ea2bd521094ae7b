"""The starters that `tessera programme new` writes: the programmes that come with Tessera.

Owns: where they lie, what they are about, and writing one under a new name. Must never: overwrite a
file, or hand out a starter that is not sound.
"""

import difflib
import re
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tessera.core.errors import TesseraError

_ID_LINE = re.compile(r"^programme: .*$", re.MULTILINE)
_CASES_LINE = re.compile(r"^cases: .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Starter:
    """A mechanic's programme: its text, the text of its cases, the sentence that it begins with."""

    mechanic: str
    about: str
    text: str
    cases: str


def starters_folder() -> Path:
    """Give the folder of the programmes: in the source tree, or in the installed package."""
    for folder in (Path(__file__).parents[3] / "config", Path(str(files("tessera"))) / "config"):
        if (folder / "programmes").is_dir():
            return folder / "programmes"
    raise TesseraError(
        "the programmes that come with Tessera are not there",
        hint=f"install Tessera anew; this is {sys.prefix}",
    )


def read_starters() -> list[Starter]:
    """Give all starters, by name."""
    found = []
    for path in sorted(starters_folder().glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        cases = path.parent / "cases" / path.name
        found.append(
            Starter(
                mechanic=path.stem,
                about=_about(text),
                text=text,
                cases=cases.read_text(encoding="utf-8") if cases.is_file() else "",
            )
        )
    return found


def _about(text: str) -> str:
    """Give the first sentence of the comment at the head."""
    words = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        words.append(line.lstrip("# "))
    return re.split(r"(?<=\.) ", " ".join(words), maxsplit=1)[0]


def starter_named(mechanic: str, starters: list[Starter]) -> Starter:
    """Give the starter of a name; an unknown one is refused with what was probably meant."""
    by_name = {one.mechanic: one for one in starters}
    if mechanic in by_name:
        return by_name[mechanic]
    word = mechanic.lower().replace("_", "-").replace(" ", "-")
    near = difflib.get_close_matches(word, by_name, n=3, cutoff=0.5)
    near += [name for name in by_name if word and word in name and name not in near]
    hint = f"did you mean {', '.join(near[:3])}? " if near else ""
    raise TesseraError(
        f"there is no mechanic {mechanic[:64]!r}",
        hint=f"{hint}tessera programme new --list shows all of them",
    )


def file_text(starter: Starter, programme_id: str, *, with_cases: bool) -> str:
    """Give the text of the file: the id put in, the cases named only where they are written too."""
    text = _ID_LINE.sub(f"programme: {programme_id}", starter.text, count=1)
    name = f"cases/{programme_id}.yaml"
    text = text.replace(f"config/programmes/{starter.mechanic}.yaml", f"{programme_id}.yaml")
    line = f"cases: [{name}]" if with_cases else f"# cases: [{name}]"
    return _CASES_LINE.sub(line, text, count=1)


def write_new(starter: Starter, out: Path) -> list[Path]:
    """Write the programme and its cases; give the files written, nothing when one exists."""
    from tessera.rules.reading import ID_PATTERN

    if out.suffix not in {".yaml", ".yml"} or not ID_PATTERN.match(out.stem):
        raise TesseraError(
            f"{out} can't be the name of a programme",
            hint="letters, digits and - with .yaml at the end: my-shop.yaml",
        )
    cases = out.parent / "cases" / f"{out.stem}.yaml"
    texts = {out: file_text(starter, out.stem, with_cases=bool(starter.cases))}
    if starter.cases:
        texts[cases] = starter.cases
    for path in texts:
        if path.exists() or path.is_symlink():
            raise TesseraError(
                f"{path} exists already, and is left as it is", hint="choose another name"
            )
    written: list[Path] = []
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            reason = (error.strerror or "can't be written").lower()
            raise TesseraError(
                f"{path}: {reason}", hint="look at the folder and its rights"
            ) from None
        written.append(path)
    return written
