"""The attacks that The Update Framework names, on a real till with a real central, one by one.

Somebody sits between the two and can keep, change, mix and replay all that they say; in the later
tests they have stolen keys as well. Whatever they do, the till's last good programme goes on.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from starlette.responses import Response, StreamingResponse

from tessera.agent.bundle_update import BundleRejected, checked_bundle
from tessera.agent.enrolment import EnrolmentFailed
from tessera.central import key_change
from tessera.central.roots import (
    DAY_MS,
    Change,
    proposed,
    with_signatures,
)
from tessera.core.errors import TesseraError
from tessera.store.till.values import Assignment
from tessera.sync.feed_reading import PageRefused
from tessera.sync.link import CentralConfused, CentralError, CentralUnreachable
from tessera.sync.records import encoded
from tessera.sync.signing import (
    PURPOSE_SEGMENT,
    PURPOSE_STATEMENT,
    SigningKey,
)
from tessera.sync.trust import TrustRefused, fingerprint_of
from tessera.sync.wire import Statement
from tests.support.attacked_till import FEED, STRANGER, Scene, attacked_till
from tests.support.between import endless
from tests.support.trusting_till import (
    PROGRAMME,
    STORE,
    TrustingTill,
    new_code,
    problems_of,
    publish,
    release,
    trusting_till,
)


@pytest.fixture
def scene(sqlite_template: Path, tmp_path: Path) -> Iterator[Scene]:
    with attacked_till(sqlite_template, tmp_path) as scene:
        yield scene


def refused(scene: Scene, kind: type[TesseraError], match: str) -> None:
    """The pull fails in this way; the programme and how far the feed was read stay."""
    before = (scene.till.programme(), scene.assigned(), scene.cursor())
    with pytest.raises(kind, match=match):
        scene.till.pull()
    assert (scene.till.programme(), scene.assigned(), scene.cursor()) == before


def test_arbitrary_software_a_strangers_assignment_is_not_taken(scene: Scene) -> None:
    scene.forging(STRANGER)
    refused(scene, PageRefused, "without a statement that central signed")


def test_arbitrary_software_other_bytes_for_a_bundle_are_not_run(scene: Scene) -> None:
    release(scene.central, "two")
    text = PROGRAMME.format(name="bad").encode()
    assert len(text) == len(PROGRAMME.format(name="two"))
    scene.between.change = lambda path, body: text if "/bundles/" in path else body
    with pytest.raises(TrustRefused, match="not what was signed"):
        scene.till.pull()
    assert scene.till.programme() == "one"
    scene.between.change = lambda _path, body: body
    scene.till.pull()
    assert scene.till.programme() == "two"


def test_wrong_software_another_good_bundle_in_place_of_the_assigned_one_is_not_run(
    scene: Scene,
) -> None:
    one = scene.between.said("/bundles/")
    release(scene.central, "two")
    scene.between.change = lambda path, body: one if "/bundles/" in path else body
    with pytest.raises(TrustRefused, match="not what was signed"):
        scene.till.pull()
    assert scene.till.programme() == "one"


def test_wrong_software_what_is_signed_for_another_store_is_not_taken(scene: Scene) -> None:
    """Central's own signature does not help: the other store's name is under it."""
    release(scene.central, "two")

    def change(path: str, body: bytes) -> bytes:
        if path != FEED:
            return body
        told = json.loads(body)
        for segment in told.get("segments", []):
            other = segment["body"].replace(f"store:{STORE}", "store:paris-1")
            segment["body"] = other
            raw = scene.central.keys.signing.sign(PURPOSE_SEGMENT, other.encode())
            segment["signature"] = raw.hex()
        return json.dumps(told).encode()

    scene.between.change = change
    refused(scene, PageRefused, "another place")


def test_rollback_an_earlier_page_does_not_come_back(scene: Scene) -> None:
    first = scene.between.said(FEED)
    release(scene.central, "two")
    scene.till.pull()
    scene.between.change = lambda path, body: first if path == FEED else body
    refused(scene, CentralConfused, "another request")
    assert scene.till.programme() == "two"


def test_rollback_an_earlier_root_does_not_come_back(scene: Scene) -> None:
    first = scene.central.roots.read(1)
    assert first is not None
    scene.rotate()
    scene.till.pull()
    assert scene.till.trust().version == 2
    scene.between.change = lambda path, body: (
        Response(encoded(first)) if "/roots/" in path else body
    )
    scene.till.roots.look_again()
    refused(scene, TrustRefused, "root 1 does not follow root 2")


def test_rollback_a_central_with_an_earlier_root_is_not_believed(scene: Scene) -> None:
    scene.rotate()
    scene.till.pull()
    key = scene.central.keys.signing

    def change(path: str, body: bytes) -> bytes:
        if path != FEED:
            return body
        told = json.loads(body)
        said = msgspec.json.decode(told["statement"], type=Statement)
        earlier = encoded(msgspec.structs.replace(said, root=1))
        told["statement"] = earlier.decode()
        told["statement_signature"] = key.sign(PURPOSE_STATEMENT, earlier).hex()
        return json.dumps(told).encode()

    scene.between.change = change
    refused(scene, PageRefused, "a central with root 1, but 2 is known")


def test_fast_forward_a_number_out_of_reach_ends_with_the_stolen_key(scene: Scene) -> None:
    """The thief assigns with the highest number there is; after a rotation numbers begin anew."""
    stolen = scene.central.keys.signing
    scene.forging(stolen, number=2**62)
    scene.till.pull()
    assert scene.till.programme() == "forged"
    scene.between.change = lambda _path, body: body
    scene.rotate(at_once=True)
    publish(scene.central)
    scene.till.pull()
    assert scene.till.programme() == "one"
    release(scene.central, "two")
    scene.till.pull()
    assert scene.till.programme() == "two"


def test_indefinite_freeze_an_answer_without_a_fresh_word_of_central_is_refused(
    scene: Scene,
) -> None:
    """The page of a quiet day, repeated for ever, is not news; the till's age of data shows it."""
    scene.till.pull()
    quiet = scene.between.said(FEED)
    as_of = scene.till.line.balance_as_of_ms
    release(scene.central, "two")
    scene.between.change = lambda path, body: quiet if path == FEED else body
    refused(scene, CentralConfused, "another request")
    stripped = json.dumps(
        {n: v for n, v in json.loads(quiet).items() if not n.startswith("statement")}
    ).encode()
    scene.between.change = lambda path, body: stripped if path == FEED else body
    refused(scene, PageRefused, "without a statement")
    assert scene.till.line.balance_as_of_ms == as_of


def test_indefinite_freeze_an_expired_root_is_not_believed_until_it_is_renewed(
    scene: Scene,
) -> None:
    scene.renew(30)
    scene.till.roots.look_again()
    scene.till.pull()
    scene.time.now_ms += 30 * DAY_MS
    release(scene.central, "two")
    refused(scene, PageRefused, "root 2 has expired")
    scene.renew(365)
    scene.till.pull()
    assert scene.till.programme() == "two"


def test_indefinite_freeze_a_till_that_was_away_follows_through_a_root_that_has_expired(
    scene: Scene,
) -> None:
    """Root 2 ended while the till was switched off; root 3 is signed by it all the same."""
    scene.rotate()
    scene.renew(30)
    scene.time.now_ms += 20 * DAY_MS
    scene.renew(365)
    scene.rotate(at_once=True)
    scene.time.now_ms += 20 * DAY_MS
    publish(scene.central)
    release(scene.central, "two")
    scene.till.pull()
    assert scene.till.trust().version == 5
    assert scene.till.programme() == "two"


def test_endless_data_a_bundle_ends_where_its_assignment_says(scene: Scene) -> None:
    release(scene.central, "two")

    async def stream() -> Response:
        return StreamingResponse(endless(bytes(65_536)))

    scene.between.change = lambda path, body: stream() if "/bundles/" in path else body
    with pytest.raises(CentralConfused, match="is longer than"):
        scene.till.pull()
    assert scene.till.programme() == "one"


def test_endless_data_a_root_is_bounded(scene: Scene) -> None:
    async def stream() -> Response:
        return StreamingResponse(endless(b" " * 65_536))

    scene.between.change = lambda path, body: stream() if "/roots/" in path else body
    scene.till.roots.look_again()
    refused(scene, CentralConfused, "is longer than")


def test_slow_retrieval_an_answer_that_trickles_is_given_up(scene: Scene) -> None:
    """A byte now and then keeps every read's own limit satisfied; the whole has a limit too."""
    release(scene.central, "two")

    async def stream() -> Response:
        return StreamingResponse(endless(b" ", pause_s=0.05))

    scene.between.change = lambda path, body: stream() if path == FEED else body
    scene.till.whole_s_max = 0.5
    refused(scene, CentralUnreachable, "did not end its answer")


def test_extraneous_dependencies_a_programme_draws_nothing_else_in(scene: Scene) -> None:
    """Even one that central's own key assigned: a bundle is one text, and names no other."""
    text = PROGRAMME.format(name="two") + "include: https://elsewhere.example/more.yaml\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    wanted = Assignment(number=2, bundle=digest, active_from_ms=0, size=len(text), generation="g1")
    with pytest.raises(BundleRejected, match="include"):
        checked_bundle(text.encode(), wanted, problems_of)
    assert scene.till.programme() == "one"


def test_mix_and_match_a_page_and_a_statement_of_different_moments_do_not_go_together(
    scene: Scene,
) -> None:
    release(scene.central, "two")

    def change(path: str, body: bytes) -> bytes:
        if path != FEED:
            return body
        told = json.loads(body)
        told["segments"] = []
        told["head"] = scene.cursor()
        return json.dumps(told).encode()

    scene.between.change = change
    refused(scene, PageRefused, "a statement about something else")


def test_mix_and_match_the_streams_of_two_registers_do_not_go_together(scene: Scene) -> None:
    def change(path: str, body: bytes) -> bytes:
        return scene.between.said(FEED) if "register:" in path else body

    scene.between.change = change
    refused(scene, CentralError, "another request")


@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_malicious_mirror_who_withholds_everything_changes_nothing(
    scene: Scene, status: int
) -> None:
    scene.between.change = lambda _path, _body: Response(b"{}", status)
    refused(scene, CentralError, "central")


def test_key_compromise_a_stolen_online_key_ends_with_the_next_root(scene: Scene) -> None:
    stolen = scene.central.keys.signing
    scene.rotate(at_once=True)
    publish(scene.central)
    scene.till.pull()
    assert scene.till.trust().version == 2
    scene.forging(stolen)
    refused(scene, PageRefused, "without a statement that central signed")


def test_key_compromise_an_online_key_makes_no_root(scene: Scene) -> None:
    change = key_change.rotated(scene.central, days=0, at_once=False)
    forged = with_signatures(change, [scene.central.keys.signing])
    scene.between.change = lambda path, body: (
        Response(encoded(forged)) if "/roots/2" in path else body
    )
    scene.till.roots.look_again()
    refused(scene, TrustRefused, "signed by 0 of the one before's keys; 1 are needed")


def test_key_compromise_one_of_three_root_keys_is_not_enough(scene: Scene) -> None:
    """Two of three must sign: with one stolen key nothing can be changed."""
    keys = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
    change = key_change.moved(
        scene.central, root_keys=[key.public.hex() for key in keys], threshold=2, days=30
    )
    signed = with_signatures(change, [*scene.root_keys(), *keys])
    key_change.publish_root(scene.central, signed)
    scene.till.roots.look_again()
    scene.till.pull()
    assert scene.till.trust().version == 2
    change = key_change.renewed(scene.central, days=3000)
    forged = with_signatures(change, [keys[0], keys[0]])
    scene.between.change = lambda path, body: (
        Response(encoded(forged)) if "/roots/3" in path else body
    )
    scene.till.roots.look_again()
    refused(scene, TrustRefused, "signed by 1 of the one before's keys; 2 are needed")


def test_a_till_that_was_away_follows_every_root_in_between(scene: Scene) -> None:
    for _ in range(4):
        scene.rotate()
        change = key_change.retired(scene.central, days=30 + 1)
        key_change.publish_root(scene.central, with_signatures(change, scene.root_keys()))
    publish(scene.central)
    release(scene.central, "two")
    scene.till.pull()
    assert (scene.till.trust().version, scene.till.programme()) == (9, "two")


def test_the_fingerprint_that_a_person_was_told_keeps_another_central_out(
    scene: Scene, tmp_path: Path
) -> None:
    root = scene.central.roots.trust().root
    assert root is not None
    good = fingerprint_of(root)
    with trusting_till(tmp_path / "second", scene.url) as till:
        code = new_code(scene.central, "berlin-1-2")
        with pytest.raises(EnrolmentFailed, match="has the fingerprint"):
            till.enrol(code, fingerprint="0000-" + good[5:])
        assert not (till.folder / "central.root").exists()
        till.enrol(code, fingerprint=good.upper().replace("-", " "))
        assert till.trust().version == 1


def test_a_till_of_an_earlier_release_takes_the_root_that_names_its_key(scene: Scene) -> None:
    """It has no root yet, only the one key it learned; a root without that key is a stranger's."""
    (scene.till.folder / "central.root").unlink()
    till = TrustingTill(folder=scene.till.folder, url=scene.url, engines=scene.till.engines)
    till.pull()
    assert till.trust().version == 1


def test_no_root_is_served_that_would_leave_central_without_a_key(scene: Scene) -> None:
    trust = scene.central.roots.trust()
    change = proposed(
        trust,
        Change(expires_ms=scene.central.now_ms() + DAY_MS, online=(STRANGER.public.hex(),)),
    )
    with pytest.raises(TesseraError, match="neither the key in use"):
        key_change.publish_root(scene.central, with_signatures(change, scene.root_keys()))
    assert scene.central.roots.newest() == 1
