"""A store's image: what a till loads first, from a real central into a real till's database."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest

from tessera.agent.image_file import MANIFEST, PART
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central
from tessera.central.programmes import release_programme
from tessera.central.settings import ImageSettings
from tessera.core.errors import TesseraError
from tessera.core.identity import new_uid
from tessera.store.central import feed, feed_floor
from tessera.store.central.feed import Change
from tessera.sync.feed_wire import OutcomeRow
from tessera.sync.image_reading import ImageRefused
from tessera.sync.image_wire import ImageManifest, SignedImage
from tessera.sync.link import CentralUnreachable
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_IMAGE, SigningKey
from tests.store.central.conftest import Place
from tests.store.central.image_till import ImageTill, Line, enrolled_till
from tests.store.central.parts import central_on, publish, settings_for, stream
from tests.store.central.parts import points as central_points
from tests.store.central.served import served
from tests.support.waiting import wait_until

MEMBERS = 400
PROGRAMME = Path("config/programmes/corner-shop.yaml")


def some_members(count: int = MEMBERS, *, store: str = "berlin-1") -> list[NewMember]:
    """Members whose ids are in another order than their buckets; every third has two cards."""
    return [
        NewMember(
            member_id=f"{store}-{hashlib.sha256(bytes([n % 256, n // 256])).hexdigest()[:12]}",
            home_store=store,
            display_name=f"Ä. {n}.",
            tier="gold" if n % 5 == 0 else "",
            birthday="07-31" if n % 7 == 0 else "",
            joined="2026-01-15" if n % 2 else "",
            segments=("new", "vegan") if n % 11 == 0 else (),
            cards=tuple(f"24{store[-1]}{n:06d}{c}" for c in range(2 if n % 3 == 0 else 1)),
            opening={"points": n} if n % 2 == 0 else {"points": 5, "stamps": n},
        )
        for n in range(1, count + 1)
    ]


@pytest.fixture
def central(place: Place) -> Iterator[Central]:
    settings = replace(
        settings_for(place.url, place.folder, lease_cap=0), images=ImageSettings(segments_least=0)
    )
    with central_on(settings) as opened:
        yield opened


@pytest.fixture
def client(central: Central) -> Iterator[httpx.Client]:
    add_members(central, some_members())
    publish(central)
    with served(central) as running:
        yield running


@pytest.fixture
def till(central: Central, client: httpx.Client, tmp_path: Path) -> Iterator[ImageTill]:
    made = enrolled_till(central, str(client.base_url), tmp_path / "till")
    yield made
    made.till.close()


def all_published(central: Central) -> None:
    """The server's own thread publishes as well; wait for both."""

    def is_so() -> bool:
        publish(central)
        with central.engines.reader.begin() as tx:
            return feed_floor.is_published(tx, feed_floor.read_heads(tx))

    wait_until(is_so, what="every change is published", timeout_s=30)


def leftovers(till: ImageTill) -> set[str]:
    names = {path.name for path in till.folder.iterdir()} & {MANIFEST, PART}
    return names | {name for name in till.tables() if name.startswith(("incoming", "outgoing"))}


def test_an_image_holds_what_the_stream_from_its_beginning_holds(
    central: Central, client: httpx.Client, till: ImageTill, tmp_path: Path
) -> None:
    release_programme(central, PROGRAMME.read_text(), file="corner-shop.yaml")
    other = enrolled_till(central, str(client.base_url), tmp_path / "other", name="8")
    all_published(central)
    other.pull(by_image=False)
    line = till.pull()
    assert len(line.fetched) == 1
    assert till.held() == other.held()
    assert len(till.held()["members"]) == MEMBERS
    assert till.held()["bundle"]
    assert till.cursors()["store:berlin-1"] == other.cursors()["store:berlin-1"]
    assert leftovers(till) == set()
    other.till.close()


def test_the_stream_goes_on_where_the_image_ends(central: Central, till: ImageTill) -> None:
    till.pull()
    before = till.cursors()["store:berlin-1"]
    first = some_members()[0]
    add_members(central, [replace(first, display_name="New", tier="silver")])
    wait_until(
        lambda: till.pull().fetched == [] and till.cursors()["store:berlin-1"] > before,
        what="the change arrives",
        timeout_s=30,
    )
    named = {row[0]: (row[4], row[3]) for row in till.held()["members"]}
    assert named[first.member_id] == ("New", "silver")


def test_a_download_goes_on_where_it_was_cut(till: ImageTill) -> None:
    """Each time by a puller that knows nothing of the one before, as after a kill."""
    size = 0
    for cut in (0, 1, 511, 4_096, 9_001):

        def prepare(line: Line, at: int = cut) -> None:
            line.cut_after = at

        with pytest.raises(CentralUnreachable):
            till.pull(prepare=prepare)
        assert (till.folder / PART).stat().st_size == cut
        assert till.held()["members"] == []
        size = cut
    line = till.pull()
    assert [start for start, _ in line.fetched] == [size]
    assert len(till.held()["members"]) == MEMBERS


def changed(
    manifest: ImageManifest, key: SigningKey | None = None, **values: object
) -> SignedImage:
    raw = encoded(msgspec.structs.replace(manifest, **values))
    key = key or SigningKey(bytes(32))
    return SignedImage(manifest=raw.decode(), signature=key.sign(PURPOSE_IMAGE, raw).hex())


LIES: list[tuple[str, Callable[[ImageManifest, SigningKey], SignedImage]]] = [
    ("not signed by central", lambda m, _k: changed(m)),
    ("is of store:other", lambda m, k: changed(m, k, audience="store:other")),
    ("in generation g0", lambda m, k: changed(m, k, generation="g0")),
    ("is here already", lambda m, k: changed(m, k, number=0)),
    ("longer than central signed", lambda m, k: changed(m, k, size=m.size - 1)),
    ("does not have the hash", lambda m, k: changed(m, k, size=m.size + 1)),
    ("another image's head", lambda m, k: changed(m, k, number=m.number + 1)),
]
Instead = dict[str, Callable[..., object]]
CHANGES: list[tuple[str, Callable[[int, bytes], bytes]]] = [
    ("does not have the hash", lambda _offset, part: bytes([part[0] ^ 1]) + part[1:]),
    ("does not have the hash", lambda _offset, part: part[:-1]),
    ("longer than central signed", lambda _offset, part: part + b"x"),
]


def test_an_image_that_is_not_what_central_signed_is_refused_and_nothing_of_it_counts(
    central: Central, till: ImageTill
) -> None:
    lying: list[tuple[str, Instead]] = [
        (told, {"manifest_as": partial(_lie, central.keys.signing, lie)}) for told, lie in LIES
    ]
    changing: list[tuple[str, Instead]] = [(told, {"part_as": change}) for told, change in CHANGES]
    for told, instead in [*lying, *changing]:
        with pytest.raises(ImageRefused, match=told):
            till.pull(prepare=partial(_replace, instead))
        assert till.held() == {"members": [], "cards": [], "balances": [], "bundle": []}, told
        assert till.cursors().get("store:berlin-1", 0) == 0, told
    till.pull()
    assert len(till.held()["members"]) == MEMBERS
    assert leftovers(till) == set()


def _lie(
    key: SigningKey,
    lie: Callable[[ImageManifest, SigningKey], SignedImage],
    image: SignedImage,
) -> SignedImage:
    return lie(msgspec.json.decode(image.manifest, type=ImageManifest), key)


def _replace(instead: Instead, line: Line) -> None:
    for name, value in instead.items():
        setattr(line, name, value)


def test_a_till_without_room_on_its_disk_loads_nothing(till: ImageTill) -> None:
    till.free_bytes = 1_000
    with pytest.raises(TesseraError, match="of disk and 1000 are free"):
        till.pull()
    assert till.held()["members"] == []


def test_no_register_gets_the_image_of_another_store(
    central: Central, client: httpx.Client, till: ImageTill, tmp_path: Path
) -> None:
    add_members(central, some_members(3, store="paris-2"))
    other = enrolled_till(central, str(client.base_url), tmp_path / "other", store="paris-2")
    till.pull()
    (image,) = (central.settings.data_dir / "images").glob("*.json")
    with pytest.raises(TesseraError, match="not for this register"):
        other.pull(
            prepare=partial(_replace, {"manifest_as": lambda _image: _as_mine(central, image)})
        )
    assert other.held()["members"] == []
    other.till.close()


def _as_mine(central: Central, path: Path) -> SignedImage:
    known = msgspec.json.decode(path.read_bytes(), type=SignedImage)
    manifest = msgspec.json.decode(known.manifest, type=ImageManifest)
    return changed(manifest, central.keys.signing, audience="store:paris-2")


def test_a_till_before_the_kept_stream_loads_the_image(central: Central, till: ImageTill) -> None:
    till.pull(by_image=False)
    add_members(central, [replace(some_members()[0], display_name="Later")])
    own = f"register:{till.register}"
    for number in range(4):
        row = OutcomeRow(uid=new_uid(1, bytes(10)), incarnation="0" * 16, seq=1, state="applied")
        with central.engines.writer.begin() as tx:
            about = Change(bucket=number, audience=own, about=f"{number}", body=encoded(row))
            feed.append(tx, feed.MEMBERS, [about])
        all_published(central)
    state = central.state()
    with central.engines.writer.begin() as tx:
        head = feed.audience_head(tx, "store:berlin-1", state.generation)
        feed_floor.raise_floor(tx, "store:berlin-1", state.generation, segments_after=head)
        feed_floor.raise_floor(tx, own, state.generation, segments_after=3)
    with pytest.raises(TesseraError, match="is kept from"):
        till.pull(by_image=False)
    line = till.pull()
    assert len(line.fetched) == 1
    assert "Later" in {row[4] for row in till.held()["members"]}
    assert till.cursors() == {"store:berlin-1": head, own: 4}


def test_every_moment_of_a_load_shows_each_point_once(
    central: Central, client: httpx.Client, till: ImageTill
) -> None:
    """A sale after every transaction of the load: what is shown is always the sum."""
    till.pull(by_image=False)
    named = some_members()[1]
    had = till.points(named.member_id)
    assert had == named.opening["points"]
    sold = 0

    def sell() -> None:
        nonlocal sold
        assert till.points(named.member_id) == had + 3 * sold
        till.sell(named.member_id, earned=3)
        sold += 1
        assert till.points(named.member_id) == had + 3 * sold

    _forget_stream(central)
    till.pull(between=sell)
    assert sold > 8
    assert till.points(named.member_id) == had + 3 * sold
    till.push()
    wait_until(
        lambda: till.pull().fetched == [] and till.pending(named.member_id) == 0,
        what="central's balance includes every sale",
        timeout_s=30,
    )
    assert till.points(named.member_id) == had + 3 * sold


def test_an_outcome_that_is_newer_than_the_image_outlasts_it(
    central: Central, client: httpx.Client, till: ImageTill
) -> None:
    named = some_members()[1]
    had = named.opening["points"]

    def cut(line: Line) -> None:
        line.cut_after = 10

    with pytest.raises(CentralUnreachable):
        till.pull(prepare=cut)
    till.sell(named.member_id, earned=7)
    till.push()
    wait_until(
        lambda: central_points(central, named.member_id) == had + 7,
        what="central has booked the sale",
        timeout_s=30,
    )
    own = f"register:{till.register}"
    wait_until(
        lambda: any(isinstance(row, OutcomeRow) for row in stream(central, own)),
        what="its outcome is published",
        timeout_s=30,
    )
    till.pull()
    assert till.points(named.member_id) == had + 7
    assert till.pending(named.member_id) == 0


def _forget_stream(central: Central) -> None:
    """Something changes, and the stream is kept only from there on."""
    add_members(central, [replace(some_members()[0], display_name="Later")])
    all_published(central)
    state = central.state()
    with central.engines.writer.begin() as tx:
        head = feed.audience_head(tx, "store:berlin-1", state.generation)
        feed_floor.raise_floor(tx, "store:berlin-1", state.generation, segments_after=head)
