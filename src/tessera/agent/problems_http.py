"""Errors of the local API as problem details (RFC 9457), and the reading of a request's body.

Owns: every problem code a POS can get, with its status and meaning (docs/api.md lists them), and
the limits of a body: size, depth, keys given twice, unknown fields with a proposal.
Must never: put a card number, a phone number or a token into an answer.
"""

import difflib
import json
import re
from dataclasses import dataclass

import msgspec

from tessera.agent.api_shapes import BODY_BYTES_MAX
from tessera.core.errors import TesseraError

MEDIA_TYPE = "application/problem+json"
DEPTH_MAX = 32

# JSON has control characters in texts as escapes only: \\n, \\u0007. An escaped backslash is none.
_CONTROL = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:[bfnrt]|u00[01]|u007[fF])")

OUTCOME_UNKNOWN = "outcome_unknown"

PROBLEMS: dict[str, tuple[int, str]] = {
    "body_too_large": (413, "the body is larger than 256 KiB"),
    "bundle_rejected": (503, "the programme on this register cannot be read"),
    "claim_refused": (409, "this sale has nothing to claim"),
    "claimed_already": (409, "the points of this sale were claimed before"),
    "currency_mismatch": (409, "the basket's currency is not the store's"),
    "database_failing": (503, "the register's database does not take or give data"),
    "disk_full": (507, "there is no room left for a sale"),
    "duplicate_key": (400, "an object names a key twice"),
    "enrolment_refused": (409, "nobody can be enrolled with this card, or not here and now"),
    "field_unknown": (422, "a field is not part of this request"),
    "field_wrong": (422, "a field is missing, of the wrong type or out of bounds"),
    "host_not_allowed": (403, "the Host header is not this agent's"),
    "internal_error": (500, "the agent has a bug; the sale goes on without it"),
    "json_malformed": (400, "the body is no JSON"),
    "lease_short": (409, "this register may not spend as many units any more"),
    "line_twice": (422, "two lines have the same id"),
    "media_type_wrong": (415, "the body is not declared as JSON"),
    "member_unknown": (404, "this register knows no such member"),
    "method_not_allowed": (405, "the address exists, but not with this method"),
    "not_found": (404, "there is no such address"),
    "not_possible": (503, "the register cannot do this now"),
    "origin_not_allowed": (403, "a web page of another origin may not call the agent"),
    "outcome_unknown": (503, "whether it is recorded is unknown; send the same request again"),
    "quantity_wrong": (422, "more comes back than was sold, or less than a whole piece"),
    "quote_mismatch": (409, "the basket, the programme or the member changed since the quote"),
    "receipt_needed": (409, "this shop takes goods back with their receipt only"),
    "resume_data_wrong": (422, "the data of a parked sale cannot be taken up here"),
    "revision_overtaken": (409, "a later revision of this basket is already known"),
    "sale_already_returned": (409, "there is nothing left of the sale to reverse"),
    "sale_completed": (409, "the sale is completed"),
    "sale_conflict": (409, "this id stands for other content"),
    "sale_open": (409, "another sale with this id is open here"),
    "sale_unknown": (404, "this register knows no such sale"),
    "shutting_down": (503, "the agent is about to stop"),
    "token_wrong": (401, "the pairing token is missing or not known"),
}


class ApiProblem(TesseraError):
    """A request that is refused; `code` is one of `PROBLEMS`, `field` the offending one."""

    def __init__(self, code: str, message: str, *, hint: str = "", field: str = "") -> None:
        assert code in PROBLEMS, code
        super().__init__(message, hint=hint, code=code)
        self.field = field

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.code][0]


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error, by RFC 9457 with `code`, `field` and `hint` added."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str = ""
    hint: str = ""


_ENCODER = msgspec.json.Encoder()


def problem_bytes(problem: ApiProblem) -> bytes:
    """The JSON of a problem."""
    status, title = PROBLEMS[problem.code]
    return _ENCODER.encode(
        ProblemDetails(
            type=f"/problems/{problem.code}",
            title=title,
            status=status,
            code=problem.code,
            detail=problem.message,
            field=problem.field,
            hint=problem.hint,
        )
    )


_PATH = re.compile(r" - at `(?P<path>\$[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads the body of one kind of request."""

    kind: type[msgspec.Struct]
    decoder: msgspec.json.Decoder[msgspec.Struct]

    @classmethod
    def of(cls, kind: type[msgspec.Struct]) -> "RequestReader":
        """A reader for requests of this struct."""
        return cls(kind, msgspec.json.Decoder(kind))

    def read(self, body: bytes) -> msgspec.Struct:
        """The request in `body`; ApiProblem for anything that is not exactly one."""
        if len(body) > BODY_BYTES_MAX:
            raise ApiProblem("body_too_large", f"the body has {len(body)} bytes")
        try:
            request = self.decoder.decode(body or b"{}")
        except msgspec.ValidationError as error:
            raise _validation_problem(str(error), self.kind) from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ApiProblem(
                "json_malformed", _plain(str(error)), hint="send one JSON object in UTF-8"
            ) from None
        if b"\\" in body and _CONTROL.search(body):
            raise ApiProblem(
                "field_wrong",
                "a text holds a control character",
                hint="send texts without line ends, tabs and the like",
            )
        _refuse_twice(body)
        return request


def _refuse_twice(body: bytes) -> None:
    """Refuse a key that an object names twice: two readers would take different values."""
    try:
        json.loads(body or b"{}", object_pairs_hook=_pairs)
    except RecursionError:
        raise ApiProblem("json_malformed", "brackets are nested too deeply") from None


def _pairs(pairs: list[tuple[str, object]]) -> int:
    names = {name for name, _ in pairs}
    if len(names) == len(pairs):
        return 0
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise ApiProblem(
                "duplicate_key", f"the key {_short(name)!r} is given twice", field=_short(name)
            )
        seen.add(name)
    return 0


def _validation_problem(text: str, kind: type[msgspec.Struct]) -> ApiProblem:
    """Make a problem of the decoder's message, which ends in the path of the field."""
    path = ""
    if found := _PATH.search(text):
        path, text = found["path"].removeprefix("$").removeprefix("."), text[: found.start()]
    if not (unknown := _UNKNOWN.match(text)):
        return ApiProblem("field_wrong", _plain(text), field=_short(path), hint=_bound_hint(text))
    name = unknown["name"]
    known = _known_fields(kind, path)
    close = difflib.get_close_matches(name[:64], known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    field = f"{path}.{_short(name)}" if path else _short(name)
    return ApiProblem("field_unknown", "there is no such field", field=field, hint=hint)


def _known_fields(kind: type[msgspec.Struct], path: str) -> list[str]:
    """The fields of the object at `path` of a request."""
    here: object = msgspec.inspect.type_info(kind)
    for part in re.findall(r"[A-Za-z_][A-Za-z0-9_]*|\[[^\]]*\]", path):
        here = _without_null(here)
        if part.startswith("["):
            here = getattr(here, "item_type", None) or getattr(here, "value_type", here)
        elif isinstance(here, msgspec.inspect.StructType):
            named = {field.encode_name: field.type for field in here.fields}
            here = named.get(part, here)
    here = _without_null(here)
    if isinstance(here, msgspec.inspect.StructType):
        return [field.encode_name for field in here.fields]
    return []


def _without_null(info: object) -> object:
    if isinstance(info, msgspec.inspect.UnionType):
        return next(kind for kind in info.types if not isinstance(kind, msgspec.inspect.NoneType))
    return info


def _bound_hint(text: str) -> str:
    if "float" in text:
        return "money is a whole number of minor units; quantities, prices and rates are text"
    if "matching regex" in text:
        return "write the value as the API document describes it (/v1/openapi.json)"
    if "timezone" in text or "RFC3339" in text:
        return "write a time with its offset: 2026-11-21T10:15:00+01:00"
    return "/v1/openapi.json says what each field may hold"


def _plain(text: str) -> str:
    text = text.replace("`", "'")[:300]
    # An abbreviation at the beginning stays as it is.
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"
