"""What a POS, a web page or a stranger may send that is wrong: never a 500, always what to do."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.agent import CARD, Agent, basket, milk, running_agent, stocked_till

QUOTE = "/v1/quote"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("shop") / "till"
    folder.mkdir()
    stocked_till(folder)
    with running_agent(folder) as agent:
        yield agent


def refused(agent: Agent, body: Any, path: str = QUOTE, method: str = "POST") -> dict[str, Any]:
    reply = agent.call(method, path, body)
    assert reply.headers["content-type"] == "application/problem+json", reply.raw
    problem: dict[str, Any] = reply.json
    assert problem["status"] == reply.status
    return problem


def with_line(**fields: Any) -> dict[str, Any]:
    return basket({**milk(), **fields})


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "1e999999", "500.0", "5e2", "1" * 400, "true", '"5"']
)
def test_an_amount_that_is_no_whole_number_is_refused(agent: Agent, amount: str) -> None:
    raw = json.dumps(with_line(amount_minor=12345)).replace("12345", amount).encode()
    problem = refused(agent, raw)
    assert problem["code"] in {"field_wrong", "json_malformed"}
    assert problem["status"] in {400, 422}


@pytest.mark.parametrize(
    "quantity", ["NaN", "Infinity", "1e999999", "-1", "0", "0.000", "1,5", "1 ", "1\n", "", "٣"]
)
def test_a_quantity_that_is_no_plain_decimal_is_refused(agent: Agent, quantity: str) -> None:
    problem = refused(agent, with_line(quantity=quantity, measure="kg"))
    assert (problem["code"], problem["field"]) == ("field_wrong", "lines[0].quantity")


def test_half_a_piece_is_refused_but_half_a_kilogram_is_not(agent: Agent) -> None:
    problem = refused(agent, with_line(quantity="0.5"))
    assert (problem["code"], problem["field"]) == ("quantity_wrong", "lines[0].quantity")
    assert agent.call("POST", QUOTE, with_line(quantity="0.5", measure="kg")).status == 200


def test_an_amount_beyond_all_bounds_is_refused(agent: Agent) -> None:
    assert refused(agent, with_line(amount_minor=10**12))["field"] == "lines[0].amount_minor"


def test_a_misspelt_field_gets_the_name_that_was_meant(agent: Agent) -> None:
    problem = refused(agent, with_line(quantitty="1"))
    assert (problem["code"], problem["field"]) == ("field_unknown", "lines[0].quantitty")
    assert problem["hint"] == "did you mean quantity?"


def test_a_missing_field_is_named(agent: Agent) -> None:
    problem = refused(agent, {"lines": [{"id": "1"}]})
    assert problem["code"] == "field_wrong"
    assert "amount_minor" in problem["detail"]


def test_a_key_that_stands_twice_is_refused(agent: Agent) -> None:
    problem = refused(agent, b'{"lines": [], "lines": []}')
    assert (problem["code"], problem["field"]) == ("duplicate_key", "lines")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"lines": [{"id": "\\ud800", "amount_minor": 1}]}',
        b'{"lines":' * 5_000,
        b"[" * 100_000,
        b'{"member":' + b"[" * 50_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_body_that_is_no_basket_is_refused(agent: Agent, raw: bytes) -> None:
    assert refused(agent, raw)["status"] in {400, 422}


def test_a_body_that_is_too_long_is_refused(agent: Agent) -> None:
    assert refused(agent, b" " * 300_000)["code"] == "body_too_large"


def test_too_many_lines_are_refused_and_a_thousand_are_not(agent: Agent) -> None:
    lines = [{"id": str(n), "amount_minor": 1} for n in range(1_001)]
    assert refused(agent, basket(*lines))["field"] == "lines"
    assert agent.call("POST", QUOTE, basket(*lines[:1_000])).status == 200


def test_another_media_type_is_refused(agent: Agent) -> None:
    reply = agent.call("POST", QUOTE, basket(), headers={"Content-Type": "text/plain"})
    assert (reply.status, reply.json["code"]) == (415, "media_type_wrong")


def test_a_line_id_twice_and_another_currency_are_refused(agent: Agent) -> None:
    assert refused(agent, basket(milk("1"), milk("1")))["code"] == "line_twice"
    assert refused(agent, {**basket(), "currency": "USD"})["code"] == "currency_mismatch"


@pytest.mark.parametrize(
    "time", ["2026-11-21T10:15:00", "yesterday", "2026-13-01T00:00:00Z", "1999-01-01T00:00:00Z", 5]
)
def test_a_time_without_offset_or_of_another_age_is_refused(agent: Agent, time: object) -> None:
    assert refused(agent, {**basket(), "store_time": time})["field"] == "store_time"


def test_a_business_day_far_from_the_sale_is_refused(agent: Agent) -> None:
    assert refused(agent, {**basket(), "business_day": "2020-01-01"})["field"] == "business_day"


@pytest.mark.parametrize("sale_id", ["%00", "a%20b", "%2e%2e", "x" * 65, "%F0%9F%98%80", "-"])
def test_an_id_that_is_none_is_refused(agent: Agent, sale_id: str) -> None:
    problem = refused(agent, basket(), f"/v1/sales/{sale_id}", "PUT")
    assert (problem["code"], problem["field"]) == ("field_wrong", "sale_id")


@pytest.mark.parametrize(
    "token", ["", "Bearer", "Bearer wrong", "Basic abc", "Bearer " + "x" * 500]
)
def test_a_wrong_token_is_refused_without_saying_more(agent: Agent, token: str) -> None:
    reply = agent.call("POST", QUOTE, basket(), headers={"Authorization": token})
    assert (reply.status, reply.json["code"]) == (401, "token_wrong")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_is_refused(agent: Agent, origin: str) -> None:
    reply = agent.call("POST", QUOTE, basket(), headers={"Origin": origin})
    assert (reply.status, reply.json["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil.example:8440", ""])
def test_another_name_for_the_agent_is_refused(agent: Agent, host: str) -> None:
    """A page whose name was made to point at this machine sends its own name."""
    reply = agent.call("POST", QUOTE, basket(), headers={"Host": host})
    assert (reply.status, reply.json["code"]) == (403, "host_not_allowed")


def test_the_tokenless_addresses_tell_nothing_about_members(agent: Agent) -> None:
    agent.sell("told-1", basket())
    for path in ("/healthz", "/metrics", "/v1/openapi.json"):
        reply = agent.call("GET", path, headers={"Authorization": ""})
        assert reply.status == 200
        assert b"A. M." not in reply.raw
        assert CARD.encode() not in reply.raw


def test_no_card_number_and_no_token_reaches_the_log(agent: Agent) -> None:
    agent.call("POST", "/v1/scans", {"code": CARD})
    agent.call("PUT", f"/v1/sales/{CARD}", basket(points=100))
    agent.call("POST", QUOTE, {**basket(), "card": CARD})
    told = "".join(agent.log)
    assert CARD not in told
    assert agent.token not in told
