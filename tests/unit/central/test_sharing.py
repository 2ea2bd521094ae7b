"""Sharing out a limit over all members: what is granted, and that it never comes to too much."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.central.sharing import LifeShare, SharedLimit, share_out, write_off
from tessera.store.till import limit_shares

LIVES = [(f"till-{number}", f"{number:016x}") for number in (1, 2, 3)]
KEY = "shop/few/total"


def outstanding(limit: SharedLimit) -> list[int]:
    return [limit.shares[life].outstanding if life in limit.shares else 0 for life in LIVES]


def test_half_is_shared_evenly_and_half_stays_at_hand() -> None:
    limit = SharedLimit(most=120)
    assert share_out(limit, LIVES) == LIVES
    assert outstanding(limit) == [20, 20, 20]
    assert (limit.free, limit.used) == (60, 0)
    assert share_out(limit, LIVES) == []


def test_who_has_used_half_of_its_part_gets_more() -> None:
    """15 of 120 are used: 105 are left, a third of half of that is 17."""
    limit = SharedLimit(most=120)
    share_out(limit, LIVES)
    limit.shares[LIVES[1]].used = 15
    assert share_out(limit, LIVES) == [LIVES[1]]
    assert outstanding(limit) == [20, 17, 20]
    assert limit.free == 120 - 15 - 57


def test_the_last_ones_go_to_who_uses_them() -> None:
    """Of 4 left each of three registers holds one; the fourth is for who has used its own."""
    limit = SharedLimit(most=5, shares={LIVES[2]: LifeShare(granted=1, used=1)})
    assert share_out(limit, LIVES) == [LIVES[2], LIVES[0], LIVES[1]]
    assert (outstanding(limit), limit.free) == ([1, 1, 1], 1)
    limit.shares[LIVES[2]].used = 2
    assert share_out(limit, LIVES) == [LIVES[2]]
    limit.shares[LIVES[2]].used = 3
    assert share_out(limit, LIVES) == []
    assert (limit.free, limit.used, limit.outstanding) == (0, 3, 2)


def test_many_idle_registers_hold_half_at_most() -> None:
    lives = [(f"till-{number:02}", f"{number:016x}") for number in range(20)]
    limit = SharedLimit(most=10)
    assert len(share_out(limit, lives)) == 6
    assert limit.free == 4
    assert share_out(limit, lives) == []
    limit.shares[lives[0]].used = 1
    assert share_out(limit, lives) == [lives[0]]


def test_a_lowered_limit_takes_nothing_back_and_grants_nothing() -> None:
    limit = SharedLimit(most=120)
    share_out(limit, LIVES)
    limit.most = 50
    assert share_out(limit, LIVES) == []
    assert limit.free == -10


def test_what_is_written_off_is_free_again() -> None:
    limit = SharedLimit(most=10, shares={LIVES[0]: LifeShare(granted=6, used=2)})
    assert limit.free == 4
    assert write_off(limit.shares[LIVES[0]]) == 4
    assert (limit.free, limit.used, limit.outstanding) == (8, 2, 0)


@pytest.mark.parametrize("lives", [[], LIVES])
def test_an_empty_limit_or_shop_is_granted_nothing(lives: list[tuple[str, str]]) -> None:
    assert share_out(SharedLimit(most=0), lives) == []


# -- with tills that count on a disk


@contextmanager
def till(folder: Path, life: tuple[str, str]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{folder / life[0]}.db")
    with engine.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE register_identity (incarnation TEXT)")
        tx.exec_driver_sql("INSERT INTO register_identity VALUES (?)", (life[1],))
        tx.exec_driver_sql(
            "CREATE TABLE limit_share (key TEXT, incarnation TEXT, granted INTEGER, used INTEGER,"
            " PRIMARY KEY (key, incarnation))"
        )
    yield engine
    engine.dispose()


STEP = st.one_of(
    st.tuples(st.just("sell"), st.integers(0, 2), st.integers(1, 4)),
    st.tuples(st.just("hear"), st.integers(0, 2), st.integers(0, 3)),
    st.tuples(st.just("send"), st.integers(0, 2), st.integers(1, 5)),
    st.tuples(st.just("return"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("grant"), st.just(0), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(
    most=st.integers(1, 30),
    risk=st.integers(0, 2),
    steps=st.lists(STEP, max_size=60),
)
def test_however_sales_and_messages_come_no_more_is_used_than_the_limit_and_the_risks(
    most: int, risk: int, steps: list[tuple[str, int, int]]
) -> None:
    """Tills sell without a line; grants arrive late, again, or never; uses reach central later."""
    with TemporaryDirectory() as name:
        _run(Path(name), most, risk, steps)


def _run(folder: Path, most: int, risk: int, steps: list[tuple[str, int, int]]) -> None:
    central = SharedLimit(most=most)
    told: list[list[int]] = [[0] for _ in LIVES]
    sold: list[list[int]] = [[] for _ in LIVES]
    counted = [0 for _ in LIVES]
    with till(folder, LIVES[0]) as a, till(folder, LIVES[1]) as b, till(folder, LIVES[2]) as c:
        tills = (a, b, c)
        for what, number, amount in steps:
            life = LIVES[number]
            if what == "sell":
                with tills[number].begin() as tx:
                    if limit_shares.use(tx, KEY, amount, risk=risk):
                        sold[number].append(amount)
            elif what == "hear":
                # Any of the last grants, so also one that came before: it changes nothing then.
                granted = told[number][max(-len(told[number]), -1 - amount)]
                with tills[number].begin() as tx:
                    limit_shares.grant(tx, [(KEY, life[1], granted)])
            elif what == "send":
                for use in sold[number][counted[number] : counted[number] + amount]:
                    central.shares.setdefault(life, LifeShare()).used += use
                counted[number] = min(len(sold[number]), counted[number] + amount)
            elif what == "return" and counted[number]:
                # The last item of a counted sale comes back: its use is free for anybody.
                central.returned += sold[number][counted[number] - 1]
                sold[number][counted[number] - 1] = 0
            elif what == "grant":
                for grown in share_out(central, LIVES):
                    told[LIVES.index(grown)].append(central.shares[grown].granted)
            for share in central.shares.values():
                assert share.granted <= share.used + share.outstanding + share.written_off
            used = sum(sum(of) for of in sold)
            assert used <= most + risk * len(LIVES), (most, sold)
        if not risk:
            # Nothing was granted that the limit does not hold.
            assert central.used + central.outstanding <= most


def test_a_till_keeps_what_it_used_whatever_it_is_granted_anew(tmp_path: Path) -> None:
    with till(tmp_path, LIVES[0]) as engine:
        with engine.begin() as tx:
            limit_shares.grant(tx, [(KEY, LIVES[0][1], 3), (KEY, LIVES[1][1], 50)])
            assert limit_shares.use(tx, KEY, 2, risk=0)
            assert not limit_shares.use(tx, KEY, 2, risk=0)
            assert limit_shares.use(tx, KEY, 2, risk=1)
            assert limit_shares.left(tx) == {KEY: -1}
            limit_shares.grant(tx, [(KEY, LIVES[0][1], 2)])
            limit_shares.grant(tx, [(KEY, LIVES[0][1], 6)])
            assert limit_shares.left(tx) == {KEY: 2}
        with engine.begin() as tx:
            assert not limit_shares.use(tx, "shop/other/total", 1, risk=0)
