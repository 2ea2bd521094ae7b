"""`tessera programme audit-draw`: anybody draws again and sees what differs.

The expected draws were worked out without this code: for a record N,
`printf 'till-7a\\000N\\000scratch' | openssl dgst -sha256 -mac HMAC -macopt hexkey:SEED` ends in 40
for record 2 and in 08 for record 7, which four divides; for 1, 3, 4, 5, 6 and 8 it does not. A
quarter of the number, modulo the three prizes, is 0 for record 2 (coffee) and 2 for record 7 (tote
bag).
"""

import io
import json
from pathlib import Path

import pytest

from tessera.cli.main import main

SEED = "00112233445566778899aabbccddeeff" * 2
HASH = "4773d12e2371bb935b9a0f5439b4a1c3ad3f2414b86980f8418d1cfabdfadfef"
"""sha256sum of the seed's 32 bytes."""
HEAD = "programme: shop\ncurrency: EUR\n"
SCRATCH = "  scratch: {give: {win: 1 in 4, prizes: [coffee, cake, tote bag]}}\n"
WINS = {2: "coffee", 7: "tote bag"}


class Auditor:
    """Runs the command over records as JSON lines."""

    def __init__(self, folder: Path) -> None:
        self.programme, self.records = folder / "shop.yaml", folder / "draws.jsonl"
        self.programme.write_text(f"{HEAD}seed_hash: {HASH}\noffers:\n{SCRATCH}")

    def run(self, *records: object, more: tuple[str, ...] = (), seed: str = SEED) -> int:
        lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
        self.records.write_text("\n".join(lines))
        names = ["--programme", str(self.programme), "--records", str(self.records)]
        return main(["programme", "audit-draw", *names, "--seed", seed, *more])


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    return Auditor(tmp_path)


def record(seq: int, **more: object) -> dict[str, object]:
    return {"incarnation": "till-7a", "seq": seq, **more}


def test_honest_records_hold(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    honest = [record(seq, offer="scratch", won=WINS.get(seq, False)) for seq in range(1, 9)]
    assert auditor.run(*honest) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"the seed is the one that was announced: its hash is {HASH}"
    assert out[1] == "8 draws, 2 won; 8 compared, 0 differ, 0 lines with a fault"


@pytest.mark.parametrize(
    "seq, won, said",
    [
        (2, "cake", "recorded cake, drawn coffee"),
        (2, False, "recorded nothing, drawn coffee"),
        (2, "", "recorded nothing, drawn coffee"),
        (3, "coffee", "recorded coffee, drawn nothing"),
        (3, True, "recorded a win, drawn nothing"),
    ],
)
def test_a_record_that_says_otherwise_is_named(
    seq: int, won: object, said: str, auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor.run(record(7, won=True), record(seq, won=won)) == 1
    out = capsys.readouterr().out
    assert f"{auditor.records}:2: till-7a {seq} scratch: {said}\n" in out
    assert "2 compared, 1 differ" in out


def test_without_what_was_won_the_wins_are_shown(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor.run(record(1), record(2), record(7)) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"{auditor.records}:2: till-7a 2 scratch: drawn coffee",
        f"{auditor.records}:3: till-7a 7 scratch: drawn tote bag",
        "3 draws, 2 won; 0 compared, 0 differ, 0 lines with a fault",
    ]


def test_another_seed_is_refused_before_any_till_is_accused(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor.run(record(2, won="coffee"), seed="ff" * 32) == 1
    out = capsys.readouterr().out
    assert "this is not the seed" in out
    assert "differ" not in out


def test_a_programme_that_published_no_hash_proves_nothing(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor.programme.write_text(f"{HEAD}offers:\n{SCRATCH}")
    assert auditor.run(record(2, won="coffee")) == 1
    out = capsys.readouterr().out
    assert f"published no seed_hash (it is {HASH})" in out
    assert "0 differ" in out


@pytest.mark.parametrize(
    "line, said",
    [
        ("{", "this is no JSON"),
        ("[" * 5000, "this is no JSON"),
        ("[1]", "this is no JSON object"),
        ('{"seq": 1}', "incarnation is no id"),
        ('{"incarnation": "a\\u0000b", "seq": 1}', "incarnation is no id"),
        ('{"incarnation": "\\ud800", "seq": 1}', "incarnation is no id"),
        ('{"incarnation": "a", "seq": -1}', "seq is no number"),
        ('{"incarnation": "a", "seq": true}', "seq is no number"),
        ("x" * 30_000, "the line is longer than 10000 characters"),
        ('{"incarnation": "a", "seq": 1, "won": 3}', "won is neither"),
        ('{"incarnation": "a", "seq": 1, "sale": 3}', "unknown key 'sale'"),
        ('{"incarnation": "a", "seq": 1, "offer": "raffle"}', "'raffle' is no instant win"),
    ],
)
def test_a_line_that_can_not_be_compared_is_a_finding(
    line: str, said: str, auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor.run(record(1, won=False), line) == 1
    out = capsys.readouterr().out
    assert f"{auditor.records}:2: {said}" in out
    assert "1 draws, 0 won; 1 compared, 0 differ, 1 lines with a fault" in out


def test_a_sale_that_was_drawn_twice_is_a_finding(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor.run(record(2, won="coffee"), record(2, won="coffee")) == 1
    assert "till-7a 2 scratch was drawn in line 1 already" in capsys.readouterr().out


def test_with_two_instant_wins_a_record_names_its_offer(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor.programme.write_text(
        f"{HEAD}seed_hash: {HASH}\noffers:\n{SCRATCH}" + SCRATCH.replace("scratch", "spring")
    )
    assert auditor.run(record(2, won="coffee")) == 1
    assert "offer is missing, the programme has 2 instant wins" in capsys.readouterr().out
    assert auditor.run(record(2, offer="scratch", won="coffee")) == 0


def test_records_come_from_standard_input_and_the_answer_is_for_programs(
    auditor: Auditor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(record(2, won="cake")) + "\n"))
    words = ["--programme", str(auditor.programme), "--seed", SEED, "--records", "-", "--json"]
    assert main(["programme", "audit-draw", *words]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["seed_proven"] is True
    assert report["draws"] == 1
    assert report["differing"][0]["prize"] == "coffee"
    assert report["differing"][0]["recorded"] == "cake"


@pytest.mark.parametrize("seed", ["", "00", "zz" * 16, "0" * 33, "00" * 129])
def test_a_seed_that_is_none_is_an_operating_failure(
    seed: str, auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor.run(record(1), seed=seed) == 3
    assert "hexadecimal" in capsys.readouterr().err


def test_a_programme_without_an_instant_win_can_not_be_audited(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor.programme.write_text(f"{HEAD}offers:\n  a: {{give: 10 % off}}\n")
    assert auditor.run(record(1)) == 3
    assert "has no instant win" in capsys.readouterr().err


def test_a_hash_of_another_length_is_a_problem_of_the_programme(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor.programme.write_text(f"{HEAD}seed_hash: abc\noffers:\n{SCRATCH}")
    assert main(["programme", "check", str(auditor.programme)]) == 1
    assert ":3:12: seed_hash: 'abc' is no SHA-256 of a seed" in capsys.readouterr().out
