"""A code that a POS hands over is what a reader of ours would have made of it."""

import pytest

from tessera.agent.api_shapes import ScanGiven
from tessera.agent.checkout_recognise import classify_given
from tessera.agent.programme_in_force import ProgrammeInForce
from tessera.devices.profiles import read_card_formats
from tessera.store.till.values import KeptBundle

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
    assert (
        classify_given(ScanGiven(code=code, symbology=symbology), SHIPPED, ProgrammeInForce())
        == told
    )


COUPONS = """
programme: mailing
currency: EUR
offers:
  shared: {name: {en: shared}, trigger: coupon WELCOME10, give: 10 % off the basket}
  own: {name: {en: own}, trigger: {coupon: "2*"}, give: 8.00 off the basket}
"""


@pytest.mark.parametrize(
    "code, told",
    [
        ("WELCOME10", ("coupon", "WELCOME10", "")),
        ("WELCOME11", ("member_card", "WELCOME11", "")),
        ("2001234567893", ("member_card", "2001234567893", "")),
    ],
    ids=["waited-for", "any-word", "card-of-a-format"],
)
def test_a_code_that_the_programme_waits_for_is_a_coupon(
    code: str, told: tuple[str, str, str]
) -> None:
    programme = ProgrammeInForce()
    bundle = KeptBundle(hash="0" * 64, number=1, text=COUPONS)
    assert programme.take(bundle, currency="EUR")
    symbology = "ean13" if code.isdigit() else ""
    assert classify_given(ScanGiven(code=code, symbology=symbology), SHIPPED, programme) == told
