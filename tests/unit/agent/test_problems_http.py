"""What a POS is told about a body that is wrong: what, where, and how to go on."""

import pytest

from tessera.agent import api_shapes
from tessera.agent.problems_http import ApiProblem, RequestReader

READER = RequestReader.of(api_shapes.BasketGiven)


def problem(body: bytes) -> ApiProblem:
    with pytest.raises(ApiProblem) as refused:
        READER.read(body)
    return refused.value


def test_an_abbreviation_keeps_its_letters() -> None:
    assert problem(b"{broken").message.startswith("JSON is malformed: ")
    assert problem(b"[]").message == "expected 'object', got 'array'"


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"lines": 7}', b'{"lines": [{"id": "1", "sku": "a", "amount_minor": 1e400}]}'],
    ids=["array", "number", "beyond"],
)
def test_a_wrong_field_is_told_with_what_to_do(body: bytes) -> None:
    assert problem(body).hint == "/v1/openapi.json says what each field may hold"
