"""Every shared vector: bytes on the wire, and what must come out."""

import json
from pathlib import Path
from typing import Any

import pytest

from tessera.devices.decode_lines import decode_case
from tessera.devices.profiles import read_card_formats, read_profiles

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "device_vectors.jsonl").read_text().splitlines()
]
SHELF = read_profiles()
FORMATS = read_card_formats().format
WAYS = ("as given", "byte by byte", "in one piece")


def test_no_shipped_profile_has_a_mistake() -> None:
    assert SHELF.problems == []


def pieces(case: dict[str, Any], way: str) -> dict[str, Any]:
    """Give the case with its bytes cut another way; answers that come whole stay whole."""
    if way == "as given" or case["transport"] == "pcsc":
        return case
    content = bytes.fromhex(case["hex"])
    whole = {key: value for key, value in case.items() if key != "chunks"}
    if way == "in one piece":
        return whole
    return whole | {"chunks": [{"hex": f"{byte:02x}", "delay_ms": 0} for byte in content]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_vector(case: dict[str, Any], way: str) -> None:
    answer: dict[str, Any] = decode_case(
        pieces(case, way), SHELF.profiles[case["profile"]], FORMATS
    )
    expected = case["expect"]
    assert len(answer["scans"]) == len(expected["scans"]), answer
    for scan, wanted in zip(answer["scans"], expected["scans"], strict=True):
        assert {key: scan.get(key) for key in wanted} == wanted
    assert answer["errors"] == expected["errors"]
    for key in ("reply", "control"):
        assert answer.get(key) == expected.get(key)
