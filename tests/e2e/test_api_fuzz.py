"""Whatever is sent, the agent answers, and never with a bug of its own."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tessera.agent.pos_api import ROUTES, ApiRoute
from tests.support.agent import (
    CARD,
    DAY,
    STORE_TIME,
    Agent,
    basket,
    milk,
    running_agent,
    stocked_till,
)

MANY = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        -1,
        0,
        1,
        2**31,
        2**53,
        2**63,
        -(2**63),
        10**30,
        1.5,
        1e308,
        -0.0,
        True,
        None,
        "",
        " ",
        "0",
        "-0",
        "1e5",
        "NaN",
        "1e999999",
        "９",
        "\u0000",
        "\ud7ff",
        "a" * 500,
        "goods",
        "return",
        "EUR",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2026-11-21T10:15:00+01:00",
        [],
        {},
        [[]],
        ["1"] * 60,
        {"cards": []},
        {"": ""},
    ]
)
JSON = st.recursive(
    ODD | st.text(max_size=20) | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=12,
)

FULL_LINE = {
    **milk(),
    "kind": "goods",
    "measure": "",
    "brand": "own",
    "tags": ["new"],
    "attributes": {"colour": "white"},
    "list_price_minor": 300,
    "price_reason": "",
    "lowest_30d_minor": 240,
}
FULL = {
    **basket(FULL_LINE, points=100),
    "revision": 1,
    "coupons": ["WELCOME10"],
    "chosen": [],
    "earning_only": False,
}
RETURN = {
    "original": {"sale_id": "fuzz", "business_day": DAY},
    "lines": [{"id": "1", "quantity": "1"}],
}
VALID: dict[str, dict[str, Any]] = {
    "BasketGiven": FULL,
    "CompleteGiven": {
        **FULL,
        "quote_id": "0" * 32,
        "tenders": [{"kind": "cash", "amount_minor": 450}],
        "total_taken_minor": 450,
        "rounding_minor": 0,
    },
    "VoidGiven": {"store_time": STORE_TIME},
    "Nothing": {},
    "ResumeGiven": {"resume_data": "TS1*eJw=*" + "0" * 32},
    "ReturnGiven": RETURN,
    "ClaimGiven": {
        "member": {"cards": [CARD]},
        "original": {"sale_id": "fuzz", "business_day": DAY},
        "store_time": STORE_TIME,
        "business_day": DAY,
    },
    "ScanGiven": {"code": CARD, "symbology": "ean13", "sale_id": "fuzz"},
    "LookupGiven": {"card": CARD},
    "EnrolGiven": {
        "enrolment_id": "fuzz",
        "card": "2001111111119",
        "symbology": "ean13",
        "phone": "+4915155501010",
        "name": "Anna Meier",
        "email": "a@example.org",
        "birthday": "1987-07-31",
        "language": "de-AT",
        "consents": [{"purpose": "mailing", "granted": True, "text": "1"}],
        "sale_id": "fuzz",
        "store_time": STORE_TIME,
        "business_day": DAY,
    },
    "EventGiven": {"kind": "visit", "member": {"cards": [CARD]}},
}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("shop") / "till"
    folder.mkdir()
    stocked_till(folder)
    with running_agent(folder) as agent:
        agent.sell("fuzz", basket())
        yield agent
        # Nor did one hide behind an answer without benefits.
        assert "Traceback" not in "".join(agent.log), "".join(agent.log)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every node below the root."""
    found = [path] if path else []
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    for key, below in inner:
        found += places(below, (*path, key))
    return found


@st.composite
def bent(draw: st.DrawFn, valid: dict[str, Any]) -> dict[str, Any]:
    """A valid request with up to three of its nodes replaced, removed or doubled."""
    request = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 3))):
        nodes = places(request)
        if not nodes:
            return draw(st.dictionaries(st.text(max_size=8), JSON, min_size=1, max_size=3))
        *above, last = draw(st.sampled_from(nodes))
        holder: Any = request
        for key in above:
            holder = holder[key]
        if isinstance(holder, dict) and draw(st.integers(0, 4)) == 0:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(draw(JSON))
    return request


def asked(agent: Agent, route: ApiRoute, body: bytes) -> None:
    path = route.path.replace("{" + route.path_id + "}", "fuzz")
    reply = agent.call(route.method, path, body)
    assert reply.status < 500, (reply.raw, body)
    answer = reply.json
    if reply.status != 200:
        assert answer["code"], answer
        assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@MANY
@given(data=st.data())
def test_a_bent_request_never_meets_a_bug(
    agent: Agent, route: ApiRoute, data: st.DataObject
) -> None:
    request = data.draw(bent(VALID[route.takes.__name__]))
    asked(agent, route, json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@MANY
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_get_an_answer(agent: Agent, body: bytes) -> None:
    for route in ROUTES[:2]:
        asked(agent, route, body)
