"""What is served is documented: routes, problems, notices; the OpenAPI document holds together."""

import re

import pytest

from tessera.agent.notices import NOTICES
from tessera.agent.openapi import openapi_document
from tessera.agent.pos_api import ROUTES, ApiRoute
from tessera.agent.problems_http import PROBLEMS
from tests.house.tree import ROOT

TEXT = (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_of_the_table_is_documented(route: ApiRoute) -> None:
    assert f"`{route.method} {route.path}`" in TEXT


def test_every_problem_and_notice_is_documented() -> None:
    missing = [code for code in (*PROBLEMS, *NOTICES) if f"| `{code}` |" not in TEXT]
    assert missing == []


def test_the_document_describes_every_route_and_refers_to_nothing_that_is_missing() -> None:
    document = openapi_document()
    for route in ROUTES:
        assert route.method.lower() in document["paths"][route.path]
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert referred <= set(document["components"]["schemas"])


def test_every_decimal_in_the_document_is_text() -> None:
    """A reader that turns numbers into floats can then do no harm."""
    assert "'type': 'number'" not in str(openapi_document())
