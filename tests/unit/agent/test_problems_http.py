"""Reading a request's body: what is refused, and that the refusal names the place."""

import pytest

from tessera.agent.api_shapes import BasketGiven, LookupGiven
from tessera.agent.problems_http import ApiProblem, RequestReader

BASKET = RequestReader.of(BasketGiven)
LOOKUP = RequestReader.of(LookupGiven)


def refusal(reader: RequestReader, body: bytes) -> ApiProblem:
    with pytest.raises(ApiProblem) as caught:
        reader.read(body)
    return caught.value


@pytest.mark.parametrize(
    "escape", [r"\n", r"\t", r"\u0000", r"\u001F", r"\u007f", r"\\\n", r"\\\u0007"]
)
def test_a_control_character_in_a_text_is_refused(escape: str) -> None:
    problem = refusal(LOOKUP, b'{"card": "a%s"}' % escape.encode())
    assert problem.code == "field_wrong"
    assert "control" in problem.message


@pytest.mark.parametrize("text", [r"\\n", r"\\u0000", r"\"", r"\u00e9", r"\/", "é"])
def test_other_escapes_and_an_escaped_backslash_are_fine(text: str) -> None:
    assert LOOKUP.read(b'{"card": "a%s"}' % text.encode()) is not None


def test_an_unknown_field_deep_inside_is_placed_and_gets_a_proposal() -> None:
    body = b'{"lines":[{"id":"1","amount_minor":1,"taxes":[{"code":"A","rat":"0.19"}]}]}'
    problem = refusal(BASKET, body)
    assert (problem.code, problem.field) == ("field_unknown", "lines[0].taxes[0].rat")
    assert problem.hint == "did you mean rate?"


def test_an_unknown_field_like_none_is_told_what_there_is() -> None:
    problem = refusal(LOOKUP, b'{"zzz": 1}')
    assert problem.hint == "known here: card, phone"


def test_a_key_twice_deep_inside_is_refused() -> None:
    problem = refusal(BASKET, b'{"lines":[{"id":"1","id":"2","amount_minor":1}]}')
    assert (problem.code, problem.field) == ("duplicate_key", "id")


def test_an_empty_body_is_an_empty_object() -> None:
    assert BASKET.read(b"") == BasketGiven()
