"""A till that runs programme `one`, its central, and somebody between them with every means."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from starlette.responses import Response

from tessera.central import key_change
from tessera.central.app import build_app
from tessera.central.opening import Central
from tessera.central.roots import ROOT_KEY_FILE, read_root_keys, with_signatures
from tessera.store.till import feed_state, kept_bundles
from tessera.store.till.values import Assignment
from tessera.sync.feed_reading import bytes_to_sign
from tessera.sync.feed_wire import AssignmentRow, FeedPage, SegmentBody
from tessera.sync.records import encoded
from tessera.sync.signing import (
    PURPOSE_ASSIGNMENT,
    PURPOSE_SEGMENT,
    PURPOSE_STATEMENT,
    SigningKey,
)
from tessera.sync.wire import Statement
from tests.support.between import Between
from tests.support.small_central import Serving
from tests.support.trusting_till import (
    PROGRAMME,
    STORE,
    Time,
    TrustingTill,
    new_code,
    release,
    timed_central,
    trusting_till,
)

STRANGER = SigningKey(b"\x66" * 32)
FEED = f"/v1/feed/store:{STORE}"


@dataclass
class Scene:
    """A till that runs programme `one`, its central, and who sits between."""

    central: Central
    time: Time
    between: Between
    till: TrustingTill
    url: str

    def forged(self, body: bytes, *, key: SigningKey, **changes: Any) -> bytes:
        """A page with one more segment, an assignment of a programme of the forger's own."""
        page = msgspec.json.decode(body, type=FeedPage)
        text = PROGRAMME.format(name="forged").encode()
        row = AssignmentRow(
            number=changes.pop("number", 99),
            bundle=hashlib.sha256(text).hexdigest(),
            active_from_ms=0,
            size=len(text),
            generation=page.generation,
        )
        signature = key.sign(PURPOSE_ASSIGNMENT, bytes_to_sign(row)).hex()
        number = page.head + 1
        segment_body = SegmentBody(
            generation=page.generation,
            audience=page.audience,
            number=number,
            rows=(msgspec.structs.replace(row, signature=signature),),
            central_ms=page.central_ms,
        )
        raw = encoded(segment_body)
        segment = {
            "number": number,
            "body": raw.decode(),
            "signature": key.sign(PURPOSE_SEGMENT, raw).hex(),
        }
        said = msgspec.json.decode(page.statement, type=Statement)
        statement = encoded(msgspec.structs.replace(said, head=number))
        told = json.loads(body)
        told["segments"] = [*told.get("segments", []), segment]
        told["head"] = number
        told["statement"] = statement.decode()
        told["statement_signature"] = key.sign(PURPOSE_STATEMENT, statement).hex()
        return json.dumps(told | changes).encode()

    def forging(self, key: SigningKey, **changes: Any) -> None:
        """From now on the store's pages carry a forged assignment, and its bundle is served."""

        def change(path: str, body: bytes) -> bytes | Response:
            if path == FEED:
                return self.forged(body, key=key, **changes)
            if path.startswith("/v1/bundles/") and b"not_found" in body:
                return Response(PROGRAMME.format(name="forged").encode())
            return body

        self.between.change = change

    def root_keys(self) -> list[SigningKey]:
        return read_root_keys([self.central.settings.data_dir / ROOT_KEY_FILE])

    def rotate(self, *, at_once: bool = False) -> None:
        """Another online key, signed by the root as it should be."""
        change = key_change.rotated(self.central, days=0, at_once=at_once)
        key_change.publish_root(self.central, with_signatures(change, self.root_keys()))

    def renew(self, days: int) -> None:
        """The same root for so many days."""
        change = key_change.renewed(self.central, days=days)
        key_change.publish_root(self.central, with_signatures(change, self.root_keys()))

    def assigned(self) -> Assignment | None:
        with self.till.engines.reader.connect() as c:
            return kept_bundles.read_assignment(c)

    def cursor(self) -> int:
        with self.till.engines.reader.connect() as c:
            return feed_state.cursor(c, f"store:{STORE}")[1]


@contextmanager
def attacked_till(template: Path, folder: Path) -> Iterator[Scene]:
    """`template`: a folder with an empty, migrated central."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    with (
        timed_central(folder) as (central, time),
        Serving(build_app(central)) as served,
    ):
        between = Between(served.url)
        with (
            Serving(between.app()) as middle,
            trusting_till(folder / "till", middle.url) as till,
        ):
            till.enrol(new_code(central))
            release(central, "one")
            till.pull()
            assert till.programme() == "one"
            yield Scene(central=central, time=time, between=between, till=till, url=middle.url)
