"""`tessera programme replay` on Parquet: the same answer as for the same sales as JSON lines."""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tessera.cli.main import main
from tessera.cli.programme_sales_parquet import CHUNK_ROWS

PROGRAMME = """\
programme: shop
currency: EUR
units: {points: {value: 0.01}}
offers:
  a: {what: category dairy, give: 20 % off}
  b: {what: {attribute: colour=red}, give: 1.00 off}
  c: {who: members, give: 1 point for every whole 1.00}
"""
MILK = {"id": "1", "sku": "milk", "quantity": 2, "amount_minor": 1000, "categories": ["dairy"]}
SHOE = {"id": "2", "sku": "shoe", "amount_minor": 5000, "attributes": {"colour": "red"}}
CHEESE = {**MILK, "id": "3", "quantity": "0.355", "measure": "kg", "amount_minor": 701}
SALES: list[dict[str, Any]] = [
    {
        "at": "2026-11-21T10:15:00+01:00",
        "store": "7",
        "member": {"member_id": "ann", "units": [{"unit": "points", "balance": 5}]},
        "basket": {"lines": [MILK, SHOE]},
    },
    {"at": "2026-11-21T10:20:00+01:00", "basket": {"lines": [CHEESE]}},
    {"at": "2026-11-21T10:25:00+01:00", "basket": {"lines": [], "coupons": ["X"]}},
]
LINE = pa.struct(
    [
        ("id", pa.string()),
        ("sku", pa.string()),
        ("quantity", pa.decimal128(12, 3)),
        ("measure", pa.string()),
        ("amount_minor", pa.int64()),
        ("categories", pa.list_(pa.string())),
        ("attributes", pa.map_(pa.string(), pa.string())),
    ]
)
BALANCE = pa.struct([("unit", pa.string()), ("balance", pa.int64())])
SCHEMA = pa.schema(
    [
        ("at", pa.string()),
        ("store", pa.dictionary(pa.int32(), pa.string())),
        ("member", pa.struct([("member_id", pa.string()), ("units", pa.large_list(BALANCE))])),
        ("basket", pa.struct([("lines", pa.list_(LINE)), ("coupons", pa.list_(pa.string()))])),
    ]
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(PROGRAMME)
    return tmp_path


def nested(sales: list[dict[str, Any]]) -> pa.Table:
    """The sales as columns; a quantity is a decimal there, attributes are pairs."""
    from decimal import Decimal

    rows = json.loads(json.dumps(sales))
    for row in rows:
        for line in row["basket"]["lines"]:
            line["quantity"] = Decimal(str(line.get("quantity", 1)))
            line["attributes"] = list(line.get("attributes", {}).items())
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def replayed(shop: Path, file: str, capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    words = ["programme", "replay", "--programme", str(shop / "shop.yaml"), str(shop / file)]
    code = main([*words, "--json", *more])
    said = capsys.readouterr()
    return json.loads(said.out) if code in {0, 1} else (code, said.err)


def as_lines(shop: Path, sales: list[dict[str, Any]]) -> str:
    (shop / "sales.jsonl").write_text("\n".join(json.dumps(one) for one in sales))
    return "sales.jsonl"


def test_nested_columns_give_the_answer_of_json_lines(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10.00 and 7.01 of dairy at 20 %, 1.00 off the shoe: 2.00 + 1.40 + 1.00; 57 points."""
    pq.write_table(nested(SALES), shop / "sales.parquet")
    found = replayed(shop, "sales.parquet", capsys)
    assert found == replayed(shop, as_lines(shop, SALES), capsys)
    assert found["draft"]["discount_minor"] == 440
    assert found["draft"]["units"][0]["earned"] == 57


def test_texts_of_json_and_a_column_of_times_do_as_well(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A time has the zone of its column: 09:15 in UTC is 10:15 in the shop."""
    from datetime import datetime

    at = [datetime.fromisoformat(one["at"]) for one in SALES]
    table = pa.table(
        {
            "at": pa.array(at, pa.timestamp("ns", "Europe/Berlin")),
            "member": [json.dumps(one["member"]) if "member" in one else None for one in SALES],
            "basket": [json.dumps(one["basket"]) for one in SALES],
        }
    )
    pq.write_table(table, shop / "sales.parquet")
    assert replayed(shop, "sales.parquet", capsys) == replayed(shop, as_lines(shop, SALES), capsys)


def test_row_groups_and_processes_change_nothing(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """More rows than two chunks, in row groups of 70 and in one; a wrong row in the second."""
    sales = [SALES[number % 3] for number in range(2 * CHUNK_ROWS + 11)]
    wrong = CHUNK_ROWS + 5
    sales[wrong - 1] = {**SALES[0], "at": "yesterday"}
    table = nested(sales)
    said = []
    for size, workers in ((70, "1"), (10_000, "2")):
        pq.write_table(table, shop / "sales.parquet", row_group_size=size)
        said.append(replayed(shop, "sales.parquet", capsys, "--workers", workers))
    assert said[0] == said[1]
    assert [one["line"] for one in said[0]["wrong_lines"]] == [wrong]
    assert said[0]["draft"]["sales"] == len(sales) - 1


def test_floats_that_are_whole_and_times_without_a_zone_are_told_apart(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table with gaps often holds whole numbers as floats; a time without its zone is no time."""
    from datetime import datetime

    line = {"id": "1", "sku": "milk", "quantity": 0.5, "amount_minor": 1000.0}
    rows = [{"at": SALES[0]["at"], "basket": {"lines": [line]}}]
    pq.write_table(pa.Table.from_pylist(rows), shop / "sales.parquet")
    assert replayed(shop, "sales.parquet", capsys)["draft"]["shelf_minor"] == 1000
    rows[0]["at"] = datetime(2026, 11, 21, 10, 15)  # noqa: DTZ001 — that is the point
    pq.write_table(pa.Table.from_pylist(rows), shop / "sales.parquet")
    wrong = replayed(shop, "sales.parquet", capsys)["wrong_lines"]
    assert "is no time with its offset" in wrong[0]["message"]


@pytest.mark.parametrize(
    "table, message",
    [
        ({"basket": ["{}"]}, "has no column 'at'"),
        ({"at": ["x"], "basket": ["{}"], "shop": ["7"]}, "unknown column 'shop'"),
    ],
)
def test_columns_that_are_not_a_sales_are_refused(
    table: dict[str, list[str]], message: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table(table), shop / "sales.parquet")
    code, said = replayed(shop, "sales.parquet", capsys)
    assert (code, message in said) == (3, True)


@pytest.mark.parametrize("where", ["end", "middle"])
def test_a_file_that_was_cut_or_damaged_is_an_operating_failure(
    where: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(nested(SALES * 500), shop / "sales.parquet", compression="zstd")
    whole = bytearray((shop / "sales.parquet").read_bytes())
    if where == "end":
        whole = whole[:-20]
    else:
        whole[4:400] = bytes(396)
    (shop / "sales.parquet").write_bytes(whole)
    code, said = replayed(shop, "sales.parquet", capsys, "--workers", "1")
    assert (code, "write it again" in said) == (3, True)


def test_without_pyarrow_the_extra_is_named(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(nested(SALES), shop / "sales.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, said = replayed(shop, "sales.parquet", capsys)
    assert (code, "pip install 'tessera-pos[parquet]'" in said) == (3, True)
    assert replayed(shop, as_lines(shop, SALES), capsys)["draft"]["sales"] == 3
