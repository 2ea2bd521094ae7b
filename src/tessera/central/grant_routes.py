"""The route by which registers present their grants again. Wiring only.

Must never: decide what a grant is worth; `presenting` does.
"""

from collections.abc import Callable

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tessera.central import gate
from tessera.central.bodies import bounded_body, json_answer, read_as
from tessera.central.log import note
from tessera.central.opening import Central
from tessera.central.presenting import present
from tessera.central.worker import Worker
from tessera.store.central.register_book import RegisterRow
from tessera.sync.grant_wire import PresentAnswer, PresentRequest
from tessera.sync.signing import RequestSignature

BODY_MAX = 131_072
Signer = Callable[[sa.Connection, Request, bytes], tuple[RegisterRow, RequestSignature]]


class GrantRoutes:
    """Presented grants over one open central. `signer` tells who signed a request."""

    def __init__(self, central: Central, worker: Worker, *, signer: Signer) -> None:
        self._central = central
        self._worker = worker
        self._signer = signer

    async def present(self, request: Request) -> Response:
        """Take in a page of grants."""
        raw = await bounded_body(request, BODY_MAX)
        asked = read_as(raw, PresentRequest)

        def work() -> PresentAnswer:
            with self._worker.turns.first():
                with self._central.engines.writer.begin() as tx:
                    register, parts = self._signer(tx, request, raw)
                    gate.admit_once(tx, parts, now_ms=self._central.now_ms())
                return present(self._central, register, asked, incarnation=parts.incarnation)

        answer = await run_in_threadpool(work)
        if answer.taken_back:
            note("leases taken back that their register does not hold", units=answer.taken_back)
        self._worker.kick()
        return json_answer(answer)
