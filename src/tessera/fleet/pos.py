"""A cash register's software as a program: it calls the agent's local API like any POS would.

Owns: building requests and timing the answers. Must never: know anything but HTTP and JSON.
"""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from tessera.core.errors import TesseraError

Json = dict[str, Any]


class NoAnswer(TesseraError):
    """The agent did not answer: it is not there, or it died before it could."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the local API and how long it took."""

    status: int
    body: Json
    took_ms: float

    @property
    def is_fine(self) -> bool:
        """Whether the agent did what was asked."""
        return self.status < http.client.BAD_REQUEST


def goods(line_id: str, *, sku: str, each_minor: int, quantity: int = 1, category: str) -> Json:
    """One line of goods at 19 % tax included."""
    return {
        "id": line_id,
        "kind": "goods",
        "sku": sku,
        "quantity": str(quantity),
        "unit_price": f"{each_minor // 100}.{each_minor % 100:02}",
        "amount_minor": each_minor * quantity,
        "taxes": [{"code": "A", "rate": "0.19", "included": True}],
        "categories": [category],
    }


@dataclass(frozen=True, slots=True)
class Pos:
    """A POS that was paired with the agent at `port` and holds its `token`."""

    port: int
    token: str
    business_day: str
    store_time: str
    timeout_s: float = 10.0

    def basket(self, lines: list[Json], *, cards: list[str], points: int = 0) -> Json:
        """A basket in the shape of the API; `points`: how many the member wishes to spend."""
        return {
            "store_time": self.store_time,
            "business_day": self.business_day,
            "currency": "EUR",
            "member": {"cards": cards},
            "redemptions": [{"unit": "points", "amount": points}] if points else [],
            "lines": lines,
        }

    def quote(self, sale_id: str, basket: Json, *, revision: int = 1) -> Answer:
        """Put the basket as it stands."""
        return self.call("PUT", f"/v1/sales/{sale_id}", {**basket, "revision": revision})

    def complete(self, sale_id: str, basket: Json, quote: Json, *, revision: int = 1) -> Answer:
        """Pay the whole amount in cash and complete the sale."""
        due_minor = quote["totals"]["due_minor"]
        payment = {
            "quote_id": quote["quote_id"],
            "tenders": [{"kind": "cash", "amount_minor": due_minor}],
            "total_taken_minor": due_minor,
        }
        return self.call(
            "POST",
            f"/v1/sales/{sale_id}/complete",
            {**basket, "revision": revision, **payment},
        )

    def return_lines(self, return_id: str, *, sale_id: str, lines: dict[str, str]) -> Answer:
        """Bring back quantities of lines of an earlier sale."""
        return self.call(
            "POST",
            f"/v1/returns/{return_id}",
            {
                "store_time": self.store_time,
                "business_day": self.business_day,
                "original": {"sale_id": sale_id, "business_day": self.business_day},
                "lines": [{"id": name, "quantity": much} for name, much in lines.items()],
            },
        )

    def lookup(self, card: str) -> Answer:
        """Ask who a card is."""
        return self.call("POST", "/v1/members/lookup", {"card": card})

    def status(self) -> Json:
        """Ask the agent how it is."""
        return self.call("GET", "/v1/status").body

    def call(self, method: str, path: str, body: Json | None = None) -> Answer:
        """One request on a connection of its own; NoAnswer when the agent is gone."""
        content = b"" if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
        started = time.perf_counter()
        try:
            connection.request(
                method,
                path,
                content,
                {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(
                f"{method} {path} got no answer: {error}", hint="is the agent running?"
            ) from error
        finally:
            connection.close()
        took_ms = (time.perf_counter() - started) * 1000
        return Answer(response.status, json.loads(raw), took_ms)
