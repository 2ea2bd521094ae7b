"""A code that a POS hands over is what a reader of ours would have made of it."""

import pytest

from tessera.agent.api_shapes import ScanGiven
from tessera.agent.checkout_recognise import classify_given
from tessera.devices.profiles import read_card_formats

SHIPPED = read_card_formats(None).format


@pytest.mark.parametrize(
    "code, symbology, told",
    [
        ("2001234567893", "EAN13", ("member_card", "2001234567893", "")),
        (" 2001234567893\t", "ean13", ("member_card", "2001234567893", "")),
        ("2001234567890", "ean13", ("refused", "", "bad_check_digit")),
        ("4006381333931", "ean13", ("product", "4006381333931", "")),
        ("4111 1111 1111 1111", "", ("refused", "", "payment_card")),
        ("%B4111111111111111^A/B^2512?", "", ("refused", "", "payment_card")),
        ("   ", "", ("refused", "", "bad_length")),
        ("é" * 2_049, "qr", ("refused", "", "bad_length")),
    ],
    ids=["card", "blanks", "misread", "product", "payment", "stripe", "empty", "too-long"],
)
def test_a_code_handed_over_is_told_apart(
    code: str, symbology: str, told: tuple[str, str, str]
) -> None:
    assert classify_given(ScanGiven(code=code, symbology=symbology), SHIPPED) == told
