"""How central stands, in words for somebody who was woken up: what is wrong, and what to do now.

Owns: when a figure becomes something that needs a person. Must never: change anything, or name a
member, a card or a key.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from tessera.central import image_shelf, recheck, rechecking, went_back
from tessera.central.opening import MIGRATIONS, Central
from tessera.central.reach import REACH_FILE
from tessera.store.central import (
    backup_book,
    inbox_purge,
    recheck_book,
    register_book,
    standing_book,
)
from tessera.store.central.inbox_purge import Kept
from tessera.store.central.register_book import ACTIVE, RegisterRow
from tessera.store.central.standing_book import Backlog, Streams
from tessera.store.migrate import current_version, known_versions

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
BEHIND_MS = 15 * MINUTE_MS
"""A batch that has waited this long: booking is not keeping up, or does not run."""
ROOT_DAYS = 60
CERTIFICATE_DAYS = 30
ALARM_DAYS = 1
RETENTION_SLACK_DAYS = 2
DISK_SHARE = 0.1
DISK_LEAST_BYTES = 2 * 1_073_741_824
NAMED_MAX = 5
BACKUP_DAYS = 8
"""A newest safe backup that is older than this is named: a weekly one was missed."""
_TOLD_APART = (rechecking.ALARM, went_back.ALARM, image_shelf.ALARM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that needs a person: a stable code, what is so, and what to do."""

    code: str
    text: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecks:
    """Booked sales that were priced once more, and that wait for it.

    `differing`: in the last day, by register.
    """

    waiting: int
    sales: int
    differ: int
    not_comparable: int
    differing: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPoint:
    """The newest backup that was called safe, 0 for none, and what registers keep because of it.

    `first_ms`: when the first record of all was stored. `held`: records of all registers that no
    such backup holds; `most_held`: the registers that keep most of them, with how many.
    """

    number: int
    begun_ms: int
    first_ms: int
    held: int
    most_held: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How central stands. Times in UTC milliseconds, 0 for none; `days` may be below 0.

    `is_older`: the database knows less than the file beside it; `ahead`: registers that were told
    more.
    """

    now_ms: int
    schema_version: str
    generation: str
    inbox: Backlog
    parked: Backlog
    waiting: Backlog
    registers: int
    silent: tuple[str, ...]
    ending: tuple[str, ...]
    streams: Streams
    alarms: dict[str, int]
    rechecks: Rechecks
    backup: BackupPoint
    kept: Kept
    is_older: bool
    ahead: tuple[str, ...]
    awaited: tuple[str, ...]
    root_version: int
    root_days: int
    disk_free_bytes: int
    disk_total_bytes: int
    findings: tuple[Finding, ...]


def look(central: Central, *, silent_days: int, free: "Disk | None" = None) -> Standing:
    """Look at everything once. `silent_days`: a register not heard of for longer is named."""
    now_ms = central.now_ms()
    state = central.state()
    root = central.roots.trust().root
    assert root is not None
    with central.engines.reader.begin() as tx:
        registers = register_book.read_registers(tx, status=ACTIVE)
        heard = {name: at for name, (at, _) in register_book.read_heartbeats(tx).items()}
        found = Standing(
            now_ms=now_ms,
            schema_version=current_version(tx) or "",
            generation=state.generation,
            inbox=standing_book.read_due(tx),
            parked=standing_book.read_parked(tx),
            waiting=standing_book.read_waiting(tx),
            registers=len(registers),
            silent=_silent(registers, heard, now_ms - silent_days * DAY_MS),
            ending=_ending(registers, now_ms, central.settings.limits.certificate_days),
            streams=standing_book.read_streams(tx),
            alarms=standing_book.read_alarms_since(tx, now_ms - ALARM_DAYS * DAY_MS),
            rechecks=_rechecks(tx, now_ms),
            backup=_backup(tx),
            kept=inbox_purge.read_kept(tx),
            is_older=standing_book.is_older(tx, went_back.ALARM),
            ahead=tuple(standing_book.read_ahead(tx, went_back.ALARM)),
            awaited=tuple(register_book.read_awaited(tx, state.generation))
            if state.is_awaiting
            else (),
            root_version=root.version,
            root_days=(root.expires_ms - now_ms) // DAY_MS,
            disk_free_bytes=0,
            disk_total_bytes=0,
            findings=(),
        )
    disk = free or disk_of(central.settings.data_dir)
    return _with_findings(central, found, disk, silent_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Room on the disk of data_dir."""

    free_bytes: int
    total_bytes: int


def disk_of(folder: Path) -> Disk:
    """Room on the disk that a folder lies on."""
    usage = shutil.disk_usage(folder)
    return Disk(free_bytes=usage.free, total_bytes=usage.total)


def newest_schema() -> str:
    """The schema version that this release works with."""
    return known_versions(MIGRATIONS)[-1]


def _silent(registers: list[RegisterRow], heard: dict[str, int], since_ms: int) -> tuple[str, ...]:
    return tuple(
        one.register_id
        for one in registers
        if max(heard.get(one.register_id, 0), one.enrolled_ms) < since_ms
    )


def _ending(registers: list[RegisterRow], now_ms: int, certificate_days: int) -> tuple[str, ...]:
    """Registers that should have renewed their certificate long ago: they do in its last third."""
    left_ms = min(CERTIFICATE_DAYS * DAY_MS, certificate_days * DAY_MS // 6)
    return tuple(one.register_id for one in registers if one.not_after_ms - now_ms < left_ms)


def _with_findings(central: Central, found: Standing, disk: Disk, silent_days: int) -> Standing:
    findings = [
        *_of_going_back(found),
        *_of_grants(found),
        *_of_work(found),
        *_of_rechecks(found.rechecks),
        *_of_registers(found, silent_days),
        *_of_streams(found, central.settings.retention.segments_days),
        *_of_images(found),
        *_of_root(found),
        *_of_backup(found),
        *_of_disk(disk, central.settings.data_dir),
    ]
    return replace(
        found,
        disk_free_bytes=disk.free_bytes,
        disk_total_bytes=disk.total_bytes,
        findings=tuple(findings),
    )


def _of_work(found: Standing) -> list[Finding]:
    findings = []
    behind_ms = found.now_ms - found.inbox.oldest_ms
    if found.inbox.count and behind_ms >= BEHIND_MS:
        findings.append(
            Finding(
                code="inbox_behind",
                text=f"{found.inbox.count} batches wait to be booked, the oldest for"
                f" {span(behind_ms)}",
                do="is `tessera central serve` running? its log says what it stops at; nothing is"
                " lost meanwhile",
            )
        )
    if found.parked.count:
        findings.append(
            Finding(
                code="parked",
                text=f"{found.parked.count} records could not be booked, the oldest since"
                f" {span(found.now_ms - found.parked.oldest_ms)}; their points are missing",
                do="tessera central quarantine list; it can wait for the morning",
            )
        )
    # What has a finding of its own is not told twice.
    alarms = {kind: count for kind, count in found.alarms.items() if kind not in _TOLD_APART}
    if alarms:
        kinds = ", ".join(f"{count} {kind}" for kind, count in alarms.items())
        findings.append(
            Finding(
                code="alarms",
                text=f"raised in the last day: {kinds}",
                do="tessera central alarms; docs/central.md says what each kind asks of you",
            )
        )
    return findings


def _backup(tx: sa.Connection) -> BackupPoint:
    newest = backup_book.read_newest_safe(tx)
    held = standing_book.read_held(tx)
    return BackupPoint(
        number=newest.number if newest else 0,
        begun_ms=newest.begun_ms if newest else 0,
        first_ms=min((one.first_ms for one in held), default=0),
        held=sum(one.held for one in held),
        most_held={one.register_id: one.held for one in held[:NAMED_MAX] if one.held},
    )


def _of_going_back(found: Standing) -> list[Finding]:
    if not (found.ahead or found.is_older):
        return []
    told = (
        f"{len(found.ahead)} registers were told of more than this database knows:"
        f" {_named(found.ahead)}"
        if found.ahead
        else f"central had written more than this database knows, says {REACH_FILE}"
    )
    return [
        Finding(
            code="database_went_back",
            text=f"{told}; it was put back without a word, or has lost commits",
            do=f"{went_back.DO}: they then send again what is missing and hear everything anew;"
            " until then they sell on, and are told nothing",
        )
    ]


def _of_grants(found: Standing) -> list[Finding]:
    if not found.awaited or found.ahead or found.is_older:  # then `restored` comes first
        return []
    return [
        Finding(
            code="grants_awaited",
            text=f"{len(found.awaited)} registers have not presented the grants they hold since the"
            f" database was put back: {_named(found.awaited)}; until they do, nothing is set aside"
            " anew for members of their stores",
            do="switch them on and on line; what is gone for good: tessera central register revoke;"
            " what cannot present (an earlier release): tessera central lease give-up",
        )
    ]


def _of_backup(found: Standing) -> list[Finding]:
    since_ms = found.backup.begun_ms or found.backup.first_ms
    if not since_ms or not found.backup.held or found.now_ms - since_ms < BACKUP_DAYS * DAY_MS:
        return []
    age = span(found.now_ms - since_ms)
    what = f"the newest safe backup began {age} ago" if found.backup.number else "no backup is safe"
    return [
        Finding(
            code="backup_old",
            text=f"{what}; registers keep {found.backup.held} records that are in none",
            do="tessera central backup copy FILE, each night; on PostgreSQL see docs/central.md",
        )
    ]


def _rechecks(tx: sa.Connection, now_ms: int) -> Rechecks:
    sums: dict[str, int] = {}
    for tally in recheck_book.read_tallies(tx):
        sums[tally.verdict] = sums.get(tally.verdict, 0) + tally.sales
    return Rechecks(
        waiting=recheck_book.count_due(tx),
        sales=sum(sums.values()),
        differ=sums.get(recheck.DIFFERS, 0),
        not_comparable=sum(sums.get(verdict, 0) for verdict in recheck.NOT_COMPARABLE),
        differing=recheck_book.count_found(tx, since_ms=now_ms - ALARM_DAYS * DAY_MS),
    )


def _of_rechecks(found: Rechecks) -> list[Finding]:
    if not found.differing:
        return []
    count = sum(found.differing.values())
    return [
        Finding(
            code="sales_not_reproduced",
            text=f"{count} sales of the last day do not come out again as they were recorded:"
            f" register {_named(tuple(found.differing))}",
            do="tessera central recheck list says what differs; then tessera central recheck run"
            " --register … --all: one sale is a fault, many are a till that prices otherwise",
        )
    ]


def _of_registers(found: Standing, silent_days: int) -> list[Finding]:
    findings = []
    if found.silent:
        findings.append(
            Finding(
                code="registers_silent",
                text=f"{len(found.silent)} of {found.registers} registers were not heard of for"
                f" {silent_days} days: {_named(found.silent)}",
                do="are they switched on, and is their line up? `tessera agent status` there; what"
                " is gone for good: tessera central register revoke",
            )
        )
    if found.ending:
        findings.append(
            Finding(
                code="certificates_ending",
                text=f"certificates of {len(found.ending)} registers end soon and were not"
                f" renewed: {_named(found.ending)}",
                do="switch them on and on line: they renew by themselves; one that ends needs"
                " tessera central register add --again",
            )
        )
    return findings


def _of_streams(found: Standing, days: int) -> list[Finding]:
    age_ms = found.now_ms - found.streams.oldest_ms
    if not found.streams.oldest_ms or age_ms < (days + RETENTION_SLACK_DAYS) * DAY_MS:
        return []
    return [
        Finding(
            code="feed_not_trimmed",
            text=f"the stores' streams reach back {span(age_ms)}, though {days} days are kept",
            do="central does this every few minutes while it runs: its log says what it stops at",
        )
    ]


def _of_images(found: Standing) -> list[Finding]:
    stores = found.alarms.get(image_shelf.ALARM, 0)
    if not stores:
        return []
    return [
        Finding(
            code="images_failed",
            text=f"the images of {stores} stores could not be made in the last day",
            do=f"tessera central alarms names them and says why; {image_shelf.DO}",
        )
    ]


def _of_root(found: Standing) -> list[Finding]:
    if found.root_days >= ROOT_DAYS:
        return []
    when = f"in {found.root_days} days" if found.root_days >= 0 else "already: tills refuse it"
    return [
        Finding(
            code="root_ending",
            text=f"the root that tills believe central by ends {when}",
            do="tessera central keys renew --days 730, with the root's keys",
        )
    ]


def _of_disk(disk: Disk, folder: Path) -> list[Finding]:
    least = min(DISK_LEAST_BYTES, int(disk.total_bytes * DISK_SHARE))
    if disk.free_bytes >= least:
        return []
    return [
        Finding(
            code="disk_low",
            text=f"{size(disk.free_bytes)} of {size(disk.total_bytes)} are left on the disk of"
            f" {folder}",
            do="make room: old backups and logs first; a full disk stops booking, and tills keep"
            " their sales until it goes on",
        )
    ]


def _named(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:NAMED_MAX])
    return shown if len(names) <= NAMED_MAX else f"{shown} and {len(names) - NAMED_MAX} more"


def span(ms: int) -> str:
    """A length of time in the one unit that tells most."""
    for unit, length in (("days", DAY_MS), ("hours", HOUR_MS), ("minutes", MINUTE_MS)):
        if ms >= 2 * length:
            return f"{ms // length} {unit}"
    return f"{max(0, ms) // 1000} seconds"


def size(count: int) -> str:
    """A number of bytes in GB."""
    return f"{count / 1e9:.1f} GB"
