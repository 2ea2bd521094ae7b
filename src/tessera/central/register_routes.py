"""The routes by which a register becomes known, and stays so. Wiring only.

Must never: decide who may have a certificate; `enrol` and `renewing` do.
"""

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tessera.central.bodies import SMALL_BODY_MAX, bounded_body, json_answer, read_as
from tessera.central.enrol import enrol
from tessera.central.log import note
from tessera.central.opening import Central
from tessera.central.programmes import announce_current
from tessera.central.renewing import renew
from tessera.central.worker import Worker
from tessera.store.central import register_book
from tessera.sync.signing import REQUEST_HEADER
from tessera.sync.wire import EnrolAnswer, EnrolRequest, RenewAnswer, RenewRequest


class RegisterRoutes:
    """Enrolment and certificates over one open central."""

    def __init__(self, central: Central, worker: Worker) -> None:
        self._central = central
        self._worker = worker

    async def enrol(self, request: Request) -> Response:
        """Turn a one-time code into a register."""
        body = read_as(await bounded_body(request, SMALL_BODY_MAX), EnrolRequest)

        def work() -> EnrolAnswer:
            answer = enrol(self._central, body)
            with self._central.engines.writer.begin() as tx:
                register_id = json.loads(answer.certificate)["register"]
                register = register_book.read_register(tx, register_id)
                assert register is not None
                announce_current(tx, self._central, register.store_id)
            note("register enrolled", register=register_id)
            return answer

        answer = await run_in_threadpool(work)
        self._worker.kick()
        return json_answer(answer)

    async def certificate(self, request: Request) -> Response:
        """Renew a register's certificate."""
        raw = await bounded_body(request, SMALL_BODY_MAX)
        body = read_as(raw, RenewRequest)

        def work() -> RenewAnswer:
            header = request.headers.get(REQUEST_HEADER, "")
            with self._worker.turns.first():
                answer = renew(self._central, body, header=header, content=raw)
            told = json.loads(answer.certificate)
            note("certificate given", register=told["register"], serial=told["serial"])
            return answer

        answer = await run_in_threadpool(work)
        self._worker.kick()
        return json_answer(answer)
