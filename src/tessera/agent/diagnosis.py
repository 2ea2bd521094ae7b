"""What is wrong with a register, and how to mend it: the findings of `tessera doctor`.

Owns: the checks of this machine, one function each. Must never: change anything, or show a secret.
"""

import os
import stat
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from tessera.agent.clock_trust import DOUBT_MS
from tessera.agent.pairing import PAIRINGS_FILE, TOKEN_FILE
from tessera.agent.settings import AgentSettings
from tessera.agent.trust_ends import LATEST_MS, TrustEnds, read_trust_ends
from tessera.core.errors import TesseraError
from tessera.devices.profiles import read_profile, shipped_profiles_folder
from tessera.devices.readers import ReaderSettings
from tessera.store.engine import (
    DATABASE_ERRORS,
    SQLITE_TOO_OLD,
    DatabaseHeld,
    Engines,
    held,
    open_sqlite,
    sqlite_version,
    system_sqlite_version,
)
from tessera.store.migrate import current_version, known_versions
from tessera.store.till import MIGRATIONS, feed_state, identity_book, outbox

ASK_S_MAX = 3.0
CLOCK_OFF_S_MAX = 120
_MIB = 1_048_576
_PROC = Path("/proc")
_IMPORTED = ("tessera.agent.app", "tessera.rules.evaluate", "sqlalchemy.sql.compiler")


class Grade(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `hint` says what to do next, where something is to be done."""

    check: str
    grade: Grade
    text: str
    hint: str = ""


def fine(check: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(check=check, grade=Grade.FINE, text=text)


def warning(check: str, text: str, hint: str) -> Finding:
    """Works, but somebody should see to it."""
    return Finding(check=check, grade=Grade.WARNING, text=text, hint=hint)


def trouble(check: str, text: str, hint: str) -> Finding:
    """Does not work as it should."""
    return Finding(check=check, grade=Grade.TROUBLE, text=text, hint=hint)


def diagnose(settings: AgentSettings, *, wall_ms: int) -> Iterator[Finding]:
    """Every finding, in the order in which things depend on each other."""
    yield check_sqlite()
    yield check_compiled()
    yield from check_folder(settings.data_dir)
    yield check_disk(settings)
    yield from check_database(settings, wall_ms=wall_ms)
    yield from check_secrets(settings.data_dir)
    yield from check_central(settings, wall_ms=wall_ms)
    for reader in settings.readers:
        yield from check_reader(reader, settings.profiles_dir)
    if settings.readers:
        yield check_modem_manager()
    yield from check_pages(settings)


def check_sqlite() -> Finding:
    """The SQLite that stores the data; Python's own plays no part."""
    used = ".".join(map(str, sqlite_version()))
    if sqlite_version() <= SQLITE_TOO_OLD:
        return trouble(
            "sqlite",
            f"SQLite {used} can corrupt its write-ahead log",
            "pip install --upgrade pysqlite3",
        )
    system = ".".join(map(str, system_sqlite_version()))
    return fine("sqlite", f"SQLite {used} stores the data (Python's own {system} is not used)")


def check_compiled(find: Callable[[str], ModuleSpec | None] = find_spec) -> Finding:
    """Whether the modules of the agent's start are compiled, or every start does it again.

    An installation that the agent's user cannot write to stays as it was installed.
    """
    found = [spec for name in _IMPORTED if (spec := find(name)) is not None]
    bare = [spec for spec in found if spec.cached and not Path(spec.cached).is_file()]
    if bare:
        packages = [find(spec.name.partition(".")[0]) for spec in bare]
        folders = dict.fromkeys(
            str(Path(one.origin).parent) for one in packages if one and one.origin
        )
        return warning(
            "compiled",
            "every start compiles the program again and takes up to three times as long",
            f"as whoever installed it: {sys.executable} -m compileall -q {' '.join(folders)}",
        )
    return fine("compiled", "no start has to compile the program again")


def check_folder(folder: Path) -> Iterator[Finding]:
    """The data folder: is it there, ours to write, closed to others."""
    if not folder.is_dir():
        yield trouble(
            "folder",
            f"the data folder {folder} does not exist",
            "tessera agent enrol makes it, or the agent's first start",
        )
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield trouble(
            "folder",
            f"this user may not write in {folder}",
            "run this as the agent's user, or give that user the folder",
        )
        return
    yield fine("folder", f"{folder} can be written")


def check_disk(settings: AgentSettings) -> Finding:
    """Free space beside the database."""
    folder = settings.data_dir if settings.data_dir.is_dir() else Path("/")
    about = os.statvfs(folder)
    free_mb = about.f_bavail * about.f_frsize // _MIB
    least_mb = settings.disk.benefits_stop_mb
    if free_mb < least_mb:
        return trouble(
            "disk",
            f"{free_mb} MiB are free, below {least_mb}: no benefits are promised",
            "make room on this disk",
        )
    if free_mb < 4 * least_mb:
        return warning("disk", f"only {free_mb} MiB are free", "make room on this disk soon")
    return fine("disk", f"{free_mb} MiB are free")


def check_database(settings: AgentSettings, *, wall_ms: int) -> Iterator[Finding]:
    """The database: held by a running agent, readable, of this release, enrolled."""
    path = settings.database
    if not path.is_file():
        yield warning(
            "database", "there is no database yet", "tessera agent enrol --help, then start it"
        )
        return
    yield _holder(path)
    try:
        engines = open_sqlite(path)
    except TesseraError as error:
        yield trouble("database", error.message, error.hint)
        return
    try:
        yield from _content(engines, settings.data_dir, wall_ms=wall_ms)
    except DATABASE_ERRORS as error:
        yield trouble(
            "database",
            f"the database cannot be read: {error}",
            "restart the agent: it sets a damaged file aside and says how to go on",
        )
    finally:
        engines.dispose()


def _holder(path: Path) -> Finding:
    try:
        with held(path):
            return warning("agent", "no agent is running", "tessera agent serve --help")
    except DatabaseHeld as error:
        return fine("agent", f"an agent is running: {error.message}")
    except TesseraError as error:
        return trouble("agent", error.message, error.hint)


def _content(engines: Engines, folder: Path, *, wall_ms: int) -> Iterator[Finding]:
    known = known_versions(MIGRATIONS)
    with engines.reader.connect() as connection:
        version = current_version(connection)
        if version not in known:
            yield trouble(
                "database",
                f"the database has schema version {version}; this release knows {known[-1]}",
                "install the release that wrote it, or a later one",
            )
            return
        yield fine("database", f"the database has schema version {version}")
        identity = identity_book.read_identity(connection)
        waiting = outbox.depth(connection)
        central_ms = feed_state.read_mark(connection, feed_state.SIGNED_MS)
    if identity is None:
        yield warning(
            "enrolment",
            "this register is not enrolled: it knows no members and records no sales",
            "tessera agent enrol --code … with the code that central gave",
        )
    else:
        yield fine("enrolment", f"enrolled as {identity.register} of store {identity.store}")
    yield from check_trust(read_trust_ends(folder, identity), wall_ms=wall_ms)
    yield fine("queue", f"{waiting} records wait for central")
    if wall_ms < central_ms - DOUBT_MS:
        days = (central_ms - wall_ms) // DOUBT_MS
        yield trouble(
            "clock",
            f"the clock is {days} days behind what central has said",
            "set the clock: timedatectl set-ntp true",
        )


def check_secrets(folder: Path) -> Iterator[Finding]:
    """Key and token files: only their user may read them."""
    open_files = [
        name
        for name in ("register.key", "card.key", TOKEN_FILE, PAIRINGS_FILE)
        if (path := folder / name).exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    for name in open_files:
        yield trouble(
            "secrets", f"other users may read {folder / name}", f"chmod 600 {folder / name}"
        )
    if not open_files:
        yield fine("secrets", "key and token files are readable by their user alone")


def check_trust(ends: TrustEnds, *, wall_ms: int) -> Iterator[Finding]:
    """How long central believes this register, and this register believes central."""
    mend = (
        ("this register's certificate", ends.certificate_ms, "tessera agent enrol --again --help"),
        ("central's root", ends.root_ms, "tessera central keys --help, at central"),
    )
    known = [(what, ms, hint) for what, ms, hint in mend if ms]
    over = [(f"{what} ended on {_day(ms)}", hint) for what, ms, hint in known if ms <= wall_ms]
    until = ", ".join(f"{what} holds until {_day(ms)}" for what, ms, _ in known)
    for text, hint in over:
        yield trouble("trust", text, hint)
    if over or not known:
        return
    if ends.is_near(wall_ms):
        yield warning(
            "trust",
            f"{until}, and was not renewed",
            "bring the line to central back: the agent renews by itself; or see what central has"
            " to do: tessera central status",
        )
        return
    yield fine("trust", until)


def _day(ms: int) -> str:
    return datetime.fromtimestamp(min(ms, LATEST_MS) / 1000, UTC).date().isoformat()


def check_central(settings: AgentSettings, *, wall_ms: int) -> Iterator[Finding]:
    """Central: does it answer, and does its clock agree with ours."""
    url = settings.central.url.rstrip("/")
    if not url:
        yield warning(
            "central", "no central is set: this register works alone", "set url below [central]"
        )
        return
    if not url.startswith(("http://", "https://")):
        yield trouble("central", f"{url} is no web address", "write https://central.example:8450")
        return
    try:
        request = urllib.request.Request(url + "/healthz")  # noqa: S310 - http(s) only, see above
        with urllib.request.urlopen(request, timeout=ASK_S_MAX) as answer:  # noqa: S310 - as above
            date = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        yield trouble("central", f"what answers at {url} says {error.code}", "check [central] url")
        return
    except OSError as error:
        reason = getattr(error, "reason", error)
        yield warning(
            "central",
            f"central does not answer at {url}: {reason}",
            "sales go on and are kept; check the network and [central] url",
        )
        return
    yield fine("central", f"central answers at {url}")
    yield from _clock_by(date, wall_ms=wall_ms)


def _clock_by(date: str, *, wall_ms: int) -> Iterator[Finding]:
    try:
        central_s = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return
    off_s = round(wall_ms / 1000 - central_s)
    if abs(off_s) > CLOCK_OFF_S_MAX:
        yield trouble(
            "clock",
            f"the clock is {abs(off_s)} s {'ahead of' if off_s > 0 else 'behind'} central's",
            "set the clock: timedatectl set-ntp true",
        )
    else:
        yield fine("clock", f"the clock agrees with central's to {abs(off_s)} s")


def check_reader(reader: ReaderSettings, profiles_dir: Path | None) -> Iterator[Finding]:
    """One reader: its profile, its port, the right to open it, who else has it open."""
    check = f"reader {reader.id}"
    folders = (shipped_profiles_folder(), *((profiles_dir,) if profiles_dir else ()))
    try:
        read_profile(reader.profile, *folders)
    except TesseraError as error:
        yield trouble(check, error.message, error.hint)
        return
    port = Path(reader.port)
    if not reader.port.startswith("/"):
        yield fine(check, f"{reader.port} is looked up when the agent starts")
    elif not port.exists():
        yield trouble(
            check, f"{port} is not there", "plug it in; tessera devices list shows what is there"
        )
    elif not os.access(port, os.R_OK | os.W_OK):
        yield trouble(
            check,
            f"this user may not open {port}",
            "install the udev rules from hardware/udev, or add the user to the group dialout",
        )
    else:
        yield fine(check, f"{port} is there and may be opened")


def check_modem_manager(is_running: Callable[[str], bool] | None = None) -> Finding:
    """ModemManager takes new serial devices for modems and writes to them."""
    if (is_running or is_process_running)("ModemManager"):
        return warning(
            "modemmanager",
            "ModemManager is running: it may write to scanners for seconds after they come",
            "install the udev rules from hardware/udev, or: systemctl disable --now ModemManager",
        )
    return fine("modemmanager", "ModemManager is not running")


def is_process_running(name: str) -> bool:
    """Whether a process of this name runs on this machine."""
    for process in _PROC.glob("[0-9]*"):
        try:
            if (process / "comm").read_text(encoding="utf-8").strip() == name:
                return True
        except OSError:
            # It ended while we looked.
            continue
    return False


def check_pages(settings: AgentSettings) -> Iterator[Finding]:
    """Web pages that may call the API: the policy that browsers want to be told."""
    if settings.listen.origins:
        listed = ", ".join(f'"{origin}"' for origin in settings.listen.origins)
        yield fine(
            "browser",
            "so that browsers do not ask before a page calls the agent, set the policy"
            f" LocalNetworkAccessAllowedForUrls to [{listed}]",
        )
