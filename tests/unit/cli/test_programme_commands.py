"""`tessera programme …`: files in, tables and JSON out, exit codes that mean something."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main
from tessera.rules.folders import PART_KEYS

SHOP = str(Path(__file__).parents[3] / "config" / "programmes" / "corner-shop.yaml")
AT = "2026-11-21T10:15:00+01:00"
BASKET = {
    "lines": [
        {"id": "1", "sku": "milk", "quantity": "3", "amount_minor": 297, "categories": ["dairy"]},
        {"id": "2", "sku": "wine", "amount_minor": 4494, "quantity": 6},
    ]
}


@pytest.fixture
def sale(tmp_path: Path) -> list[str]:
    basket, member = tmp_path / "basket.json", tmp_path / "member.json"
    basket.write_text(json.dumps(BASKET))
    member.write_text(json.dumps({"tier": "silver", "units": [{"unit": "points", "balance": 9}]}))
    return ["--programme", SHOP, "--basket", str(basket), "--member", str(member), "--at", AT]


def test_a_sound_programme_is_said_to_be_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["programme", "check", SHOP]) == 0
    assert "sound" in capsys.readouterr().out


def test_problems_are_printed_with_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("programme: x\ncurrency: EUR\noffers:\n  a:\n    giv: 10 % off\n")
    assert main(["programme", "check", str(wrong)]) == 1
    assert f"{wrong}:5:5: offers.a.giv: unknown key 'giv' — did you mean give?" in (
        capsys.readouterr().out
    )
    assert main(["programme", "check", "--json", str(wrong)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["files"][0]["problems"][0]["line"] == 5


def test_a_file_that_is_not_there_is_an_operating_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["programme", "check", "no-such.yaml"]) == 3
    assert "no such file" in capsys.readouterr().err


def test_evaluate_prints_a_table(sale: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """2.97 − 0.30 + 44.94 = 47.61."""
    assert main(["programme", "evaluate", *sale]) == 0
    out = capsys.readouterr().out
    assert "47.61 EUR" in out
    assert "2.09 more for 5.00 off from 50.00" in out


def test_evaluate_prints_the_whole_quote(
    sale: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "evaluate", *sale, "--json"]) == 0
    quote = json.loads(capsys.readouterr().out)
    assert quote["due_minor"] == 4761
    assert quote["units"][0]["earned"] == 70


def test_explain_goes_through_every_offer(
    sale: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "explain", *sale, "--language", "de"]) == 0
    out = capsys.readouterr().out
    assert "dairy-10 on milk" in out
    assert "Noch 2,09" in out
    assert main(["programme", "explain", *sale, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["optimal"] is True


def test_the_schema_of_a_further_file_knows_what_such_a_file_may_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["programme", "schema", "--part", "--compact"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["properties"]) == set(PART_KEYS)
    assert "required" not in schema
    assert schema["additionalProperties"] is False


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["programme", "schema", "--compact"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Tessera programme"


@pytest.mark.parametrize(
    "basket, message",
    [
        ('{"lines": [{"amount_minor": 1.5}]}', "lines[0].amount_minor"),
        ('{"lines": [{"amount_minor": NaN}]}', "NaN is no number"),
        ('{"lines": [{"quantity": "1e999999"}]}', "lines[0].quantity"),
        ('{"lines": [{"id": "1"}, {"id": "1"}]}', "two lines"),
        ('{"lines": [{"price": 1}]}', "lines[0].price: unknown field"),
        ('{"lines": [], "member": {}}', "a file of its own: --member"),
        ('{"lines": [{"kind": "gods"}]}', "lines[0].kind"),
        ('{"currency": "USD"}', "the basket is in USD"),
        ("[]", "an object is expected"),
        ("{", "is no JSON"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_bad_basket_is_refused_by_the_name_of_its_field(
    basket: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "basket.json"
    path.write_text(basket)
    options = ["--programme", SHOP, "--basket", str(path), "--at", AT]
    assert main(["programme", "evaluate", *options]) == 3
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("at", ["yesterday", "2026-11-21T10:15:00"])
def test_a_time_needs_its_offset(
    at: str, sale: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "evaluate", *sale[:-1], at]) == 3
    assert "hint:" in capsys.readouterr().err
