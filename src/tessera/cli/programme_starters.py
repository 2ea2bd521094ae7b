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

MAIN_FILE = "programme.yaml"
"""As `tessera.rules.folders` has it, which a command loads only when it runs."""
_ID_LINE = re.compile(r"^programme: .*$", re.MULTILINE)
_CASES_LINE = re.compile(r"^cases: .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Starter:
    """A mechanic's programme: its text, the text of its cases, the sentence that it begins with.

    A starter in several files has the others in `parts`, each by its name, and is a folder.
    """

    mechanic: str
    about: str
    text: str
    cases: str
    parts: tuple[tuple[str, str], ...] = ()


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
    shipped = starters_folder()
    mains = [*shipped.glob("*.yaml"), *shipped.glob(f"*/{MAIN_FILE}")]
    return sorted((_read(path) for path in mains), key=lambda starter: starter.mechanic)


def _read(path: Path) -> Starter:
    whole = path.parent if path.name == MAIN_FILE else path
    beside = sorted(path.parent.glob("*.yaml")) if path.name == MAIN_FILE else []
    text = path.read_text(encoding="utf-8")
    cases = path.parent / "cases" / f"{whole.stem}.yaml"
    return Starter(
        mechanic=whole.stem,
        about=_about(text),
        text=text,
        cases=cases.read_text(encoding="utf-8") if cases.is_file() else "",
        parts=tuple((one.name, one.read_text(encoding="utf-8")) for one in beside if one != path),
    )


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
    ending = "" if starter.parts else ".yaml"
    shipped = f"config/programmes/{starter.mechanic}{ending}"
    text = text.replace(shipped, f"{programme_id}{ending}")
    line = f"cases: [{name}]" if with_cases else f"# cases: [{name}]"
    return _CASES_LINE.sub(line, text, count=1)


def write_new(starter: Starter, out: Path) -> list[Path]:
    """Write the programme and its cases; give the files written, nothing when one exists."""
    texts = _folder_texts(starter, out) if starter.parts else _file_texts(starter, out)
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


def _file_texts(starter: Starter, out: Path) -> dict[Path, str]:
    """Give what to write of a programme in one file."""
    from tessera.rules.reading import ID_PATTERN

    if out.suffix not in {".yaml", ".yml"} or not ID_PATTERN.match(out.stem):
        raise TesseraError(
            f"{out} can't be the name of a programme",
            hint="letters, digits and - with .yaml at the end: my-shop.yaml",
        )
    texts = {out: file_text(starter, out.stem, with_cases=bool(starter.cases))}
    if starter.cases:
        texts[out.parent / "cases" / f"{out.stem}.yaml"] = starter.cases
    return texts


def _folder_texts(starter: Starter, out: Path) -> dict[Path, str]:
    """Give what to write of a programme in several files."""
    from tessera.rules.reading import ID_PATTERN

    if out.suffix or not ID_PATTERN.match(out.name):
        raise TesseraError(
            f"{out} can't be the folder of a programme",
            hint=f"{starter.mechanic} has several files, name a folder for them: my-store",
        )
    texts = {out / MAIN_FILE: file_text(starter, out.name, with_cases=bool(starter.cases))}
    texts |= {out / name: text for name, text in starter.parts}
    if starter.cases:
        texts[out / "cases" / f"{out.name}.yaml"] = starter.cases
    return texts
