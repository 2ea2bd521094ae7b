"""Each row of the page on refusals: a till refuses it by that name, and nothing of it counts."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.responses import Response, StreamingResponse

from tessera.central.members import NewMember, add_members
from tessera.central.settings import ImageSettings
from tessera.core.errors import TesseraError
from tessera.sync.image_wire import ImageManifest, SignedImage
from tessera.sync.records import encoded
from tessera.sync.signing import (
    PURPOSE_IMAGE,
    PURPOSE_SEGMENT,
    PURPOSE_STATEMENT,
    SigningKey,
)
from tessera.sync.wire import Statement
from tests.store.central.image_till import Line, enrolled_till
from tests.store.central.parts import central_on, publish, settings_for
from tests.store.central.served import served
from tests.support.attacked_till import FEED, STRANGER, Scene, attacked_till
from tests.support.between import Change, endless
from tests.support.tables import name_of, rows_below
from tests.support.trusting_till import PROGRAMME, STORE, release

ROWS = [
    (name_of(row[0]), name_of(row[1]))
    for row in rows_below(Path("docs/refused.md"), "## By a till")
]


@pytest.fixture
def scene(sqlite_template: Path, tmp_path: Path) -> Iterator[Scene]:
    with attacked_till(sqlite_template, tmp_path) as scene:
        yield scene


def on_feed(change: Callable[[dict[str, Any]], None]) -> Callable[[Scene], Change]:
    """Change the store's page as JSON; the statement stays as central made it."""

    def made(_scene: Scene) -> Change:
        def apply(path: str, body: bytes) -> bytes:
            if path != FEED:
                return body
            told = json.loads(body)
            change(told)
            return json.dumps(told).encode()

        return apply

    return made


def on_segment(
    change: Callable[[dict[str, Any]], None], *, key: SigningKey | None = None
) -> Callable[[Scene], Change]:
    """Change what the last segment holds, and sign it: by `key`, or as central would."""

    def made(scene: Scene) -> Change:
        def apply(told: dict[str, Any]) -> None:
            segment = told["segments"][-1]
            body = json.loads(segment["body"])
            change(body)
            segment["body"] = json.dumps(body)
            by = key or scene.central.keys.signing
            segment["signature"] = by.sign(PURPOSE_SEGMENT, segment["body"].encode()).hex()

        return on_feed(apply)(scene)

    return made


def at(part: str, body: bytes) -> Callable[[Scene], Change]:
    """Another body at addresses with this part."""
    return lambda _scene: lambda path, said: Response(body) if part in path else said


def without_end(_scene: Scene) -> Change:
    async def stream() -> Response:
        return StreamingResponse(endless(b" " * 1_048_576))

    return lambda path, body: stream() if path == FEED else body


def replayed(scene: Scene) -> Change:
    earlier = scene.between.said(FEED)
    return lambda path, body: earlier if path == FEED else body


def truncated(told: dict[str, Any]) -> None:
    told["segments"][-1]["body"] = told["segments"][-1]["body"][:-1]


def other_moment(scene: Scene) -> Change:
    """Central's own signed word, of when its stream was shorter."""

    def apply(told: dict[str, Any]) -> None:
        said = msgspec.json.decode(told["statement"], type=Statement)
        text = encoded(msgspec.structs.replace(said, head=said.head - 1))
        told["statement"] = text.decode()
        told["statement_signature"] = scene.central.keys.signing.sign(PURPOSE_STATEMENT, text).hex()

    return on_feed(apply)(scene)


def too_many_rows(body: dict[str, Any]) -> None:
    body["rows"] = [{"type": "member", "member_id": f"m{n}", "version": 1} for n in range(501)]


def foreign_assignment(body: dict[str, Any]) -> None:
    row = next(row for row in body["rows"] if row["type"] == "assignment")
    row["signature"] = STRANGER.sign(PURPOSE_SEGMENT, b"anything").hex()


def forged_root(scene: Scene) -> Change:
    scene.rotate()
    signed = scene.central.roots.read(2)
    assert signed is not None
    bare = encoded(msgspec.structs.replace(signed, signatures=()))
    return at("/roots/2", bare)(scene)


def earlier_root(scene: Scene) -> Change:
    first = scene.central.roots.read(1)
    assert first is not None
    scene.rotate()
    return at("/roots/", encoded(first))(scene)


def broken_root(scene: Scene) -> Change:
    scene.rotate()
    return at("/roots/2", b'{"document":')(scene)


BUNDLE = PROGRAMME.format(name="two").encode()
PAGES: dict[str, Callable[[Scene], Change]] = {
    "not-json": at(FEED, b"<html>"),
    "endless": without_end,
    "replayed-page": replayed,
    "no-statement": on_feed(lambda told: told.pop("statement")),
    "other-statement": other_moment,
    "forged-segment": on_segment(lambda body: None, key=STRANGER),
    "truncated-segment": on_feed(truncated),
    "missing-segment": on_feed(lambda told: told["segments"].clear()),
    "foreign-segment": on_segment(lambda body: body.update(audience="store:paris-1")),
    "oversized-segment": on_segment(too_many_rows),
    "broken-row": on_segment(lambda body: body["rows"].append({"type": "member", "version": "x"})),
    "forged-assignment": on_segment(foreign_assignment),
    "other-bundle": at("/bundles/", BUNDLE.replace(b"two", b"bad")),
    "short-bundle": at("/bundles/", BUNDLE[:-1]),
    "long-bundle": at("/bundles/", BUNDLE + b"#"),
    "forged-root": forged_root,
    "earlier-root": earlier_root,
    "broken-root": broken_root,
}


def held(scene: Scene) -> tuple[object, ...]:
    with scene.till.engines.reader.connect() as connection:
        rows = {
            name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]
            for name in ("member", "card", "balance", "lease", "kept_bundle")
        }
    return (scene.till.programme(), scene.till.trust().version, rows)


@pytest.mark.parametrize(
    "name, code",
    [row for row in ROWS if row[0] in PAGES],
    ids=[r[0] for r in ROWS if r[0] in PAGES],
)
def test_a_till_refuses_by_this_name_and_nothing_counts(scene: Scene, name: str, code: str) -> None:
    before = held(scene)
    release(scene.central, "two")
    add_members(scene.central, [NewMember(member_id="m-1", home_store=STORE)])
    scene.between.change = PAGES[name](scene)
    scene.till.roots.look_again()
    with pytest.raises(TesseraError) as refused:
        scene.till.pull()
    assert refused.value.code == code
    if name.endswith("-bundle"):
        assert scene.till.programme() == "one"
    else:
        assert held(scene) == before
    scene.between.change = lambda _path, body: body
    scene.till.pull()
    assert scene.till.programme() == "two"


Spoil = Callable[[Line, SigningKey], None]


def _manifest(change: Callable[[ImageManifest], ImageManifest], key: SigningKey) -> Any:
    def made(image: SignedImage) -> SignedImage:
        manifest = encoded(change(msgspec.json.decode(image.manifest, type=ImageManifest)))
        return SignedImage(
            manifest=manifest.decode(), signature=key.sign(PURPOSE_IMAGE, manifest).hex()
        )

    return made


def forged_image(line: Line, _key: SigningKey) -> None:
    line.manifest_as = _manifest(lambda known: known, STRANGER)


def future_image(line: Line, key: SigningKey) -> None:
    line.manifest_as = _manifest(lambda known: msgspec.structs.replace(known, format=9), key)


def truncated_image(line: Line, _key: SigningKey) -> None:
    line.part_as = lambda _offset, part: part[:-1]


def changed_image(line: Line, _key: SigningKey) -> None:
    line.part_as = lambda _offset, part: part[:-1] + b"?"


IMAGES: dict[str, Spoil] = {
    "forged-image": forged_image,
    "future-image": future_image,
    "truncated-image": truncated_image,
    "changed-image": changed_image,
}


def test_a_till_refuses_images_by_these_names_and_loads_nothing(tmp_path: Path) -> None:
    settings = replace(
        settings_for(f"sqlite:///{tmp_path / 'central.db'}", tmp_path),
        images=ImageSettings(segments_least=0),
    )
    with central_on(settings) as central:
        add_members(central, [NewMember(member_id=f"m-{n}", home_store=STORE) for n in range(50)])
        publish(central)
        with served(central) as client:
            made = enrolled_till(central, str(client.base_url), tmp_path / "till")
            for name, code in ROWS:
                if name not in IMAGES:
                    continue
                with pytest.raises(TesseraError) as refused:
                    made.pull(
                        prepare=lambda line, name=name: IMAGES[name](line, central.keys.signing)  # type: ignore[misc]
                    )
                assert (name, refused.value.code) == (name, code)
                assert made.held()["members"] == [], name
            made.pull()
            assert len(made.held()["members"]) == 50
            made.till.close()


def test_every_case_has_its_row() -> None:
    assert {name for name, _ in ROWS} == set(PAGES) | set(IMAGES)
