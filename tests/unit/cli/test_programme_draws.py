"""What a draw states is shown wherever it is looked at."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main

SHOP = str(Path(__file__).parents[3] / "config" / "programmes" / "prizes-and-draws.yaml")
SEED = "00112233445566778899aabbccddeeff"
SCRATCH = (
    "draw scratch: organiser the shop at the corner, Main Street 1; prizes coffee, cake, tote bag;"
    " free entry: a scratch card by post, write to the organiser; countries DE"
)


def test_explain_shows_the_terms_of_every_draw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    basket = tmp_path / "basket.json"
    basket.write_text('{"lines": [{"id": "1", "sku": "tea", "amount_minor": 500}]}')
    sale = ["--programme", SHOP, "--basket", str(basket), "--at", "2026-11-21T10:15:00+01:00"]
    assert main(["programme", "explain", *sale]) == 0
    out = capsys.readouterr().out
    assert SCRATCH in out
    assert "draw bicycle: organiser" in out
    assert main(["programme", "explain", *sale, "--json", "--language", "de"]) == 0
    draws = {one["draw"]: one for one in json.loads(capsys.readouterr().out)["draws"]}
    assert draws["bicycle"]["free_entry"] == "eine Postkarte an den Veranstalter"


def test_an_audit_says_first_what_the_draw_states(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "draws.jsonl"
    records.write_text('{"incarnation": "till-7a", "seq": 2, "offer": "scratch"}\n')
    options = ["--programme", SHOP, "--seed", SEED, "--records", str(records)]
    assert main(["programme", "audit-draw", *options]) == 0
    assert capsys.readouterr().out.splitlines()[0] == SCRATCH
    assert main(["programme", "audit-draw", *options, "--json"]) == 0
    (terms,) = json.loads(capsys.readouterr().out)["terms"]
    assert (terms["draw"], terms["countries"]) == ("scratch", "DE")
