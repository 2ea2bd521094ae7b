"""Images whose bytes are wrong in every way that the format can be broken."""

import gzip
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tessera.sync.feed_wire import MemberRow
from tessera.sync.image_reading import (
    ImageRefused,
    check_file,
    feed_rows,
    read_lines,
    read_manifest,
)
from tessera.sync.image_wire import ImageMembers, ImageRows
from tessera.sync.signing import SigningKey
from tessera.sync.trust import trust_in_key
from tests.support.image_making import (
    AUDIENCE,
    GENERATION,
    lines_of,
    manifest_of,
    member_row,
    packed,
    signed,
)

KEY = SigningKey(b"\x11" * 32)
WHOLE = lines_of(
    [member_row(n, f"m{n}") for n in range(1, 6)],
    [(bytes([n]) * 16, n, 1, 1, 1) for n in range(1, 6)],
    [(f"m{n}", "points", n, 0, 1) for n in range(1, 6)],
    rows_in_line=3,
)


def rows_read(path: Path, lines: list[bytes], **changes: object) -> list[int]:
    path.write_bytes(packed(lines))
    return [len(line.rows) for line in read_lines(path, manifest_of(lines, **changes))]


def test_a_whole_image_is_read_line_by_line(tmp_path: Path) -> None:
    assert rows_read(tmp_path / "image", WHOLE) == [3, 2, 3, 2, 3, 2]


def test_a_long_line_is_put_together_from_its_parts(tmp_path: Path) -> None:
    names = [member_row(n, f"m{n}", name=f"{n:0>450}") for n in range(1, 2_001)]
    assert rows_read(tmp_path / "image", lines_of(names)) == [2_000]


BROKEN: list[tuple[str, Callable[[list[bytes]], list[bytes]]]] = [
    ("another image's head", lambda lines: lines[1:]),
    ("another image's head", lambda lines: [*lines[:1], *lines]),
    ("another image's head", lambda lines: [lines[0].replace(b"g1", b"g2"), *lines[1:]]),
    ("its manifest says", lambda lines: lines[:-1]),
    ("its manifest says", lambda lines: [*lines[:1], *lines[3:]]),
    ("lines after its end", lambda lines: [*lines, lines[1]]),
    ("numbers its members 4 to 5 after 0", lambda lines: [lines[0], lines[2], *lines[3:]]),
    ("does not read", lambda lines: [*lines[:1], b"{", *lines[1:]]),
    ("does not read", lambda lines: [*lines[:1], b'{"type":"strange"}', *lines[1:]]),
    ("does not read", lambda lines: [lines[0], lines[1].replace(b'"m1"', b'""'), *lines[2:]]),
    ("does not read", lambda lines: [lines[0], lines[1].replace(b'"m1"', b"7"), *lines[2:]]),
    ("of 2001 rows", lambda lines: [lines[0], _many(2_001), *lines[1:]]),
]


def _many(count: int) -> bytes:
    row = (bytes(16), 1, 1, 1, 1)
    return msgspec.json.encode({"type": "cards", "rows": [row] * count})


@pytest.mark.parametrize("told, broken", BROKEN)
def test_lines_that_are_not_as_the_format_says_are_refused(
    tmp_path: Path, told: str, broken: Callable[[list[bytes]], list[bytes]]
) -> None:
    with pytest.raises(ImageRefused, match=told):
        rows_read(tmp_path / "image", broken(WHOLE), members=5, cards=5, balances=5)


def test_a_file_that_inflates_beyond_its_manifest_is_left_there(tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match="holds over 100 bytes"):
        rows_read(tmp_path / "image", [WHOLE[0], b" " * 50_000_000], unpacked=100)


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match="a line over 8388608 bytes"):
        rows_read(tmp_path / "image", [WHOLE[0], b" " * 9_000_000, WHOLE[-1]])


@pytest.mark.parametrize("cut", [0, 1, 10, 100, -8, -1])
def test_a_file_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    manifest = manifest_of(WHOLE)
    path = tmp_path / "image"
    path.write_bytes(packed(WHOLE)[:cut])
    with pytest.raises(ImageRefused, match="does not have the hash"):
        check_file(path, manifest)
    with pytest.raises(ImageRefused, match="is cut off"):
        list(read_lines(path, manifest))


def test_bytes_behind_the_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(packed(WHOLE) + gzip.compress(b"{}\n"))
    with pytest.raises(ImageRefused, match="bytes behind its end"):
        list(read_lines(path, manifest_of(WHOLE)))


def test_a_line_that_does_not_inflate_is_refused(tmp_path: Path) -> None:
    body = bytearray(packed(WHOLE))
    body[40:60] = bytes(20)
    (tmp_path / "image").write_bytes(body)
    with pytest.raises(ImageRefused, match=r"does not inflate|is cut off|does not read"):
        list(read_lines(tmp_path / "image", manifest_of(WHOLE)))


def test_a_signature_that_is_no_hexadecimal_is_none(tmp_path: Path) -> None:
    image = msgspec.structs.replace(signed(manifest_of(WHOLE), KEY), signature="zz")
    with pytest.raises(ImageRefused, match="not signed by central"):
        read_manifest(
            image, audience=AUDIENCE, generation=GENERATION, after=0, trust=trust_in_key(KEY.public)
        )
    assert list(tmp_path.iterdir()) == []


def test_rows_of_kinds_to_come_are_passed_over() -> None:
    raws = (
        msgspec.Raw(b'{"type":"to-come","x":1}'),
        msgspec.Raw(b'{"type":"member","member_id":"m1","version":3}'),
    )
    rows = feed_rows(ImageRows(rows=raws), audience=AUDIENCE, trust=trust_in_key(KEY.public))
    assert rows == (MemberRow(member_id="m1", version=3),)
    assert ImageMembers(rows=()).rows == ()
