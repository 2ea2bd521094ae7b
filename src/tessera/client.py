"""A Python client of the agent's local API, for POS software and scripts.

    with AgentClient("http://127.0.0.1:8440", token) as agent:
        quote = agent.put_sale("000123", basket)
        agent.complete("000123", basket, quote, tenders=[{"kind": "cash", "amount_minor": 450}])

Owns: short timeouts, the repeat of a write whose answer was lost, and errors as values that a POS
can act on. Requests and answers are the JSON of docs/api.md as plain dictionaries. Must never: keep
the sale waiting: a POS catches `NoAnswer`, goes on without benefits and calls `late` later.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote as quoted

import httpx

from tessera.core.errors import TesseraError

Json = dict[str, Any]
QUOTE_S_MAX = 0.5
"""The agent prices within 50 ms; what takes ten times as long is not coming."""
WRITE_S_MAX = 5.0
_EVENTS_S_MAX = 60.0
_LINE_BYTES_MAX = 4_000_000


class NoAnswer(TesseraError):
    """The agent could not be reached, did not answer in time, or met a fault: go on without it."""

    code = "no_answer"


class Refused(TesseraError):
    """The agent refused the request; `problem` is its answer (RFC 9457), `status` HTTP's."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(
            str(problem.get("detail", f"status {status}")),
            hint=str(problem.get("hint", "")),
            code=str(problem.get("code", "")),
        )
        self.status = status
        self.problem = problem


class AgentClient:
    """One paired POS. Not for several threads at once: a POS makes one call after the other."""

    def __init__(self, url: str, token: str, *, quote_s_max: float = QUOTE_S_MAX) -> None:
        self._quote_s_max = quote_s_max
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    # -- a sale

    def put_sale(self, sale_id: str, basket: Mapping[str, Any]) -> Json:
        """The whole basket as it stands; its quote."""
        return self._call("PUT", f"/v1/sales/{_part(sale_id)}", basket, self._quote_s_max)

    def quote(self, basket: Mapping[str, Any]) -> Json:
        """A quote that leaves nothing behind."""
        return self._call("POST", "/v1/quote", basket, self._quote_s_max)

    def complete(
        self,
        sale_id: str,
        basket: Mapping[str, Any],
        quote: Mapping[str, Any],
        *,
        tenders: Sequence[Mapping[str, Any]],
        rounding_minor: int = 0,
    ) -> Json:
        """Complete a quoted sale that was paid in full; the recorded answer.

        A lost answer is asked for again; the agent knows the repeat by the sale's id.
        """
        completion = {
            **basket,
            "quote_id": quote["quote_id"],
            "tenders": list(tenders),
            "total_taken_minor": quote["totals"]["due_minor"] + rounding_minor,
            "rounding_minor": rounding_minor,
        }
        return self._write(f"/v1/sales/{_part(sale_id)}/complete", completion)

    def late(
        self,
        sale_id: str,
        basket: Mapping[str, Any],
        *,
        tenders: Sequence[Mapping[str, Any]],
        total_taken_minor: int,
        quote_id: str | None = None,
    ) -> Json:
        """Report a sale that was finished without an answer of the agent."""
        report = {**basket, "tenders": list(tenders), "total_taken_minor": total_taken_minor}
        if quote_id is not None:
            report["quote_id"] = quote_id
        return self._write(f"/v1/sales/{_part(sale_id)}/late", report)

    def void(self, sale_id: str) -> Json:
        """Reverse a completed sale as a whole."""
        return self._write(f"/v1/sales/{_part(sale_id)}/void", {})

    def suspend(self, sale_id: str) -> Json:
        """Park an open sale; `resume_data` of the answer takes it to another register."""
        return self._write(f"/v1/sales/{_part(sale_id)}/suspend", {})

    def resume(self, sale_id: str, *, resume_data: str | None = None) -> Json:
        """Go on with a parked sale, here or by its `resume_data`; its quote as of now."""
        given = {} if resume_data is None else {"resume_data": resume_data}
        return self._write(f"/v1/sales/{_part(sale_id)}/resume", given)

    def cancel(self, sale_id: str) -> Json:
        """Stop a sale before completion."""
        return self._write(f"/v1/sales/{_part(sale_id)}/cancel", {})

    def receipt(self, sale_id: str) -> Json:
        """A recorded sale as its receipt may carry it, for a return at another register."""
        return self._write(f"/v1/sales/{_part(sale_id)}/receipt", {})

    def return_lines(
        self,
        return_id: str,
        *,
        lines: Sequence[Mapping[str, Any]],
        original: Mapping[str, Any] | None = None,
        receipt_data: str | None = None,
    ) -> Json:
        """Take lines of an earlier sale back: `lines` are id and quantity.

        `original` names a sale of this register, `receipt_data` carries one of any other.
        """
        request: Json = {"lines": list(lines)}
        if original is not None:
            request["original"] = dict(original)
        if receipt_data is not None:
            request["receipt_data"] = receipt_data
        return self._write(f"/v1/returns/{_part(return_id)}", request)

    def return_goods(
        self,
        return_id: str,
        *,
        goods: Sequence[Mapping[str, Any]],
        member: Mapping[str, Any] | None = None,
    ) -> Json:
        """Take goods back without a receipt: lines as in a basket, at what they cost now."""
        request = {"goods": list(goods), "member": None if member is None else dict(member)}
        return self._write(f"/v1/returns/{_part(return_id)}", request)

    def claim(
        self,
        claim_id: str,
        *,
        member: Mapping[str, Any],
        receipt_code: str | None = None,
        original: Mapping[str, Any] | None = None,
    ) -> Json:
        """A forgotten card: the points of a past sale, by its receipt's code or its id here."""
        request = {
            "member": dict(member),
            "receipt_code": receipt_code,
            "original": None if original is None else dict(original),
        }
        return self._write(f"/v1/claims/{_part(claim_id)}", request)

    # -- recognising, and the rest

    def scan(self, code: str, *, symbology: str = "", sale_id: str | None = None) -> Json:
        """What a code of the POS's own scanner is."""
        request = {"code": code, "symbology": symbology, "sale_id": sale_id}
        return self._call("POST", "/v1/scans", request, self._quote_s_max)

    def look_up(self, *, card: str | None = None, phone: str | None = None) -> Json:
        """The member behind a card or a phone number."""
        request = {"card": card, "phone": phone}
        return self._call("POST", "/v1/members/lookup", request, self._quote_s_max)

    def enrol(
        self,
        enrolment_id: str,
        *,
        card: str | None = None,
        sale_id: str | None = None,
        replaces: Mapping[str, Any] | None = None,
        person: Mapping[str, Any] | None = None,
    ) -> Json:
        """A new member, known from now on.

        `person`: phone, name, email, birthday, language, consents, as far as they were given. With
        `replaces` (card or member_id) a known member's new card.
        """
        request: Json = {"enrolment_id": enrolment_id, "card": card, "sale_id": sale_id}
        request |= dict(person or {})
        if replaces is not None:
            request["replaces"] = dict(replaces)
        return self._write("/v1/members", request)

    def event(self, event_id: str, *, kind: str, member: Mapping[str, Any]) -> Json:
        """Something that is no purchase."""
        request = {"kind": kind, "member": dict(member)}
        return self._write(f"/v1/events/{_part(event_id)}", request)

    def status(self) -> Json:
        """How the agent is."""
        return self._call("GET", "/v1/status", None, WRITE_S_MAX)

    def events(self, *, last_id: int | None = None) -> Iterator[Json]:
        """Events after `last_id` (without it: new ones), until the agent ends the stream.

        Call again with the last event's `id` to go on; what came meanwhile is given first.
        """
        headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
        try:
            with self._http.stream(
                "GET", "/v1/events", headers=headers, timeout=_EVENTS_S_MAX
            ) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    _read(answer)
                for line in _lines(answer):
                    if line.startswith(b"data: "):
                        yield _object(line[6:])
        except httpx.HTTPError as error:
            raise _no_answer(error) from error

    def _write(self, path: str, body: Mapping[str, Any]) -> Json:
        try:
            return self._call("POST", path, body, WRITE_S_MAX)
        except NoAnswer:
            # Whether it was done is unknown; the id makes a repeat harmless.
            return self._call("POST", path, body, WRITE_S_MAX)

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout_s: float
    ) -> Json:
        try:
            answer = self._http.request(method, path, json=body, timeout=timeout_s)
        except httpx.HTTPError as error:
            raise _no_answer(error) from error
        return _read(answer)


def _part(name: str) -> str:
    """An id as a part of an address."""
    return quoted(name, safe=":._-/")


def _no_answer(error: Exception) -> NoAnswer:
    return NoAnswer(
        f"the agent did not answer: {str(error) or type(error).__name__}",
        hint="go on without benefits and report the sale late; tessera agent status tells more",
    )


def _lines(answer: httpx.Response) -> Iterator[bytes]:
    """The lines of a stream. Only a line feed ends one: a text may hold what Unicode calls one."""
    rest = b""
    for piece in answer.iter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > _LINE_BYTES_MAX:
            raise NoAnswer(f"the agent sent a line of more than {_LINE_BYTES_MAX} bytes")
        yield from whole


def _object(text: bytes) -> Json:
    """One JSON object; what else comes is no answer of an agent, as from a wrong port."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_answer(error) from error
    if not isinstance(content, dict):
        raise _no_answer(ValueError(f"{type(content).__name__} in place of an object"))
    return content


def _read(answer: httpx.Response) -> Json:
    content = _object(answer.content)
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise NoAnswer(
            f"the agent could not do it: {content.get('detail', answer.status_code)}",
            hint=str(content.get("hint", "")),
        )
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        raise Refused(answer.status_code, content)
    return content
