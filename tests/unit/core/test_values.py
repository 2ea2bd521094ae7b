"""Values that are quick to make keep every promise of a frozen dataclass."""

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, replace

import pytest

from tessera.core.quote import Message, OfferShare, Quote, Stage, quote_maker


def test_a_quick_value_has_its_arguments_and_its_defaults() -> None:
    share = OfferShare(offer="half", discount_minor=120, stage=Stage.BASKET)
    assert (share.offer, share.discount_minor, share.stage) == ("half", 120, Stage.BASKET)
    assert (share.group, share.role, share.partner_minor) == (1, "", 0)


def test_a_quick_value_is_of_its_own_class_once_made() -> None:
    assert type(Message(key="near-amount")) is Message


def test_a_quick_value_cannot_be_changed() -> None:
    message = Message(key="near-amount")
    with pytest.raises(FrozenInstanceError):
        message.key = "other"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del message.key


def test_a_quick_value_refuses_unknown_missing_and_positional_arguments() -> None:
    with pytest.raises(TypeError, match="unexpected keyword"):
        Message(key="near-amount", colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="key"):
        Message()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Message("near-amount")  # type: ignore[call-arg]


def test_equal_quick_values_are_equal_and_hash_alike() -> None:
    one, two = Message(key="a", arguments=(("n", 1),)), Message(key="a", arguments=(("n", 1),))
    assert one == two
    assert hash(one) == hash(two)
    assert one != Message(key="a", arguments=(("n", 2),))


def test_a_quick_value_copies_and_travels_as_dataclasses_do() -> None:
    share = OfferShare(offer="half", discount_minor=120)
    assert replace(share, group=2) == OfferShare(offer="half", discount_minor=120, group=2)
    assert copy.deepcopy(share) == share
    assert pickle.loads(pickle.dumps(share)) == share
    assert asdict(Message(key="a")) == {"key": "a", "arguments": ()}


SUMS = {"shelf_minor": 9, "discount_minor": 2, "tendered_units_minor": 0, "due_minor": 7}
NAMES = {"engine": "1", "programme": "p", "currency": "EUR"}


def test_a_quote_that_was_made_whole_says_what_it_has_not() -> None:
    quote = Quote(**SUMS, **NAMES)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="_later"):
        _ = quote.colour
    assert pickle.loads(pickle.dumps(quote)) == quote


def test_a_part_that_is_made_later_is_asked_for_once() -> None:
    class Parts:
        asked: list[str] = []  # noqa: RUF012 - one for this test

        def give(self, name: str) -> object:
            self.asked.append(name)
            return ()

    quote = quote_maker([*SUMS, *NAMES])(Parts(), *SUMS.values(), *NAMES.values())
    assert (quote.due_minor, quote.lines, quote.lines) == (7, (), ())
    assert Parts.asked == ["lines"]
