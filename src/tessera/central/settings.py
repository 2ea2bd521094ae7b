"""Central's settings: one TOML file, every key typed, bounded and described.

Owns: what may be set and what it defaults to; the reference in the documentation is made from these
descriptions. Must never: know a secret; keys lie in files of their own in `data_dir`.
"""

import functools
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tessera.core.errors import Problem
from tessera.core.money import currency
from tessera.core.settings_text import parse_settings, setting

DEFAULT_PORT = 8450


@functools.cache
def time_zones() -> frozenset[str]:
    """Names of the time zones that this machine knows; looking for them reads some 600 files."""
    return frozenset(zoneinfo.available_timezones())


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where the registers reach central."""

    host: str = setting("Address to listen on.", default="127.0.0.1", least=1, most=255)
    port: int = setting(
        "Port to listen on; 0 takes a free one. The address is written to central.address in"
        " data_dir.",
        default=DEFAULT_PORT,
        least=0,
        most=65535,
    )
    certificate_file: Path | None = setting(
        "Certificate chain for TLS, in PEM.",
        default=None,
        danger="without it members' names and balances cross the network in clear; agents refuse"
        " any central without TLS that is not on their own machine",
    )
    key_file: Path | None = setting("Private key of the certificate, in PEM.", default=None)

    def __post_init__(self) -> None:
        """Refuse half a certificate."""
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file are given together")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where central keeps everything."""

    url: str = setting(
        "Database: postgresql://user@host/name, or sqlite:///file. Empty: central.db in data_dir.",
        default="",
        most=500,
        secret=True,
    )
    spans_buckets: bool = setting(
        "Whether one transaction may touch members of several buckets: fastest on one server.",
        default=True,
        danger="set it to false where tables are spread over several servers",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Bounds that keep one register from holding up the others."""

    inbox_batches_max: int = setting(
        "Batches that may wait to be booked; beyond it registers are asked to come back later.",
        default=20_000,
        least=1,
        most=10_000_000,
    )
    nonce_hours: int = setting(
        "How long a request's nonce is remembered, so that it cannot be sent again.",
        default=48,
        least=1,
        most=8_760,
    )
    code_hours: int = setting(
        "How long an enrolment code is good for.", default=72, least=1, most=8_760
    )
    certificate_days: int = setting(
        "How long a register's certificate is good for; it renews it by itself in the last third.",
        default=1_095,
        least=1,
        most=3_650,
    )
    rotation_hours: int = setting(
        "How long a register's former key is still accepted after it renewed it or was enrolled"
        " again.",
        default=24,
        least=0,
        most=720,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """Images of stores, which new registers load instead of reading the feed from its beginning."""

    segments_least: int = setting(
        "Length of a store's stream, in segments of up to 500 rows, from which on a new register"
        " gets an image instead.",
        default=20,
        least=0,
        most=1_000_000,
    )
    hours: int = setting(
        "How long an image is given to registers that begin; they read the feed from there on.",
        default=24,
        least=1,
        most=8_760,
    )
    megabytes_max: int = setting(
        "Largest image, compressed; the registers of a larger store read the feed, unless its"
        " beginning is gone.",
        default=1_024,
        least=1,
        most=2_048,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long central keeps what it can tell anew, and records as they came. Postings stay."""

    segments_days: int = setting(
        "How long a store's stream is kept; a register that was away for longer loads an image."
        " Streams of registers are kept for at least 40 days.",
        default=14,
        least=1,
        most=3_650,
    )
    inbox_days: int = setting(
        "How long records are kept as they came, once they are booked and in a safe backup. Then"
        " their hashes stay, by which repeats and forks are known. 0 keeps them for ever.",
        default=400,
        least=0,
        most=36_500,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckSettings:
    """Booked sales that are priced once more, to find tills that price otherwise."""

    one_in: int = setting(
        "One in so many booked sales is priced again, when nothing else is to be done: by its own"
        " bundle and inputs, and what differs raises an alarm. 1 takes each, 0 none.",
        default=100,
        least=0,
        most=1_000_000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged, to standard error. No card number, name, phone number or code ever is."""

    format: Literal["plain", "json"] = setting(
        "plain is for people, json for programs.", default="plain"
    )
    level: Literal["debug", "info", "warning", "error"] = setting(
        "The least important lines that are written.", default="info"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralSettings:
    """All settings of `tessera central`."""

    data_dir: Path = setting(
        "Folder of central's keys and, with SQLite, its database; relative to the settings file.",
        danger="whoever can read it can sign as central and look up card numbers; back it up apart"
        " from the database",
    )
    currency: str = setting("ISO 4217 code of new stores' money.", default="EUR", least=3, most=3)
    time_zone: str = setting("Time zone of new stores.", default="Europe/Berlin", most=64)
    lease_cap: int = setting(
        "Most units of one account that one register holds as a lease, to be spent there while"
        " central is away; 0 grants none.",
        default=10_000,
        least=0,
        most=1_000_000_000_000,
        danger="a stolen or rewound register can spend each lease it holds once more",
    )
    lease_step: int = setting(
        "Smallest lease that is worth granting; larger steps save work with many small sales.",
        default=1,
        least=1,
        most=1_000_000_000_000,
    )
    revival_days: int = setting(
        "For how many days units are good again that had expired before goods paid with them came"
        " back; units that had not keep their day.",
        default=30,
        least=1,
        most=3_650,
    )
    listen: ListenSettings = setting("", default_factory=ListenSettings)
    database: DatabaseSettings = setting("", default_factory=DatabaseSettings)
    limits: LimitSettings = setting("", default_factory=LimitSettings)
    images: ImageSettings = setting("", default_factory=ImageSettings)
    retention: RetentionSettings = setting("", default_factory=RetentionSettings)
    recheck: RecheckSettings = setting("", default_factory=RecheckSettings)
    log: LogSettings = setting("", default_factory=LogSettings)

    def __post_init__(self) -> None:
        """Refuse a currency or time zone that is none."""
        currency(self.currency)
        if self.time_zone not in time_zones():
            raise ValueError(f"{self.time_zone} is no time zone, such as Europe/Berlin")

    @property
    def database_url(self) -> str:
        """The database's address, its default spelled out."""
        return self.database.url or f"sqlite:///{self.data_dir / 'central.db'}"


def read_settings(
    text: str, *, file: Path, environment: Mapping[str, str]
) -> tuple[CentralSettings | None, list[Problem]]:
    """The settings in `text`, relative paths taken from the folder of `file`."""
    found, problems = parse_settings(
        text, file=str(file), schema=CentralSettings, environment=environment
    )
    if found is None:
        return None, problems
    listen = found.listen
    near = replace(
        listen,
        certificate_file=_beside(file, listen.certificate_file),
        key_file=_beside(file, listen.key_file),
    )
    return replace(found, data_dir=file.parent / found.data_dir, listen=near), []


def _beside(file: Path, path: Path | None) -> Path | None:
    return None if path is None else file.parent / path
