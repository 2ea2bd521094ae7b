"""The agent's settings: one TOML file, every key typed, bounded and described.

Owns: what may be set and what it defaults to; `docs/settings.md` is made from these descriptions.
Must never: read a file (`load_settings` gets its text from the caller) or know a secret.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tessera.core.errors import Problem
from tessera.core.settings_text import parse_settings, setting
from tessera.devices.readers import ReaderSettings

DEFAULT_PORT = 8440


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where the local API and the cashier's page answer."""

    host: str = setting(
        "Address to listen on. Only this machine's own addresses are safe: the API spends points.",
        default="127.0.0.1",
        danger="any other address opens the API to the shop's network, without encryption",
    )
    port: int = setting(
        "Port to listen on; 0 takes a free one and writes it to agent.address in data_dir.",
        default=DEFAULT_PORT,
        least=0,
        most=65535,
    )
    origins: tuple[str, ...] = setting(
        "Origins of web pages that may call the API, such as a web POS; the agent's own page always"
        " may.",
        default=(),
        most=20,
    )
    hosts: tuple[str, ...] = setting(
        "Names beside localhost and the listening address by which callers may name this agent.",
        default=(),
        most=20,
    )

    def __post_init__(self) -> None:
        """Refuse an address that is none."""
        if self.host != "localhost":
            try:
                ipaddress.ip_address(self.host)
            except ValueError:
                raise ValueError(
                    f'host must be an address such as "127.0.0.1", not "{self.host}"'
                ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralSettings:
    """Where central is."""

    url: str = setting(
        "Central's address, such as https://central.example:8450; empty: work alone.",
        default="",
        most=300,
    )
    ca_file: Path | None = setting(
        "Certificates to trust for central, in PEM; without it the system's are used.", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSettings:
    """How much room the agent keeps free; sales are always the last thing to stop."""

    benefits_stop_mb: int = setting(
        "Below this much free space (MiB) no discount and no point is promised any more; sales are"
        " still recorded.",
        default=64,
        least=0,
        most=1_000_000,
        danger="0 promises benefits until the disk is full and the sale can't be recorded",
    )
    reserve_mb: int = setting(
        "Size (MiB) of a file that is given up once the disk is full, so that thousands of"
        " sales still find room.",
        default=16,
        least=0,
        most=1024,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged, to standard error. Card numbers and tokens are always masked."""

    format: Literal["plain", "json"] = setting(
        "plain is for people, json for programs.", default="plain"
    )
    level: Literal["debug", "info", "warning", "error"] = setting(
        "The least important lines that are written.", default="info"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """All settings of `tessera agent serve`."""

    data_dir: Path = setting(
        "Folder of this register's database and keys; relative to the settings file.",
        danger="a copied folder is noticed by central as a clone; never share it between registers",
    )
    language: Literal["en", "fr", "de", "es", "ru"] = setting(
        "Language of the cashier's page and of texts in answers.", default="en"
    )
    training: bool = setting(
        "Training mode: everything works on screen, nothing is recorded or sent.", default=False
    )
    currency: str = setting(
        "ISO 4217 code, used until enrolment tells the store's own.",
        default="EUR",
        least=3,
        most=3,
    )
    time_zone: str = setting(
        "Time zone, used until enrolment tells the store's own.", default="Europe/Berlin", most=64
    )
    quote_deadline_ms: int = setting(
        "After this long a sale is answered without benefits.", default=50, least=5, most=5_000
    )
    claim_days: int = setting(
        "For so many days after a sale a forgotten card earns on it, by the receipt's code.",
        default=14,
        least=0,
        most=365,
    )
    returns_without_receipt: Literal["lowest", "shelf", "refuse"] = setting(
        "What goods without a receipt are worth: the lowest that anybody would pay for them now,"
        " what stands on the shelf, or nothing.",
        default="lowest",
    )
    suspended_days: int = setting(
        "A suspended sale that nobody has taken up again for so many days is forgotten.",
        default=7,
        least=1,
        most=90,
    )
    journal_days: int = setting(
        "For so many days a sale stays in this register's own journal; then it goes, if central has"
        " it in a backup. Its own returns and claims need it here. 0: it stays for good.",
        default=35,
        least=0,
        most=3_650,
    )
    profiles_dir: Path | None = setting(
        "Folder with reader profiles of your own, beside the built-in ones; relative to the"
        " settings file.",
        default=None,
    )
    card_formats: Path | None = setting(
        "File that says which codes are member cards, coupons and so on, instead of the built-in"
        " one; relative to the settings file.",
        default=None,
    )
    codes_to: Literal["events", "hw_proxy", "keyboard"] = setting(
        "How codes that are not Tessera's reach the POS from this register's readers: events is"
        " the event stream alone; hw_proxy keeps them for a web POS that polls; keyboard types"
        " them as if the scanner had done it.",
        default="events",
    )
    keyboard_layout: Literal["us", "uk", "de", "fr", "es", "it", "ru"] = setting(
        'Keyboard country that the POS expects, for codes_to = "keyboard".', default="us"
    )
    listen: ListenSettings = setting("", default_factory=ListenSettings)
    central: CentralSettings = setting("", default_factory=CentralSettings)
    disk: DiskSettings = setting("", default_factory=DiskSettings)
    log: LogSettings = setting("", default_factory=LogSettings)
    readers: tuple[ReaderSettings, ...] = setting("", default=(), most=16)

    @property
    def journal_days_in_force(self) -> int:
        """Days that a record stays; never less than a sale may still be claimed."""
        return max(self.journal_days, self.claim_days + 1) if self.journal_days else 0

    @property
    def database(self) -> Path:
        """The till's database file."""
        return self.data_dir / "till.db"


def read_settings(
    text: str, *, file: Path, environment: Mapping[str, str]
) -> tuple[AgentSettings | None, list[Problem]]:
    """The settings in `text`, relative paths taken from the folder of `file`."""
    found, problems = parse_settings(
        text, file=str(file), schema=AgentSettings, environment=environment
    )
    if found is None:
        return None, problems
    beside = file.parent
    return (
        replace(
            found,
            data_dir=beside / found.data_dir,
            profiles_dir=beside / found.profiles_dir if found.profiles_dir else None,
            card_formats=beside / found.card_formats if found.card_formats else None,
        ),
        [],
    )
