"""Members as other systems hand them over: CSV with a heading, or one JSON object a line.

Owns: what a row may hold, and every mistake with its line. Must never: print a value of a row,
which may be somebody's name or card.
"""

import csv
import io
import re
from datetime import date
from pathlib import Path

import msgspec

from tessera.central.members import NewMember
from tessera.core.errors import Problem, TesseraError, reason_of

FILE_BYTES_MAX = 1_073_741_824
FIELD_LENGTH_MAX = 500
_COLUMNS = (
    "member_id",
    "display_name",
    "tier",
    "store",
    "language",
    "birthday",
    "joined",
    "staff",
    "staff_number",
    "segments",
    "cards",
    "balances",
)
_OPENING = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,39})=([0-9]{1,18})\Z")
_BIRTHDAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")
PROBLEMS_MAX = 50


def read_opening(text: str, *, file: str, line: int = 0) -> tuple[dict[str, int], list[Problem]]:
    """Opening balances written as unit=amount, separated by spaces."""
    opening: dict[str, int] = {}
    for part in text.split():
        found = _OPENING.match(part)
        if found is None or found[1] in opening:
            problem = Problem(
                file=file,
                line=line,
                field="balances",
                message="an opening balance does not read",
                proposal="write unit=amount, each unit once, such as points=120",
            )
            return {}, [problem]
        opening[found[1]] = int(found[2])
    return opening, []


def read_members(path: Path) -> tuple[list[NewMember], list[Problem]]:
    """The members of a file, or the first fifty things that are wrong with it."""
    rows = _read_rows(path)
    members: list[NewMember] = []
    problems: list[Problem] = []
    for line, row in rows:
        if isinstance(row, Problem):
            problems.append(row)
        else:
            member, wrong = _member(row, file=str(path), line=line)
            members.append(member)
            problems += wrong
        if len(problems) >= PROBLEMS_MAX:
            break
    return members, problems


def _read_rows(path: Path) -> list[tuple[int, dict[str, str] | Problem]]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise TesseraError(
                f"{path} is over {FILE_BYTES_MAX} bytes", hint="split it into several files"
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TesseraError(
            f"{path} cannot be read: {reason_of(error)}",
            hint="a CSV or JSON-lines file in UTF-8 is needed",
        ) from error
    if path.suffix == ".jsonl":
        return [
            (number, _json_row(line, str(path), number))
            for number, line in enumerate(text.splitlines(), start=1)
            if line.strip()
        ]
    reader = csv.DictReader(io.StringIO(text, newline=""))
    strange = [name for name in reader.fieldnames or () if name not in _COLUMNS]
    if strange or not reader.fieldnames:
        problem = Problem(
            file=str(path),
            line=1,
            field=(strange or [""])[0][:40],
            message="the heading names a column that is unknown",
            proposal="columns are " + ", ".join(_COLUMNS),
        )
        return [(1, problem)]
    rows: list[tuple[int, dict[str, str] | Problem]] = []
    for row in reader:
        if None in row or None in row.values():
            problem = Problem(
                file=str(path),
                line=reader.line_num,
                message="the row has more or fewer fields than the heading",
            )
            rows.append((reader.line_num, problem))
        else:
            rows.append((reader.line_num, row))
    return rows


class _JsonMember(msgspec.Struct, forbid_unknown_fields=True):
    member_id: str = ""
    display_name: str = ""
    tier: str = ""
    store: str = ""
    language: str = ""
    birthday: str = ""
    joined: str = ""
    staff: bool | None = None
    staff_number: str = ""
    segments: list[str] = []
    cards: list[str] = []
    balances: dict[str, int] = {}


def _json_row(line: str, file: str, number: int) -> dict[str, str] | Problem:
    try:
        found = msgspec.json.decode(line, type=_JsonMember)
    except (msgspec.DecodeError, RecursionError) as error:
        return Problem(file=file, line=number, message=str(error)[:200])
    return {
        "member_id": found.member_id,
        "display_name": found.display_name,
        "tier": found.tier,
        "store": found.store,
        "language": found.language,
        "birthday": found.birthday,
        "joined": found.joined,
        "staff": "" if found.staff is None else str(found.staff).lower(),
        "staff_number": found.staff_number,
        "segments": " ".join(found.segments),
        "cards": " ".join(found.cards),
        "balances": " ".join(f"{unit}={amount}" for unit, amount in found.balances.items()),
    }


def _member(row: dict[str, str], *, file: str, line: int) -> tuple[NewMember, list[Problem]]:
    row = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    problems: list[Problem] = []

    def wrong(field: str, proposal: str) -> None:
        problems.append(
            Problem(file=file, line=line, field=field, message="does not read", proposal=proposal)
        )

    for name in _COLUMNS:
        if len(row[name]) > FIELD_LENGTH_MAX or "\0" in row[name]:
            wrong(name, f"at most {FIELD_LENGTH_MAX} characters")
    if row["staff"] not in {"", "true", "false"}:
        wrong("staff", "true or false")
    if row["birthday"] and not _BIRTHDAY.match(row["birthday"]):
        wrong("birthday", "month and day, such as 07-31")
    if row["joined"] and not _is_date(row["joined"]):
        wrong("joined", "a date, such as 2026-07-31")
    opening, unread = read_opening(row["balances"], file=file, line=line)
    problems += unread
    return NewMember(
        member_id=row["member_id"],
        display_name=row["display_name"],
        tier=row["tier"],
        home_store=row["store"],
        language=row["language"],
        birthday=row["birthday"],
        joined=row["joined"],
        staff=row["staff"] == "true" if row["staff"] else None,
        staff_number=row["staff_number"],
        segments=tuple(row["segments"].split()),
        cards=tuple(row["cards"].split()),
        opening=opening,
    ), problems


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
