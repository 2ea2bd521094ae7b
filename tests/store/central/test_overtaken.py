"""What one process does while another one has gone on: nothing is taken back, lost or told wrongly.

The other one is let in at the one place where it matters, by hand, so that the order is certain.
"""

from collections.abc import Iterator

import pytest

from tessera.central import presenting
from tessera.central.agreeing import agree
from tessera.central.generations import begin_generation, tell_everything
from tessera.central.inspection import member_state
from tessera.central.opening import Central
from tessera.central.presenting import present
from tessera.central.publish import publish_waiting
from tessera.store.central import register_book
from tessera.store.central.register_book import RegisterRow
from tessera.sync.feed_wire import BalanceRow, LeaseRow, MemberRow
from tessera.sync.grant_wire import PresentRequest
from tests.store.central.parts import differences, enrolled, member, publish, stream
from tests.store.central.scripted_till import Till


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def shop(either_central: Central, till: Till) -> Iterator[Central]:
    enrolled(either_central, till)
    member(either_central, "M-1", points=100)
    publish(either_central)
    yield either_central
    assert differences(either_central) == []


def test_a_last_page_that_is_sent_twice_at_once_takes_nothing_back(
    shop: Central, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A till that waits no longer for the answer sends it again; the first one ends meanwhile."""
    rows = stream(shop, f"register:{till.register}")
    held = tuple(row for row in rows if isinstance(row, LeaseRow))
    begin_generation(shop)
    with shop.engines.reader.begin() as tx:
        register = register_book.read_register(tx, till.register)
    assert register is not None
    asked = PresentRequest(generation=shop.state().generation, grants=held, is_last=True)
    firsts: list[int] = []

    def overtaken(
        central: Central, register: RegisterRow, generation: str, *, keeps_all: bool
    ) -> int:
        monkeypatch.setattr(presenting, "agree", agree)
        first = present(central, register, asked, incarnation=till.incarnation)
        firsts.append(first.taken_back)
        return agree(central, register, generation, keeps_all=keeps_all)

    monkeypatch.setattr(presenting, "agree", overtaken)
    second = present(shop, register, asked, incarnation=till.incarnation)
    assert (firsts, second.taken_back) == ([0], 0)
    account = member_state(shop, "M-1").accounts["points"]
    assert (account.points, account.leased) == (100, 100)


def test_a_publisher_of_the_generation_before_leaves_the_new_one_its_rows(
    shop: Central, till: Till
) -> None:
    """Another server has begun to tell everything anew, and this one has not looked since."""
    before = shop.state()
    begin_generation(shop)
    tell_everything(shop)
    publish_waiting(
        shop.engines.writer,
        key=shop.keys.signing,
        generation=before.generation,
        now_ms=shop.now_ms(),
    )
    publish(shop)
    told = {type(row) for row in stream(shop, f"store:{till.store}")}
    assert {MemberRow, BalanceRow} <= told
