"""The OpenAPI 3.1 document of the local API, made from the structs and the table of routes.

Owns: its shape. Must never: describe anything that is not served; it is built when it is asked for.
"""

import json
from functools import cache
from typing import Any

import msgspec

from tessera import __version__
from tessera.agent.api_answers import StatusAnswer
from tessera.agent.pos_api import ROUTES, ApiRoute
from tessera.agent.pos_api_hw_proxy import PollAnswer, PollGiven
from tessera.agent.problems_http import MEDIA_TYPE, PROBLEMS, ProblemDetails

COMMON_PROBLEMS = (
    "body_too_large",
    "duplicate_key",
    "field_unknown",
    "field_wrong",
    "host_not_allowed",
    "internal_error",
    "json_malformed",
    "media_type_wrong",
    "not_possible",
    "origin_not_allowed",
    "token_wrong",
)
_REFERENCE = "#/components/schemas/{name}"


@cache
def openapi_bytes() -> bytes:
    """The document as JSON."""
    return json.dumps(openapi_document(), ensure_ascii=False).encode()


def openapi_document() -> dict[str, Any]:
    """The document."""
    structs = {kind for route in ROUTES for kind in (route.takes, route.gives)}
    ordered = sorted(
        {*structs, PollGiven, PollAnswer, StatusAnswer, ProblemDetails},
        key=lambda kind: kind.__name__,
    )
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths |= _told_paths()
    paths["/hw_proxy/scanner"] = {"post": _poll_operation()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tessera agent",
            "version": __version__,
            "summary": "The local API of the loyalty agent on a register.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"pairing": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "pairing": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that `tessera agent pair` printed.",
                }
            },
        },
    }


def _operation(route: ApiRoute) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.verb.__name__.strip("_"),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _reference(route.takes)}},
        },
        "responses": {
            "200": {
                "description": "done",
                "content": {"application/json": {"schema": _reference(route.gives)}},
            },
            **_problem_responses((*COMMON_PROBLEMS, *route.problems)),
        },
    }
    if route.path_id:
        operation["parameters"] = [
            {
                "name": route.path_id,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$"},
            }
        ]
    return operation


def _poll_operation() -> dict[str, Any]:
    """The poll of a web POS, which may come without a token from a configured origin."""
    return {
        "summary": "The next code from this register's readers that is not Tessera's (JSON-RPC).",
        "operationId": "poll_scanner",
        "security": [{"pairing": []}, {}],
        "requestBody": {"content": {"application/json": {"schema": _reference(PollGiven)}}},
        "responses": {
            "200": {
                "description": "a code, or an empty result when none came in five seconds",
                "content": {"application/json": {"schema": _reference(PollAnswer)}},
            },
            **_problem_responses(COMMON_PROBLEMS),
        },
    }


def _problem_responses(codes: tuple[str, ...]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(PROBLEMS[code][0], []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"{code}: {PROBLEMS[code][1]}" for code in found),
            "content": {MEDIA_TYPE: {"schema": _reference(ProblemDetails)}},
        }
        for status, found in sorted(by_status.items())
    }


def _reference(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _told_paths() -> dict[str, Any]:
    """The addresses that only tell."""

    def told(summary: str, media_type: str, schema: dict[str, Any], *, is_open: bool) -> Any:  # noqa: ANN401
        operation: dict[str, Any] = {
            "summary": summary,
            "responses": {
                "200": {"description": "done", "content": {media_type: {"schema": schema}}},
                **_problem_responses(
                    ("host_not_allowed", "origin_not_allowed")
                    if is_open
                    else ("host_not_allowed", "origin_not_allowed", "token_wrong")
                ),
            },
        }
        if is_open:
            operation["security"] = []
        return {"get": operation}

    text = {"type": "string"}
    events = told(
        "Events as they happen, with ids; Last-Event-ID gives what was missed.",
        "text/event-stream",
        text,
        is_open=False,
    )
    events["get"]["parameters"] = [
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}
    ]
    return {
        "/v1/events": events,
        "/v1/status": told(
            "How the agent is.", "application/json", _reference(StatusAnswer), is_open=False
        ),
        "/v1/openapi.json": told(
            "This document.", "application/json", {"type": "object"}, is_open=True
        ),
        "/v1/client.js": told(
            "A client of this API for web POSs, as an ES module.",
            "text/javascript",
            text,
            is_open=True,
        ),
        "/healthz": told("Answers while the agent serves.", "text/plain", text, is_open=True),
        "/metrics": told("Figures for Prometheus.", "text/plain", text, is_open=True),
    }
