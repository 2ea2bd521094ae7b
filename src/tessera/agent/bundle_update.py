"""A programme to this register: fetched, checked, parsed here, kept, activated between sales.

Owns: the steps from a signed assignment to an active bundle. Must never: activate a text that this
till does not understand wholly, or drop the last good one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.agent.sync_push import WriteRunner
from tessera.agent.sync_status import LineState
from tessera.core.errors import Problem, TesseraError, has_errors
from tessera.store.engine import Engines
from tessera.store.till import kept_bundles
from tessera.store.till.values import Assignment, KeptBundle
from tessera.sync.link import CentralLink, CentralRefused
from tessera.sync.trust import check_content

Parse = Callable[[str, str], list[Problem]]
"""Parses a programme's text under a file name and gives what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """Where the seeds of instant wins go.

    `announced` gives the hash of a seed that a text announces, "" for none; `keep` keeps a
    bundle's seed as central gave it, False when it is not the announced one.
    """

    announced: Callable[[str], str] = lambda _text: ""
    keep: Callable[[str, str, bytes], bool] = lambda _bundle, _announced, _raw: False


class BundleRejected(TesseraError):
    """A bundle that this till will not run; it goes on with its last good one."""

    code = "bundle_rejected"


class BundleUpdate:
    """Brings the assigned bundle in."""

    def __init__(
        self,
        *,
        engines: Engines,
        writer: WriteRunner,
        line: LineState,
        parse: Parse,
        now_ms: Callable[[], int],
        seeds: Seeds,
    ) -> None:
        self._engines = engines
        self._writer = writer
        self._line = line
        self._parse = parse
        self._now_ms = now_ms
        self._seeds = seeds
        self._one_at_a_time = asyncio.Lock()
        # The bundle that was rejected, and the number of its assignment.
        self._refused = ("", 0)

    async def step(self, link: CentralLink) -> None:
        """Fetch the assigned bundle if it is not here, and activate it once its time has come.

        Raises the CentralError of a failed fetch, or a TrustRefused for other bytes than were
        assigned; a rejected bundle is told and not asked for again until one is assigned anew or
        the agent starts anew.
        """
        async with self._one_at_a_time:
            await self._step(link)

    async def _step(self, link: CentralLink) -> None:
        wanted, active, kept = self._read()
        if wanted is None or (wanted.bundle, wanted.number) == self._refused:
            return
        if active is not None and (active.hash, active.number) == (wanted.bundle, wanted.number):
            return
        if not kept:
            raw = await link.bundle(wanted.bundle, size=wanted.size)
            try:
                # In a thread: thousands of offers take seconds, and no quote waits for that.
                text = await asyncio.to_thread(checked_bundle, raw, wanted, self._parse)
            except BundleRejected as error:
                self._refused = (wanted.bundle, wanted.number)
                self._line.tell("bundle_refused", error.message)
                return
            if not await self._has_seed(link, wanted, text):
                return
            await self._write(
                lambda tx: kept_bundles.keep(
                    tx, KeptBundle(hash=wanted.bundle, text=text, number=wanted.number)
                )
            )
        if self._now_ms() >= wanted.active_from_ms:
            await self._write(lambda tx: _activate(tx, wanted))
            self._line.tell("bundle", wanted.bundle)

    async def _has_seed(self, link: CentralLink, wanted: Assignment, text: str) -> bool:
        """Whether what the bundle draws by is here: fetched and kept before the bundle is."""
        bundle = wanted.bundle
        announced = await asyncio.to_thread(self._seeds.announced, text)
        if not announced:
            return True
        try:
            raw = await link.seed(bundle)
            reason = "" if self._seeds.keep(bundle, announced, raw) else "it is another"
        except CentralRefused as error:
            reason = error.message
        if reason:
            self._refused = (bundle, wanted.number)
            self._line.tell(
                "bundle_refused", f"bundle {bundle[:12]}: its seed is missing: {reason}"
            )
        return not reason

    def _read(self) -> tuple[Assignment | None, KeptBundle | None, bool]:
        with self._engines.reader.connect() as connection:
            wanted = kept_bundles.read_assignment(connection)
            kept = wanted is not None and kept_bundles.find(connection, wanted.bundle) is not None
            return wanted, kept_bundles.active(connection), kept

    async def _write(self, work: Callable[[sa.Connection], None]) -> None:
        await self._writer.run(work)


def _activate(tx: sa.Connection, wanted: Assignment) -> None:
    kept = kept_bundles.find(tx, wanted.bundle)
    assert kept is not None
    kept_bundles.keep(tx, KeptBundle(hash=kept.hash, text=kept.text, number=wanted.number))
    kept_bundles.activate(tx, wanted.bundle)


def checked_bundle(raw: bytes, wanted: Assignment, parse: Parse) -> str:
    """The text of a bundle that is what was assigned and that this till understands.

    BundleRejected names the first thing that is wrong. TrustRefused: these are not the bytes that
    were assigned, so nothing is known about those; they are asked for again.
    """
    name = f"bundle {wanted.bundle[:12]}"
    check_content(name, raw, size=wanted.size, digest=wanted.bundle)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BundleRejected(f"{name}: it is no UTF-8 text") from error
    problems = parse(text, name)
    if has_errors(problems):
        first = next(one for one in problems if one.severity == "error")
        raise BundleRejected(
            f"{first.render()} ({len(problems)} in all)",
            hint="run `tessera programme check` with this release before publishing",
        )
    return text
