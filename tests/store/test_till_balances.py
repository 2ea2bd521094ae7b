"""What a till shows is always explained: central's balance at a version plus its own records.

A model of central applies this register's records and other people's in any order, publishes
outcomes and balances by the rule (an outcome not later than the balance that includes it), and the
till applies them in any legal order, with repeats and older rows in between.
"""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tessera.core.identity import new_uid
from tessera.core.journal import RecordDraft, canonical
from tessera.store.till import cached_members, committed_sales, outbox, outcomes
from tessera.store.till.values import AccountEffect, AccountState, Outcome
from tests.support.till import DAY, enrolled_till

MEMBER = "m1"
UNIT = "points"


class BalanceOnATill(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.till = enrolled_till(Path(self.folder.name))
        self.count = 0
        self.own: dict[str, int] = {}  # uid → delta, committed here
        self.unsent: list[str] = []  # at the till, not applied at central
        self.points, self.version = 0, 0
        self.history = {0: 0}  # version → points
        self.included: dict[int, set[str]] = {0: set()}  # version → own records it includes
        self.stream: list[Outcome] = []
        self.read_to = 0
        self.applied: list[tuple[Outcome | None, AccountState | None]] = []

    def teardown(self) -> None:
        self.till.dispose()
        self.folder.cleanup()

    @rule(delta=st.integers(-50, 100))
    def sell(self, delta: int) -> None:
        self.count += 1
        uid = new_uid(self.count, self.count.to_bytes(10, "big"))
        draft = RecordDraft(
            uid=uid,
            kind="sale",
            business_day=DAY,
            wall_ms=1,
            mono_ms=1,
            boot_id="b",
            bundle="",
            engine="",
            body=canonical({}),
        )
        effect = AccountEffect(member_id=MEMBER, account=UNIT, delta=delta)
        with self.till.writer.begin() as tx:
            committed_sales.commit_record(tx, draft=draft, effects=[effect])
        self.own[uid] = delta
        self.unsent.append(uid)

    def next_version(self, points: int, uid: str = "") -> AccountState:
        before = self.included[self.version]
        self.points, self.version = points, self.version + 1
        self.history[self.version] = points
        self.included[self.version] = before | ({uid} if uid else set())
        return AccountState(account=UNIT, points=points, leased=0, version=self.version)

    @rule(delta=st.integers(-50, 100))
    def somebody_else_books(self, delta: int) -> None:
        self.next_version(self.points + delta)

    @precondition(lambda self: self.unsent)
    @rule(parked=st.booleans())
    def central_books_the_next_record(self, parked: bool) -> None:
        uid = self.unsent.pop(0)
        if parked:
            self.stream.append(Outcome(uid=uid, state="parked", member_id=MEMBER))
            return
        state = self.next_version(self.points + self.own[uid], uid)
        self.stream.append(Outcome(uid=uid, state="applied", member_id=MEMBER, accounts=(state,)))

    @rule(count=st.integers(1, 4), with_balance=st.booleans())
    def sync(self, count: int, with_balance: bool) -> None:
        """A balance may come once the register's stream was read to its head; outcomes any time."""
        balance = None
        if with_balance:
            count = len(self.stream)
            balance = AccountState(account=UNIT, points=self.points, leased=0, version=self.version)
        part = self.stream[self.read_to : self.read_to + count]
        self.read_to += len(part)
        self.take_in(part, balance)
        self.applied += [(outcome, None) for outcome in part] + [(None, balance)]

    def take_in(self, part: list[Outcome], balance: AccountState | None) -> None:
        with self.till.writer.begin() as tx:
            outcomes.apply(tx, part)
            if balance is not None:
                cached_members.apply_balance(tx, MEMBER, balance)

    @precondition(lambda self: self.applied)
    @rule(pick=st.integers(0, 10_000))
    def an_old_row_comes_again(self, pick: int) -> None:
        outcome, balance = self.applied[pick % len(self.applied)]
        self.take_in([outcome] if outcome else [], balance)

    @rule()
    def the_till_starts_again(self) -> None:
        self.till.dispose()

    @invariant()
    def what_is_shown_is_explained(self) -> None:
        with self.till.reader.connect() as c:
            views = cached_members.accounts(c, MEMBER)
            waiting = outbox.depth(c)
        assert waiting == self.count
        view = views[0] if views else None
        version = max(view.version, 0) if view else 0
        parked = {one.uid for one in self.stream[: self.read_to] if one.state == "parked"}
        pending = {
            uid: delta
            for uid, delta in self.own.items()
            if uid not in self.included[version] and uid not in parked
        }
        expected = self.history[version] + sum(pending.values())
        assert (view.balance if view else 0) == expected
        assert (view.pending if view else 0) == sum(pending.values())


BalanceOnATill.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestBalanceOnATill = BalanceOnATill.TestCase


@given(st.permutations([1, 2, 3, 4]))
@settings(max_examples=24, deadline=None)
def test_the_newest_balance_wins_in_any_order_of_arrival(order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        till = enrolled_till(Path(folder))
        with till.writer.begin() as tx:
            for version in order:
                state = AccountState(account=UNIT, points=version * 10, leased=0, version=version)
                cached_members.apply_balance(tx, MEMBER, state)
        with till.reader.connect() as c:
            [view] = cached_members.accounts(c, MEMBER)
        till.dispose()
    assert (view.balance, view.version) == (40, 4)
