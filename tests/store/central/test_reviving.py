"""Units that come back with goods, from the lots that a sale spent to the day they are gone."""

import pytest

from tessera.central import member_ends
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central
from tessera.core.identity import SaleKey, bucket_of
from tessera.core.journal import SealedRecord
from tessera.core.sale import SaleBody
from tessera.store.central import ledger_book, schema
from tessera.store.central.accounts import Lot
from tessera.sync.records import read_body, read_envelope
from tests.store.central.parts import count, differences, enrolled, points, send
from tests.store.central.scripted_till import Till

KEY = (bucket_of("M-1"), "M-1")


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


@pytest.fixture
def till(central: Central) -> Till:
    """A register, and M-1 with 100 points: 40 expired on 21 November, 60 good until 2027."""
    opened = Till()
    enrolled(central, opened)
    add_members(central, [NewMember(member_id="M-1", opening={"points": 100})])
    with central.engines.writer.begin() as tx:
        accounts = ledger_book.load(tx, [KEY])
        (lot,) = accounts[KEY].lots
        lot.remaining = 0
        parts = [(2, 40, "2026-11-21"), (3, 60, "2027-06-01")]
        accounts[KEY].lots += [
            Lot(
                uid=lot.uid,
                line=line,
                unit="points",
                granted=amount,
                remaining=amount,
                expires=expires,
            )
            for line, amount, expires in parts
        ]
        accounts[KEY].changed_lots |= {(lot.uid, line) for line in (1, 2, 3)}
        ledger_book.save(tx, accounts)
    return opened


def key_of(sale: SealedRecord) -> SaleKey:
    body = read_body(read_envelope(sale.raw))
    assert isinstance(body, SaleBody)
    return body.key


def lots(central: Central) -> list[tuple[int, str]]:
    """What M-1's lots hold, and until when."""
    with central.engines.reader.begin() as tx:
        found = ledger_book.load(tx, [KEY])[KEY].lots
    return sorted((lot.remaining, lot.expires) for lot in found)


def test_what_had_expired_when_the_goods_came_back_is_good_for_thirty_days(
    central: Central, till: Till
) -> None:
    """70 are spent: the 40 that expire first, and 30. Sold and brought back on 21 November."""
    sale = till.sell("M-1", spent=70, quantity=7)
    send(central, till)
    assert lots(central) == [(30, "2027-06-01")]
    till.take_back(sale, key_of(sale), "M-1", spent=20, quantity="2", refund_minor=0)
    send(central, till)
    assert lots(central) == [(20, "2027-06-01"), (30, "2027-06-01")]
    till.take_back(sale, key_of(sale), "M-1", spent=50, quantity="5", refund_minor=0)
    send(central, till)
    assert lots(central) == [
        (10, "2027-06-01"),
        (20, "2027-06-01"),
        (30, "2027-06-01"),
        (40, "2026-12-21"),
    ]
    assert points(central, "M-1") == 100
    assert member_ends.expire_points(central, "2026-12-20") == 0
    assert member_ends.expire_points(central, "2026-12-21") == 1
    assert points(central, "M-1") == 60
    assert differences(central) == []


def test_sale_and_return_that_arrive_together_and_twice_count_once(
    central: Central, till: Till
) -> None:
    sale = till.sell("M-1", spent=40)
    till.take_back(sale, key_of(sale), "M-1", spent=40, refund_minor=0)
    send(central, till)
    send(central, till)
    assert lots(central) == [(40, "2026-12-21"), (60, "2027-06-01")]
    assert count(central, schema.SPENT_LOT) == 1
    assert differences(central) == []


def test_a_return_that_waits_for_its_sale_brings_back_its_lots(
    central: Central, till: Till
) -> None:
    other = Till(register="berlin-1-2", number=2, incarnation="00000000000000a2")
    enrolled(central, other)
    sale = till.sell("M-1", spent=40)
    other.take_back(sale, key_of(sale), "M-1", spent=40, refund_minor=0)
    send(central, other)
    assert lots(central) == [(40, "2026-11-21"), (60, "2027-06-01")]
    send(central, till)
    assert lots(central) == [(40, "2026-12-21"), (60, "2027-06-01")]


def test_units_that_never_expire_leave_no_slices(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    add_members(central, [NewMember(member_id="M-1", opening={"points": 100})])
    sale = till.sell("M-1", spent=70)
    till.take_back(sale, key_of(sale), "M-1", spent=70, refund_minor=0)
    send(central, till)
    assert count(central, schema.SPENT_LOT) == 0
    assert lots(central) == [(30, ""), (70, "")]
