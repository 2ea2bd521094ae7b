"""`tessera programme replay`: a file of sales, wrong lines in it, and several processes."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main
from tessera.cli.programme_sales import CHUNK_LINES
from tessera.rules.replay_lines import LINE_BYTES_MAX

SHOP = "programme: {id}\ncurrency: EUR\noffers:\n  a: {{what: category dairy, give: {off} % off}}\n"
LINE = {"id": "1", "sku": "milk", "amount_minor": 1000, "categories": ["dairy"]}
SALE = {
    "at": "2026-11-21T10:15:00+01:00",
    "member": {"member_id": "ann"},
    "basket": {"lines": [LINE]},
}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "draft.yaml").write_text(SHOP.format(id="next", off=20))
    (tmp_path / "current.yaml").write_text(SHOP.format(id="now", off=10))
    words = ["--programme", str(tmp_path / "draft.yaml")]
    return [*words, "--against", str(tmp_path / "current.yaml"), str(tmp_path / "sales.jsonl")]


def test_the_table_shows_draft_current_and_change(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """2 × 10.00: the draft takes 4.00 off, the current programme 2.00."""
    Path(files[-1]).write_text(f"{json.dumps(SALE)}\n\n{json.dumps(SALE)}")
    assert main(["programme", "replay", *files]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["discount", "4.00", "2.00", "2.00"] in rows
    assert ["members", "better", "off:", "1,", "by", "2.00", "together"] in rows


def test_a_draft_alone_is_summed_without_a_comparison(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(files[-1]).write_text(json.dumps(SALE))
    assert main(["programme", "replay", *files[:2], files[-1], "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["draft"]["discount_minor"], report["current"]) == (200, None)
    assert main(["programme", "replay", *files[:2], files[-1]]) == 0
    assert ["due", "8.00"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_wrong_lines_are_named_and_do_not_stop_it(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps(SALE).encode()
    long = b'"' + b"x" * LINE_BYTES_MAX + b'"'
    wrong = [b"{", b"[]", b"\xff", long, b"[" * 100_000, b'{"at": NaN}']
    Path(files[-1]).write_bytes(b"\n".join([good, *wrong, good]))
    assert main(["programme", "replay", *files, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["draft"]["sales"] == 2
    assert [one["line"] for one in report["wrong_lines"]] == [2, 3, 4, 5, 6, 7]
    assert main(["programme", "replay", *files]) == 1
    assert f"{files[-1]}:5: the line is longer than" in capsys.readouterr().out


def test_the_number_of_processes_changes_nothing(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Three chunks and a bit: amounts of 1 … n cents with a wrong line in the second chunk."""
    count = 3 * CHUNK_LINES + 10
    lines = [
        json.dumps({**SALE, "basket": {"lines": [{**LINE, "amount_minor": number}]}})
        for number in range(1, count + 1)
    ]
    lines[CHUNK_LINES + 5] = "{}"
    Path(files[-1]).write_text("\n".join(lines))
    said = []
    for workers in ("1", "2"):
        assert main(["programme", "replay", *files, "--json", "--workers", workers]) == 1
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    report = json.loads(said[0])
    assert report["draft"]["shelf_minor"] == count * (count + 1) // 2 - (CHUNK_LINES + 6)
    assert [one["line"] for one in report["wrong_lines"]] == [CHUNK_LINES + 6]


def test_programmes_of_two_currencies_are_not_compared(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    current = Path(files[3])
    current.write_text(current.read_text().replace("EUR", "USD"))
    assert main(["programme", "replay", *files]) == 3
    assert "is in EUR" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "65", "two"])
def test_a_number_of_processes_out_of_bounds_is_wrong_usage(workers: str, files: list[str]) -> None:
    assert main(["programme", "replay", *files, "--workers", workers]) == 2


def test_sales_that_are_not_there_are_an_operating_failure(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "replay", *files]) == 3
    assert "no such file" in capsys.readouterr().err
