"""Grants that tills present again to a central that came back from a backup.

Each begins with a member of 100 points, all of them leased to the till of their home store; the
database forgets that, as one does that is older than the grant.
"""

from collections.abc import Iterator

import msgspec
import pytest
import sqlalchemy as sa

from tessera.central.enrol import revoke_register
from tessera.central.generations import begin_generation, tell_everything
from tessera.central.inspection import member_state
from tessera.central.lease_ends import held, write_off_dead
from tessera.central.member_ends import expire_points
from tessera.central.members import top_up_store
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.presenting import (
    ALARM_GIVEN_UP,
    ALARM_REFUSED,
    FOREIGN,
    FORGED,
    NOBODY,
    give_up,
    present,
)
from tessera.central.refusals import Refused
from tessera.central.worker import Worker
from tessera.core.errors import TesseraError
from tessera.core.sale import LeaseUse
from tessera.store.central import register_book, schema
from tessera.sync.feed_wire import LeaseRow
from tessera.sync.grant_wire import PresentAnswer, PresentRequest
from tests.store.central.parts import (
    differences,
    enrolled,
    member,
    points,
    publish,
    send,
    stream,
)
from tests.store.central.scripted_till import Till


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def neighbour() -> Till:
    return Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")


@pytest.fixture
def shop(either_central: Central, till: Till, neighbour: Till) -> Iterator[Central]:
    enrolled(either_central, till)
    enrolled(either_central, neighbour)
    member(either_central, "M-1", points=100)
    publish(either_central)
    yield either_central
    assert differences(either_central) == []


def grants(central: Central, till: Till) -> tuple[LeaseRow, ...]:
    """What the till was granted, as it keeps it."""
    rows = stream(central, f"register:{till.register}")
    return tuple(row for row in rows if isinstance(row, LeaseRow))


def forget(central: Central) -> None:
    """The database as it was before the grants, in a new generation."""
    with central.engines.writer.begin() as tx:
        tx.execute(sa.delete(schema.LEASE))
        tx.execute(sa.update(schema.BALANCE).values(leased=0))
    begin_generation(central)


def show(
    central: Central,
    till: Till,
    rows: tuple[LeaseRow, ...] = (),
    *,
    is_last: bool = True,
    life: str = "",
) -> PresentAnswer:
    with central.engines.reader.begin() as tx:
        register = register_book.read_register(tx, till.register)
    assert register is not None
    generation = central.state().generation
    asked = PresentRequest(generation=generation, grants=rows, is_last=is_last)
    return present(central, register, asked, incarnation=life or till.incarnation)


def leased(central: Central) -> tuple[int, int]:
    """What the member has, and how much of that is leased."""
    account = member_state(central, "M-1").accounts["points"]
    return account.points, account.leased


def alarms(central: Central, kind: str) -> list[str]:
    with central.engines.reader.begin() as tx:
        return [one.detail for one in register_book.read_alarms(tx) if one.kind == kind]


def worked_off(central: Central) -> None:
    worker = Worker(central, metrics=Metrics())
    while worker.run_once():
        pass


def lose(central: Central, uid: str) -> None:
    """The database as it was before this record came."""
    with central.engines.writer.begin() as tx:
        for table in (schema.LEDGER_LINE, schema.LOT, schema.OUTCOME, schema.SALE):
            tx.execute(sa.delete(table).where(table.c.uid == uid))
        for table in (schema.UID, schema.SALE_KEY):
            tx.execute(sa.delete(table).where(table.c.uid == uid))
        tx.execute(sa.update(schema.BALANCE).values(points=100))
        for table in (schema.INBOX, schema.BRANCH):
            tx.execute(sa.delete(table))


def use(row: LeaseRow, amount: int) -> list[LeaseUse]:
    return [LeaseUse(lease_id=row.lease_id, unit="points", amount=amount)]


def test_nothing_is_granted_until_every_till_of_the_store_has_spoken(
    shop: Central, till: Till, neighbour: Till
) -> None:
    held_before = grants(shop, till)
    forget(shop)
    top_up_store(shop, "berlin-1")
    assert leased(shop) == (100, 0)
    answer = show(shop, till, held_before)
    assert (answer.taken, answer.refused, answer.waiting) == (1, 0, ("berlin-1-2",))
    assert leased(shop) == (100, 100)
    till.sell("M-1", earned=20)
    send(shop, till)
    assert leased(shop) == (120, 100)
    assert show(shop, neighbour).waiting == ()
    assert shop.state().is_awaiting == 0
    top_up_store(shop, "berlin-1")
    assert leased(shop) == (120, 120)


def test_a_grant_presented_twice_counts_once(shop: Central, till: Till) -> None:
    held_before = grants(shop, till)
    forget(shop)
    show(shop, till, held_before, is_last=False)
    assert "berlin-1-1" in show(shop, till, held_before, is_last=False).waiting
    assert show(shop, till, held_before).taken == 0
    assert [one.lease.outstanding for one in held(shop)] == [100]


def test_a_grant_that_is_still_known_changes_nothing(shop: Central, till: Till) -> None:
    """Also when the key that signed it is gone: what is in the books needs no proof."""
    (row,) = grants(shop, till)
    begin_generation(shop)
    answer = show(shop, till, (msgspec.structs.replace(row, signature="00" * 64),))
    assert (answer.taken, answer.refused) == (0, 0)
    assert leased(shop) == (100, 100)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"amount": 101}, FORGED),
        ({"member_id": "M-2"}, FORGED),
        ({"signature": ""}, FORGED),
        ({"register": "berlin-1-2"}, FOREIGN),
        ({"member_id": "nobody"}, NOBODY),
    ],
)
def test_what_central_did_not_sign_is_refused_with_an_alarm(
    shop: Central, till: Till, change: dict[str, str | int], reason: str
) -> None:
    member(shop, "M-2", points=7)
    row = next(row for row in grants(shop, till) if row.member_id == "M-1")
    forget(shop)
    answer = show(shop, till, (msgspec.structs.replace(row, **change),))
    assert (answer.taken, answer.refused) == (0, 1)
    assert alarms(shop, ALARM_REFUSED) == [reason]
    assert held(shop) == []


def test_what_was_spent_of_a_grant_may_come_before_it_or_after(shop: Central, till: Till) -> None:
    """100 granted: 30 spent in a record that comes first, 20 in one that comes later."""
    (row,) = grants(shop, till)
    forget(shop)
    till.sell("M-1", spent=30, leases=use(row, 30))
    send(shop, till)
    assert leased(shop) == (70, 0)
    show(shop, till, (row,))
    assert leased(shop) == (70, 70)
    till.sell("M-1", spent=20, leases=use(row, 20))
    send(shop, till, first=2)
    assert leased(shop) == (50, 50)
    assert points(shop, "M-1", "owed:points") == 0


def test_a_grant_is_covered_once_the_points_behind_it_have_come_again(
    shop: Central, till: Till
) -> None:
    """Grants of 160; the backup lacks the sale that brought 60 of these points."""
    earned = till.sell("M-1", earned=60)
    send(shop, till)
    first, second = grants(shop, till)
    assert (first.amount, second.amount) == (100, 60)
    forget(shop)
    lose(shop, earned.uid)
    assert show(shop, till, (first, second)).taken == 2
    assert leased(shop) == (100, 100)
    send(shop, till)
    assert leased(shop) == (160, 160)
    till.sell("M-1", spent=160, leases=[*use(first, 100), *use(second, 60)])
    send(shop, till, first=2)
    assert leased(shop) == (0, 0)
    assert points(shop, "M-1", "owed:points") == 0


def test_a_life_that_ended_keeps_its_grants_until_they_are_written_off(
    shop: Central, till: Till
) -> None:
    held_before = grants(shop, till)
    forget(shop)
    with shop.engines.writer.begin() as tx:
        register_book.update_register(tx, till.register, incarnation="00000000000000c3")
    show(shop, till, held_before)
    assert leased(shop) == (100, 100)
    assert write_off_dead(shop, till.register, who="ada") == (1, 100)
    assert leased(shop) == (100, 0)


def test_a_register_that_is_given_up_is_waited_for_no_longer(
    shop: Central, till: Till, neighbour: Till
) -> None:
    """What it presents after all is taken in as far as something is free: here 20 of 100."""
    held_before = grants(shop, till)
    forget(shop)
    show(shop, neighbour)
    assert give_up(shop, till.register, who="ada")
    assert not give_up(shop, till.register, who="ada")
    assert shop.state().is_awaiting == 0
    assert [one.split()[0] for one in alarms(shop, ALARM_GIVEN_UP)] == ["ada"]
    top_up_store(shop, "berlin-1")
    assert leased(shop) == (100, 100)
    assert show(shop, till, held_before).taken == 1
    assert leased(shop) == (100, 100)
    till.sell("M-1", spent=70, leases=use(held_before[0], 70))
    send(shop, till)
    assert leased(shop) == (100, 100)
    assert points(shop, "M-1", "owed:points") == -70
    with pytest.raises(TesseraError, match="r9 is unknown"):
        give_up(shop, "r9", who="ada")


def test_a_revoked_register_is_not_waited_for(shop: Central, till: Till, neighbour: Till) -> None:
    forget(shop)
    revoke_register(shop, till.register)
    assert show(shop, neighbour).waiting == ()
    assert shop.state().is_awaiting == 0


def test_points_expire_only_once_it_is_known_what_is_leased(
    shop: Central, till: Till, neighbour: Till
) -> None:
    with shop.engines.writer.begin() as tx:
        tx.execute(sa.update(schema.LOT).values(expires="2026-01-01"))
    held_before = grants(shop, till)
    forget(shop)
    assert expire_points(shop, "2026-11-22") == 0
    show(shop, till, held_before)
    show(shop, neighbour)
    assert expire_points(shop, "2026-11-22") == 0
    assert leased(shop) == (100, 100)


def test_grants_for_another_generation_are_asked_for_again(shop: Central, till: Till) -> None:
    held_before = grants(shop, till)
    with shop.engines.reader.begin() as tx:
        register = register_book.read_register(tx, till.register)
    assert register is not None
    asked = PresentRequest(generation="0123", grants=held_before, is_last=True)
    with pytest.raises(Refused) as refused:
        present(shop, register, asked, incarnation=till.incarnation)
    assert refused.value.code == "generation_changed"


def test_a_register_added_after_the_restore_is_not_waited_for(shop: Central) -> None:
    forget(shop)
    fresh = Till(register="berlin-2-1", store="berlin-2", number=5, incarnation="0000000000000ddd")
    enrolled(shop, fresh)
    member(shop, "M-3", store="berlin-2", points=5)
    assert member_state(shop, "M-3").accounts["points"].leased == 5


def test_what_was_spent_comes_before_what_only_may_be(shop: Central, till: Till) -> None:
    """Of 160 granted, the backup covers 100: all of the 60 and 40 of the 100, or the other way.

    The 60 and the 100 are spent in this order, before the 60 points behind them come again.
    """
    earned = till.sell("M-1", earned=60)
    send(shop, till)
    first, second = grants(shop, till)
    forget(shop)
    lose(shop, earned.uid)
    show(shop, till, (first, second))
    fresh = Till(incarnation=till.incarnation)
    fresh.sell("M-1", spent=60, leases=use(second, 60))
    fresh.sell("M-1", spent=40, leases=use(first, 40))
    send(shop, fresh)
    assert leased(shop) == (0, 0)
    assert points(shop, "M-1", "owed:points") == 0
    assert alarms(shop, "overspent") == []


# ---- what was granted between the restore and its announcement -----------------------------


def grant_anew(central: Central) -> None:
    """The database as it was before the grants, which grants anew before anybody has said so."""
    with central.engines.writer.begin() as tx:
        tx.execute(sa.delete(schema.LEASE))
        tx.execute(sa.update(schema.BALANCE).values(leased=0))
    top_up_store(central, "berlin-1")
    begin_generation(central)


def test_what_stands_in_place_of_a_forgotten_grant_is_taken_back(
    shop: Central, till: Till, neighbour: Till
) -> None:
    """100 forgotten, 100 in their place: the first are set aside, of the others nobody heard."""
    (forgotten,) = grants(shop, till)
    grant_anew(shop)
    (anew,) = held(shop)
    tell_everything(shop)
    publish(shop)
    assert grants(shop, till) == ()
    answer = show(shop, till, (forgotten,))
    assert (answer.taken, answer.taken_back) == (1, 100)
    assert [one.lease.lease_id for one in held(shop)] == [forgotten.lease_id]
    assert anew.lease.lease_id != forgotten.lease_id
    assert leased(shop) == (100, 100)
    publish(shop)
    assert {row.lease_id for row in grants(shop, till)} == {forgotten.lease_id}
    till.sell("M-1", spent=100, leases=use(forgotten, 100))
    send(shop, till)
    assert leased(shop) == (0, 0)
    assert points(shop, "M-1", "owed:points") == 0


def test_what_was_shown_on_an_earlier_page_is_not_taken_back(shop: Central, till: Till) -> None:
    held_before = grants(shop, till)
    begin_generation(shop)
    show(shop, till, held_before, is_last=False)
    assert show(shop, till).taken_back == 0
    assert leased(shop) == (100, 100)


def test_what_was_shown_in_an_earlier_generation_must_be_shown_again(
    shop: Central, till: Till, neighbour: Till
) -> None:
    """Nothing is lost by that: it is granted anew, once the store is complete."""
    held_before = grants(shop, till)
    begin_generation(shop)
    show(shop, till, held_before, is_last=False)
    begin_generation(shop)
    assert show(shop, till).taken_back == 100
    assert leased(shop) == (100, 0)
    show(shop, neighbour)
    top_up_store(shop, "berlin-1")
    assert leased(shop) == (100, 100)


def test_a_lease_that_is_known_but_not_believed_stays(shop: Central, till: Till) -> None:
    """Its holder may spend of it, whatever it says of the amount."""
    (row,) = grants(shop, till)
    begin_generation(shop)
    answer = show(shop, till, (msgspec.structs.replace(row, amount=101),))
    assert (answer.refused, answer.taken_back) == (1, 0)
    assert leased(shop) == (100, 100)


def test_an_earlier_life_takes_nothing_back(shop: Central, till: Till) -> None:
    begin_generation(shop)
    assert show(shop, till, life="00000000000000c3").taken_back == 0
    assert leased(shop) == (100, 100)
    publish(shop)
    assert len(grants(shop, till)) == 1


def test_asking_who_is_awaited_ends_nothing(shop: Central, till: Till) -> None:
    """The one that asks is named first."""
    begin_generation(shop)
    assert show(shop, till, is_last=False).waiting == ("berlin-1-1", "berlin-1-2")
    answer = show(shop, Till(register="berlin-1-2", incarnation="00000000000000b2"), is_last=False)
    assert answer.waiting == ("berlin-1-2", "berlin-1-1")
    assert leased(shop) == (100, 100)


def test_a_register_that_is_given_up_keeps_what_is_in_the_books(shop: Central, till: Till) -> None:
    begin_generation(shop)
    assert give_up(shop, till.register, who="ada")
    assert leased(shop) == (100, 100)
    publish(shop)
    assert len(grants(shop, till)) == 1
    assert show(shop, till).taken_back == 0


def test_once_the_last_awaited_till_is_revoked_the_store_is_granted_what_waited(
    shop: Central, till: Till, neighbour: Till
) -> None:
    """Without a sale of the member's in between."""
    forget(shop)
    show(shop, till)
    worked_off(shop)
    assert leased(shop) == (100, 0)
    revoke_register(shop, neighbour.register)
    worked_off(shop)
    assert leased(shop) == (100, 100)


def test_points_stay_while_a_till_elsewhere_that_holds_some_of_them_is_awaited(
    shop: Central, till: Till, neighbour: Till
) -> None:
    """The member has moved; of 120, the till that still holds 100 may hold the 20 as well."""
    far = Till(register="berlin-2-1", store="berlin-2", number=5, incarnation="0000000000000ddd")
    begin_generation(shop)
    enrolled(shop, far)
    member(shop, "M-1", store="berlin-2")
    till.sell("M-1", earned=20)
    send(shop, till)
    with shop.engines.writer.begin() as tx:
        tx.execute(sa.update(schema.LOT).values(expires="2026-01-01"))
    assert leased(shop) == (120, 100)
    assert expire_points(shop, "2026-11-22") == 0
    assert leased(shop) == (120, 100)


@pytest.mark.parametrize("ends", ["shows", "given up", "revoked"])
def test_a_member_whom_a_till_elsewhere_held_back_is_granted_once_it_is_awaited_no_longer(
    shop: Central, till: Till, neighbour: Till, ends: str
) -> None:
    """Without a sale in between: 100 are leased to the store they left, 20 wait for their home."""
    far = Till(register="berlin-2-1", store="berlin-2", number=5, incarnation="0000000000000ddd")
    held_before = grants(shop, till)
    begin_generation(shop)
    enrolled(shop, far)
    member(shop, "M-1", store="berlin-2")
    neighbour.sell("M-1", earned=20)
    send(shop, neighbour)
    show(shop, neighbour)
    worked_off(shop)
    assert leased(shop) == (120, 100)
    if ends == "given up":
        give_up(shop, till.register, who="ada")
    elif ends == "revoked":
        revoke_register(shop, till.register)
    else:
        show(shop, till, held_before)
    worked_off(shop)
    assert leased(shop) == (120, 120)


def test_what_a_till_elsewhere_never_heard_of_goes_to_the_member_s_home(
    shop: Central, till: Till, neighbour: Till
) -> None:
    """It presents nothing: what the books say that it holds is taken back, and granted at home."""
    far = Till(register="berlin-2-1", store="berlin-2", number=5, incarnation="0000000000000ddd")
    begin_generation(shop)
    enrolled(shop, far)
    member(shop, "M-1", store="berlin-2")
    show(shop, neighbour)
    worked_off(shop)
    assert show(shop, till).taken_back == 100
    worked_off(shop)
    assert leased(shop) == (100, 100)
    publish(shop)
    assert [row.amount for row in grants(shop, far)] == [100]
