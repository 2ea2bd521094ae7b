"""Finds and reads reader profiles, and builds the framer that a profile asks for."""

from dataclasses import dataclass
from pathlib import Path

from tessera.core.errors import Problem, TesseraError, reason_of
from tessera.core.settings_text import SIZE_MAX_BYTES, parse_settings
from tessera.devices.card_formats import CardFormats, parse_card_formats
from tessera.devices.framing.answers import AnswerFramer
from tessera.devices.framing.frame import Framer
from tessera.devices.framing.hid_pos import HidPosFramer, HidPosRules
from tessera.devices.framing.keystrokes import KeystrokeFramer, KeystrokeRules
from tessera.devices.framing.layouts import LAYOUTS
from tessera.devices.framing.length_prefixed import LengthPrefixedFramer, LengthRules
from tessera.devices.framing.line import CR, DLE, ETX, LF, STX, TAB, LineFramer, LineRules
from tessera.devices.framing.ssi import SsiFramer
from tessera.devices.framing.wiegand import WiegandFramer
from tessera.devices.profile_schema import ReaderProfile

_HERE = Path(__file__).parent
# In an installed package the shipped files lie inside it, in a checkout beside `src`.
_PROFILE_FOLDERS = (_HERE / "shipped" / "profiles", _HERE.parents[2] / "hardware" / "profiles")
_CARD_FILES = (_HERE / "shipped" / "cards.toml", _HERE.parents[2] / "config" / "cards.toml")

_ENDS = {
    "cr": frozenset({CR, LF}),
    "lf": frozenset({CR, LF}),
    "crlf": frozenset({CR, LF}),
    "tab": frozenset({TAB, CR, LF}),
    "none": frozenset[int](),
}


@dataclass(frozen=True, slots=True)
class ProfileShelf:
    """All readable profiles of a folder by name, and what is wrong with the others."""

    profiles: dict[str, ReaderProfile]
    problems: list[Problem]


def shipped_profiles_folder() -> Path:
    """Give the folder of the profiles that come with the package."""
    return _first_existing(_PROFILE_FOLDERS, "reader profiles")


def shipped_card_formats_file() -> Path:
    """Give the card-format file that comes with the package."""
    return _first_existing(_CARD_FILES, "card formats")


def parse_profile(text: str, *, file: str) -> tuple[ReaderProfile | None, list[Problem]]:
    """Check the text of a profile; give it, or None and what is wrong."""
    profile, problems = parse_settings(text, file=file, schema=ReaderProfile)
    if profile and Path(file).stem != profile.name:
        return None, [
            Problem(
                file=file,
                line=1,
                field="name",
                message=f"'{profile.name}' is not the file's name",
                proposal=f'write name = "{Path(file).stem}"',
            )
        ]
    return profile, problems


def read_profiles(*own_folders: Path) -> ProfileShelf:
    """Read the shipped profiles and those of the shop's own folders, which replace them by name."""
    shelf = ProfileShelf({}, [])
    for folder in (shipped_profiles_folder(), *own_folders):
        for path in sorted(folder.glob("*.toml")):
            profile, problems = parse_profile(_text_of(path), file=str(path))
            shelf.problems.extend(problems)
            if profile:
                shelf.profiles[profile.name] = profile
    return shelf


def read_profile(name: str, *own_folders: Path) -> ReaderProfile:
    """Read one profile by its name. TesseraError where there is none or it has a mistake."""
    shelf = read_profiles(*own_folders)
    if name in shelf.profiles:
        return shelf.profiles[name]
    own = [problem for problem in shelf.problems if Path(problem.file).stem == name]
    if own:
        raise TesseraError(
            f"reader profile '{name}' has a mistake: {own[0].render()}", hint="mend the file"
        )
    known = ", ".join(sorted(shelf.profiles)) or "none"
    raise TesseraError(f"there is no reader profile '{name}'", hint=f"known profiles: {known}")


def read_card_formats(path: Path | None = None) -> CardFormats:
    """Read a card-format file, by default the shipped one. TesseraError where it has mistakes."""
    file = path or shipped_card_formats_file()
    formats, problems = parse_card_formats(_text_of(file), file=str(file))
    if formats is None:
        listed = "; ".join(problem.render() for problem in problems)
        raise TesseraError(f"card formats cannot be used: {listed}", hint="mend the file")
    return formats


def framer_of(profile: ReaderProfile) -> Framer:
    """Build the framer that a profile asks for."""
    framing = profile.framing
    match framing.kind:
        case "line":
            rules = LineRules(
                ends=_ENDS[framing.suffix],
                closes_on_idle=framing.suffix == "none",
                idle_ms=framing.idle_ms,
            )
            return LineFramer(rules)
        case "stx-etx":
            # UIC's stripe readers end all tracks but the last with DLE.
            ends = {ETX, DLE} if profile.decode.kind == "stripe" else {ETX}
            return LineFramer(
                LineRules(
                    ends=frozenset(ends),
                    start=STX,
                    check_byte=framing.check_byte,
                    idle_ms=framing.idle_ms,
                )
            )
        case "length":
            return LengthPrefixedFramer(
                LengthRules(
                    size=1 if framing.length_bytes == "1" else 2,
                    byteorder=framing.length_order,
                    counts_itself=framing.length_counts_itself,
                    idle_ms=framing.idle_ms,
                )
            )
        case "ssi":
            return SsiFramer()
        case "hid-pos":
            return HidPosFramer(
                HidPosRules(
                    report_id=framing.report_id,
                    report_bytes=framing.report_bytes,
                    aim_at=framing.report_aim_at,
                    data_at=framing.report_data_at,
                    data_bytes=framing.report_data_bytes,
                    more_at=framing.report_bytes - 1,
                    idle_ms=framing.idle_ms,
                )
            )
        case "keystrokes":
            return KeystrokeFramer(
                KeystrokeRules(
                    layout=LAYOUTS[framing.layout],
                    ends_with_tab=framing.suffix == "tab",
                    closes_on_idle=framing.suffix == "none",
                    idle_ms=framing.idle_ms,
                )
            )
        case "wiegand":
            return WiegandFramer(framing.bits)
        case "answers":
            return AnswerFramer()


def _text_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as opened:
            return opened.read(SIZE_MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise TesseraError(
            f"{path} cannot be read: {reason_of(error)}", hint="check the path and its rights"
        ) from error


def _first_existing(places: tuple[Path, ...], what: str) -> Path:
    for place in places:
        if place.exists():
            return place
    raise TesseraError(
        f"the {what} that come with the package are missing",
        hint="install the package anew, or name a folder of your own",
    )
