"""Booking conserves: whatever registers report, sums are zero and nothing goes below it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.central.booking import (
    Booked,
    Holder,
    book_lease_return,
    book_opening,
    book_return,
    book_sale,
)
from tessera.central.leasing import LeasePolicy, grant, wanted_grants
from tessera.core.basket import Basket, Place
from tessera.core.identity import SaleKey
from tessera.core.ledger import OWED_PREFIX, Posting
from tessera.core.quote import Quote, ReturnQuote, UnitMovement
from tessera.core.sale import LeaseReturnBody, LeaseUse, ReturnBody, SaleBody
from tessera.store.central.accounts import Lease, MemberAccounts

DAY = date(2026, 11, 21)
KEY = SaleKey(store="s", pos="p", business_day=DAY, sale_id="1")
PLACE = Place(at=datetime(2026, 11, 21, tzinfo=UTC), business_day=DAY)
HOLDER = Holder(register_id="r", incarnation="i")
UNITS = ("points", "miles")


def sale(*units: UnitMovement, leases: tuple[LeaseUse, ...] = ()) -> SaleBody:
    quote = Quote(
        engine="1",
        programme="p",
        currency="EUR",
        shelf_minor=0,
        discount_minor=0,
        tendered_units_minor=0,
        due_minor=0,
        units=units,
    )
    return SaleBody(
        key=KEY,
        place=PLACE,
        basket=Basket(currency="EUR"),
        member=None,
        quote=quote,
        leases=leases,
    )


def back(*units: UnitMovement, leases: tuple[LeaseUse, ...] = ()) -> ReturnBody:
    quote = ReturnQuote(engine="1", currency="EUR", policy="net", refund_minor=0, units=units)
    return ReturnBody(
        key=KEY,
        place=PLACE,
        original=KEY,
        original_uid="u0",
        member_id="M",
        wishes=(),
        returned_before=(),
        quote=quote,
        leases=leases,
    )


@dataclass(slots=True)
class Books:
    """One member, and everything that was ever posted for them."""

    state: MemberAccounts = field(default_factory=lambda: MemberAccounts(member_id="M"))
    posted: list[Posting] = field(default_factory=list)
    uids: int = 0

    def uid(self) -> str:
        self.uids += 1
        return f"u{self.uids:04}"

    def add(self, booked: Booked) -> None:
        self.posted += booked.postings
        sums: dict[str, int] = defaultdict(int)
        for posting in booked.postings:
            sums[posting.unit] += posting.delta
        assert set(sums.values()) <= {0}

    def lease_all(self, amount_max: int = 50) -> None:
        policy = LeasePolicy(amount_max=amount_max)
        for wanted in wanted_grants(self.state, register_id="r", policy=policy):
            lease_id = next(n for i in count() if (n := f"L{i}") not in self.state.leases)
            lease = Lease(
                lease_id=lease_id,
                unit=wanted.unit,
                register_id="r",
                incarnation="i",
                granted=wanted.amount,
            )
            grant(self.state, lease)

    def check(self) -> None:
        balances: dict[str, int] = defaultdict(int)
        for posting in self.posted:
            if posting.member:
                balances[posting.account] += posting.delta
        for name, account in self.state.accounts.items():
            assert account.points == balances[name]
            if name.startswith(OWED_PREFIX):
                assert account.points <= 0
                continue
            lots = [lot.remaining for lot in self.state.lots if lot.unit == name]
            assert sum(lots) == account.points
            assert min(lots, default=0) >= 0
            assert 0 <= self.state.outstanding(name) == account.leased <= account.points
        for lease in self.state.leases.values():
            gone = lease.spent + lease.returned + lease.written_off
            assert lease.granted == gone + lease.outstanding
            assert 0 <= gone <= lease.granted


movements = st.lists(
    st.builds(
        UnitMovement,
        unit=st.sampled_from(UNITS),
        earned=st.integers(0, 80),
        spent=st.integers(0, 80),
        expires=st.sampled_from(["", "2027-01-01", "2026-12-31"]),
    ),
    max_size=3,
).map(tuple)
uses = st.lists(
    st.builds(
        LeaseUse,
        lease_id=st.sampled_from([f"L{n}" for n in range(6)]),
        unit=st.sampled_from(UNITS),
        amount=st.integers(-60, 60),
    ),
    max_size=3,
).map(tuple)
events = st.one_of(
    st.tuples(st.just("sale"), movements, uses),
    st.tuples(st.just("return"), movements, uses),
    st.tuples(st.just("lease"), st.integers(1, 100), uses),
    st.tuples(st.just("give-back"), st.integers(0, 5), st.integers(-10, 100)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(events, max_size=25), st.integers(0, 200))
def test_whatever_is_reported_sums_are_zero_and_leases_are_covered(
    story: list[tuple[str, object, object]], opening: int
) -> None:
    books = Books()
    books.add(book_opening(books.state, "points", opening, uid=books.uid()))
    for kind, first, second in story:
        if kind == "sale":
            body = sale(*first, leases=second)  # type: ignore[misc,arg-type]
            books.add(book_sale(books.state, body, uid=books.uid(), holder=HOLDER))
        elif kind == "return":
            body_back = back(*first, leases=second)  # type: ignore[misc,arg-type]
            books.add(book_return(books.state, body_back, uid=books.uid(), holder=HOLDER))
        elif kind == "lease":
            books.lease_all(first)  # type: ignore[arg-type]
        else:
            statement = LeaseReturnBody(
                member_id="M",
                lease_id=f"L{first}",
                unit="points",
                amount=second,  # type: ignore[arg-type]
            )
            books.add(book_lease_return(books.state, statement, holder=HOLDER))
        books.check()


def earning(amount: int, *, expires: str = "") -> UnitMovement:
    return UnitMovement(unit="points", earned=amount, expires=expires)


def spending(amount: int) -> UnitMovement:
    return UnitMovement(unit="points", spent=amount)


def test_what_expires_first_is_spent_first() -> None:
    """30 that expire in January, 20 in December, 10 never; 25 spent: 0, 25 and 10 remain."""
    books = Books()
    for amount, expires in ((30, "2027-01-31"), (20, "2026-12-31"), (10, "")):
        body = sale(earning(amount, expires=expires))
        book_sale(books.state, body, uid=books.uid(), holder=HOLDER)
    book_sale(books.state, sale(spending(25)), uid=books.uid(), holder=HOLDER)
    assert [lot.remaining for lot in books.state.lots] == [25, 0, 10]


def test_a_sale_spends_older_units_before_its_own() -> None:
    """40 at hand; a sale earns 10 and spends 15: 25 of the old ones and all 10 new ones remain."""
    books = Books()
    book_sale(books.state, sale(earning(40)), uid=books.uid(), holder=HOLDER)
    move = UnitMovement(unit="points", earned=10, spent=15)
    book_sale(books.state, sale(move), uid=books.uid(), holder=HOLDER)
    assert [lot.remaining for lot in books.state.lots] == [25, 10]


def test_what_is_owed_is_settled_before_anything_is_gained() -> None:
    """30 owed; 50 earned: 20 gained."""
    books = Books()
    booked = book_sale(books.state, sale(spending(30)), uid=books.uid(), holder=HOLDER)
    assert booked.tags == ("overspent",)
    book_sale(books.state, sale(earning(50)), uid=books.uid(), holder=HOLDER)
    assert books.state.account("points").points == 20
    assert books.state.account("owed:points").points == 0


def test_what_a_clone_spent_twice_is_tagged_as_fork_loss() -> None:
    books = Books()
    clone = Holder(register_id="r", incarnation="i", is_fork=True)
    booked = book_sale(books.state, sale(spending(5)), uid=books.uid(), holder=clone)
    assert booked.tags == ("fork-loss",)


def test_a_return_touches_no_lease_that_it_does_not_name() -> None:
    """43 earned and all leased; 43 taken back without a lease: all owed, the lease untouched."""
    books = Books()
    book_sale(books.state, sale(earning(43)), uid=books.uid(), holder=HOLDER)
    books.lease_all()
    booked = book_return(books.state, back(earning(43)), uid=books.uid(), holder=HOLDER)
    assert booked.tags == ("clawback",)
    account = books.state.account("points")
    assert (account.points, account.leased) == (43, 43)
    assert books.state.account("owed:points").points == -43


def test_units_that_come_back_go_into_the_lease_that_is_named() -> None:
    """50 leased, 20 of them spent; the return gives 20 back into the lease."""
    books = Books()
    book_sale(books.state, sale(earning(50)), uid=books.uid(), holder=HOLDER)
    books.lease_all()
    use = LeaseUse(lease_id="L0", unit="points", amount=20)
    book_sale(books.state, sale(spending(20), leases=(use,)), uid=books.uid(), holder=HOLDER)
    put_back = LeaseUse(lease_id="L0", unit="points", amount=-20)
    body = back(spending(20), leases=(put_back,))
    book_return(books.state, body, uid=books.uid(), holder=HOLDER)
    assert books.state.leases["L0"].outstanding == 50
    assert books.state.account("points").leased == 50


def test_a_lease_of_somebody_else_is_spent_and_tagged() -> None:
    books = Books()
    book_sale(books.state, sale(earning(50)), uid=books.uid(), holder=HOLDER)
    books.lease_all()
    use = LeaseUse(lease_id="L0", unit="points", amount=20)
    other = Holder(register_id="other", incarnation="i")
    body = sale(spending(20), leases=(use,))
    assert book_sale(books.state, body, uid=books.uid(), holder=other).tags == ("lease-foreign",)
    assert books.state.account("points").points == 30


def test_only_its_holder_can_give_a_lease_back() -> None:
    books = Books()
    book_sale(books.state, sale(earning(50)), uid=books.uid(), holder=HOLDER)
    books.lease_all()
    statement = LeaseReturnBody(member_id="M", lease_id="L0", unit="points", amount=50)
    other = Holder(register_id="other", incarnation="i")
    booked = book_lease_return(books.state, statement, holder=other)
    assert (booked.tags, books.state.account("points").leased) == (("lease-foreign",), 50)
    reborn = Holder(register_id="r", incarnation="i2")
    book_lease_return(books.state, statement, holder=reborn)
    assert books.state.account("points").leased == 0


def test_a_sale_without_a_member_posts_nothing() -> None:
    nobody = MemberAccounts(member_id="")
    booked = book_sale(nobody, sale(earning(5)), uid="u1", holder=HOLDER)
    assert (booked.postings, booked.tags) == ((), ("units-without-member",))


@pytest.mark.parametrize("unit", ["", "owed:points", "x" * 41])
def test_a_movement_of_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(ValueError, match="names no unit"):
        book_sale(
            MemberAccounts(member_id="M"),
            sale(UnitMovement(unit=unit, earned=1)),
            uid="u1",
            holder=HOLDER,
        )


def test_a_lease_is_never_granted_beyond_what_is_free() -> None:
    books = Books()
    book_sale(books.state, sale(earning(10)), uid=books.uid(), holder=HOLDER)
    lease = Lease(lease_id="L", unit="points", register_id="r", incarnation="i", granted=11)
    with pytest.raises(ValueError, match="free part of 10"):
        grant(books.state, lease)


def test_a_register_gets_no_more_than_the_cap() -> None:
    """60 at hand, a cap of 50: 50, and nothing more until some are spent."""
    books = Books()
    book_sale(books.state, sale(earning(60)), uid=books.uid(), holder=HOLDER)
    books.lease_all(50)
    books.lease_all(50)
    assert [lease.granted for lease in books.state.leases.values()] == [50]
