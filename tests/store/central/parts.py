"""Central, open on a database of its own, and what tests do with it in one line."""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa

from tessera.central import gate, ingest
from tessera.central.apply import apply_waiting
from tessera.central.enrol import add_register, enrol
from tessera.central.granting import grant_put_off
from tessera.central.inspection import member_state
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central, opened
from tessera.central.programmes import release_programme
from tessera.central.publish import publish_waiting
from tessera.central.settings import CentralSettings, DatabaseSettings, RecheckSettings
from tessera.central.verify import Difference, Tally, verify
from tessera.store.central import feed, register_book
from tessera.sync.feed_wire import FeedRow, SegmentBody
from tessera.sync.wire import BatchAnswer, EnrolAnswer, EnrolRequest
from tests.store.central.scripted_till import SignedBatch, Till

NOW_MS = 1_763_712_345_678


def settings_for(
    url: str, folder: Path, *, spans_buckets: bool = True, lease_cap: int = 1_000
) -> CentralSettings:
    """Settings of a central that prices nothing again: a scripted till's quotes are made up."""
    return CentralSettings(
        recheck=RecheckSettings(one_in=0),
        data_dir=folder / "central",
        database=DatabaseSettings(url=url, spans_buckets=spans_buckets),
        lease_cap=lease_cap,
    )


@contextmanager
def central_on(settings: CentralSettings, *, seed: int = 7) -> Iterator[Central]:
    """Central with a clock that ticks by the millisecond and chance that repeats."""
    chance = random.Random(seed)
    ticks = itertools.count(NOW_MS)
    with opened(settings, random=chance.randbytes, now_ms=lambda: next(ticks)) as central:
        yield central


def enrolled(central: Central, till: Till) -> EnrolAnswer:
    code = add_register(central, store_id=till.store, register_id=till.register)
    return enrol(
        central,
        EnrolRequest(code=code, public_key=till.key.public.hex(), incarnation=till.incarnation),
    )


def member(central: Central, member_id: str, *, store: str = "berlin-1", points: int = 0) -> str:
    opening = {"points": points} if points else {}
    add_members(central, [NewMember(member_id=member_id, home_store=store, opening=opening)])
    return member_id


def released(central: Central, programme: str, *stores: str) -> str:
    """Release a programme, to all stores or some; its bundle's hash."""
    release, problems = release_programme(central, programme, file="p.yaml", stores=stores)
    assert release is not None, problems
    return release.bundle


def accept(central: Central, batch: SignedBatch) -> BatchAnswer:
    """What the route does with a batch, but for the request's own signature."""
    with central.engines.reader.begin() as tx:
        register = register_book.read_register(tx, batch.head.register)
    assert register is not None
    parcel = ingest.read_parcel(
        head_text=batch.head_text,
        signature_text=batch.signature_text,
        body=batch.body,
        register=register,
        keys=gate.accepted_keys(register, NOW_MS),
    )
    reading = ingest.read_payload(parcel)
    with central.engines.writer.begin() as tx:
        return ingest.store_parcel(
            tx, parcel, reading, generation=central.state().generation, now_ms=central.now_ms()
        )


def book(central: Central) -> None:
    """Book and publish until nothing waits."""
    spans = central.settings.database.spans_buckets
    while apply_waiting(central.engines.writer, central.desk(), spans_buckets=spans):
        pass
    while grant_put_off(central.engines, central.desk(), spans_buckets=spans, limit=500):
        pass
    publish(central)


def publish(central: Central) -> None:
    while publish_waiting(
        central.engines.writer,
        key=central.keys.signing,
        generation=central.state().generation,
        now_ms=central.now_ms(),
    ):
        pass


def send(central: Central, till: Till, *, first: int = 1) -> BatchAnswer:
    """Send everything from record `first` on, and book it."""
    answer = accept(central, till.batch(first))
    book(central)
    return answer


def points(central: Central, member_id: str, account: str = "points") -> int:
    found = member_state(central, member_id).accounts.get(account)
    return found.points if found else 0


def differences(central: Central) -> list[Difference]:
    return list(verify(central, Tally()))


def stream(central: Central, audience: str) -> list[FeedRow]:
    """Every row of an audience, in order; numbers without a gap."""
    generation = central.state().generation
    with central.engines.reader.begin() as tx:
        # The head first: central may publish between the two reads.
        head = feed.audience_head(tx, audience, generation)
        segments = feed.read_segments(tx, audience, generation, after=0, limit=100_000)
    bodies = [msgspec.json.decode(segment.body, type=SegmentBody) for segment in segments]
    assert [body.number for body in bodies] == list(range(1, max(head, len(bodies)) + 1))
    return [row for body in bodies for row in body.rows]


def count(central: Central, table: sa.Table) -> int:
    with central.engines.reader.begin() as tx:
        return int(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
