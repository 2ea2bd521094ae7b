"""Leases of registers that will not come back."""

import pytest

from tessera.central.enrol import revoke_register
from tessera.central.lease_ends import held, write_off_dead
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of
from tessera.core.sale import LeaseUse
from tessera.store.central import deed_book, ledger_book, register_book
from tests.store.central.parts import accept, book, differences, enrolled, member, points
from tests.store.central.scripted_till import Till


def leased(central: Central, member_id: str) -> tuple[int, int]:
    """What an account holds, and how much of that is leased."""
    with central.engines.reader.begin() as tx:
        key = (bucket_of(member_id), member_id)
        account = ledger_book.load(tx, [key])[key].account("points")
    return account.points, account.leased


def test_only_what_the_dead_hold_is_written_off(central: Central) -> None:
    """A register whose disk was replaced: its former life holds 100, its present one 60."""
    till = Till()
    enrolled(central, till)
    member(central, "m1", points=100)
    with central.engines.writer.begin() as tx:
        register_book.update_register(tx, till.register, incarnation="00000000000000b2")
    member(central, "m2", points=60)
    assert sorted((one.lease.outstanding, one.is_living) for one in held(central)) == [
        (60, True),
        (100, False),
    ]
    assert write_off_dead(central, till.register, who="ada") == (1, 100)
    assert write_off_dead(central, till.register, who="ada") == (0, 0)
    assert leased(central, "m2") == (60, 60)
    # What was freed is leased anew, to the life that can spend it.
    assert leased(central, "m1") == (100, 100)
    assert all(one.is_living for one in held(central, register_id=till.register))
    with central.engines.reader.begin() as tx:
        (deed,) = deed_book.read(tx, (bucket_of("m1"), "m1"))
    assert (deed.what, deed.who) == ("write-off", "ada")
    assert differences(central) == []


def test_a_spend_that_arrives_after_all_costs_what_is_free_and_no_more(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "m1", points=100)
    (one,) = held(central)
    till.sell(
        "m1", spent=30, leases=[LeaseUse(lease_id=one.lease.lease_id, unit="points", amount=30)]
    )
    accept(central, till.batch())  # it came in time, and is booked only after the write-off
    revoke_register(central, till.register)
    assert write_off_dead(central, till.register, who="ada") == (1, 100)
    assert leased(central, "m1") == (100, 0)
    book(central)
    assert points(central, "m1") == 70
    assert differences(central) == []


def test_a_living_register_keeps_what_it_holds(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "m1", points=100)
    assert write_off_dead(central, till.register, who="ada") == (0, 0)
    assert leased(central, "m1") == (100, 100)
    with pytest.raises(TesseraError, match="r9 is unknown"):
        write_off_dead(central, "r9", who="ada")
