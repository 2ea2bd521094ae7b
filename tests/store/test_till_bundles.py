from collections.abc import Iterator
from pathlib import Path

import pytest

from tessera.store.engine import Engines
from tessera.store.till import kept_bundles
from tessera.store.till.values import Assignment, KeptBundle
from tests.support.till import enrolled_till


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Engines]:
    engines = enrolled_till(tmp_path)
    yield engines
    engines.dispose()


def bundle(number: int) -> KeptBundle:
    return KeptBundle(hash=f"{number:064x}", text=f"programme: p{number}", number=number)


def wanted(number: int, generation: str = "g1") -> Assignment:
    return Assignment(
        number=number, bundle=f"{number:064x}", active_from_ms=0, size=1, generation=generation
    )


def test_an_older_assignment_never_replaces_a_newer_one(till: Engines) -> None:
    with till.writer.begin() as tx:
        assert kept_bundles.assign(tx, wanted(2))
        assert not kept_bundles.assign(tx, wanted(1))
        assert not kept_bundles.assign(tx, wanted(2))
        assert kept_bundles.read_assignment(tx) == wanted(2)


def test_a_new_generation_counts_anew(till: Engines) -> None:
    with till.writer.begin() as tx:
        kept_bundles.assign(tx, wanted(9))
        assert kept_bundles.assign(tx, wanted(1, "g2"))


def test_the_active_bundle_outlives_those_that_came_after_it(till: Engines) -> None:
    with till.writer.begin() as tx:
        kept_bundles.keep(tx, bundle(1))
        kept_bundles.activate(tx, bundle(1).hash)
        for number in range(2, 9):
            kept_bundles.keep(tx, bundle(number))
        assert kept_bundles.active(tx) == bundle(1)
        assert kept_bundles.find(tx, bundle(2).hash) is None
        assert kept_bundles.find(tx, bundle(8).hash) == bundle(8)


def test_exactly_one_bundle_is_active(till: Engines) -> None:
    with till.writer.begin() as tx:
        for number in (1, 2):
            kept_bundles.keep(tx, bundle(number))
            kept_bundles.activate(tx, bundle(number).hash)
        assert kept_bundles.active(tx) == bundle(2)
        with pytest.raises(KeyError):
            kept_bundles.activate(tx, bundle(3).hash)
