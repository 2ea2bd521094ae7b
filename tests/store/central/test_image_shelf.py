"""Images too large or impossible to make, where the stream alone brings no till in any more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tessera.central.image_shelf import FOLDER, TOO_LARGE_S, ImageShelf
from tessera.central.opening import Central
from tessera.central.refusals import Refused
from tessera.central.settings import ImageSettings
from tessera.central.standing import Finding, look
from tessera.store.central import feed, feed_floor, register_book
from tessera.sync.image_wire import SignedImage
from tests.store.central.conftest import Place
from tests.store.central.parts import NOW_MS, central_on, enrolled, member, publish, settings_for
from tests.store.central.scripted_till import Till
from tests.support.waiting import wait_until

STORE = "store:berlin-1"


@pytest.fixture
def shop(place: Place) -> Iterator[Central]:
    """Every image is larger than its settings like, and there is something to load."""
    images = ImageSettings(segments_least=0, megabytes_max=0)
    with central_on(replace(settings_for(place.url, place.folder), images=images)) as opened:
        enrolled(opened, Till())
        member(opened, "M-1", points=100)
        publish(opened)
        yield opened


@contextmanager
def building(shelf: ImageShelf) -> Iterator[ImageShelf]:
    thread = threading.Thread(target=shelf.run)
    thread.start()
    try:
        yield shelf
    finally:
        shelf.stop()
        thread.join()


def trim(central: Central) -> None:
    """The stream is no longer kept from its beginning."""
    generation = central.state().generation
    with central.engines.writer.begin() as tx:
        head = feed.audience_head(tx, STORE, generation)
        feed_floor.raise_floor(tx, STORE, generation, segments_after=head)


def ask(shelf: ImageShelf, central: Central) -> SignedImage | str:
    """The manifest, or the code that refuses it."""
    with central.engines.reader.begin() as tx:
        register = register_book.read_register(tx, Till().register)
    assert register is not None
    try:
        return shelf.manifest(register, STORE, central.state().generation)
    except Refused as refused:
        return refused.code


def findings(central: Central) -> list[Finding]:
    return [
        one
        for one in look(central, silent_days=3).findings
        if one.code in {"images_failed", "alarms"}
    ]


def test_a_store_that_is_larger_than_wished_is_loaded_once_its_stream_is_trimmed(
    shop: Central,
) -> None:
    with building(ImageShelf(shop)) as shelf:
        wait_until(
            lambda: ask(shelf, shop) == "image_not_needed", what="it is too large", timeout_s=30
        )
        trim(shop)
        wait_until(
            lambda: isinstance(ask(shelf, shop), SignedImage),
            what="the image is there",
            timeout_s=30,
        )
    assert findings(shop) == []


def test_a_store_that_no_image_holds_is_told_with_what_to_do(shop: Central) -> None:
    trim(shop)
    with building(ImageShelf(shop, bytes_max=10)) as shelf:
        wait_until(
            lambda: ask(shelf, shop) == "image_too_large", what="it is too large", timeout_s=30
        )
    (found,) = findings(shop)
    assert (found.code, "1 stores" in found.text) == ("images_failed", True)
    assert "another home store" in found.do


def test_an_image_that_was_too_large_is_tried_again(shop: Central) -> None:
    trim(shop)
    now_ms = [NOW_MS]
    central = replace(shop, now_ms=lambda: now_ms[0])
    shelf = ImageShelf(central, bytes_max=10)
    with building(shelf):
        wait_until(
            lambda: ask(shelf, shop) == "image_too_large", what="it is too large", timeout_s=30
        )
    now_ms[0] += TOO_LARGE_S * 1000
    assert ask(shelf, shop) == "image_building"


def test_an_image_that_could_not_be_made_is_told_and_made_once_it_can(shop: Central) -> None:
    """Something lies in the folder's place."""
    trim(shop)
    folder = shop.settings.data_dir / FOLDER
    folder.write_text("")

    def is_told() -> bool:
        assert ask(shelf, shop) == "image_building"
        return bool(findings(shop))

    with building(ImageShelf(shop)) as shelf:
        wait_until(is_told, what="status names it", timeout_s=30)
        folder.unlink()
        wait_until(
            lambda: isinstance(ask(shelf, shop), SignedImage), what="it is made", timeout_s=30
        )
    assert [one.code for one in findings(shop)] == ["images_failed"]
