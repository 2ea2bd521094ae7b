"""Clones, restores and other histories: every sale counts once, and every fork is noticed."""

import copy

from tessera.central.opening import Central
from tessera.store.central import inbox, register_book, schema
from tests.store.central.parts import (
    accept,
    book,
    count,
    differences,
    enrolled,
    member,
    points,
)
from tests.store.central.scripted_till import Till


def alarms(central: Central) -> list[str]:
    with central.engines.reader.begin() as tx:
        return [alarm.kind for alarm in register_book.read_alarms(tx)]


def test_a_cloned_disk_is_noticed_and_no_sale_is_lost(central: Central) -> None:
    """Three sales in common, then two on the original and one on the clone: 10 points each."""
    original = Till()
    enrolled(central, original)
    member(central, "M-1")
    for _ in range(3):
        original.sell("M-1", earned=10)
    clone = copy.deepcopy(original)
    clone.chance.seed(99)
    accept(central, original.batch())
    for _ in range(2):
        original.sell("M-1", earned=10)
    clone.sell("M-1", earned=10, sale_id="on-the-clone")
    assert not accept(central, original.batch(4)).fork
    answer = accept(central, clone.batch(4))
    assert (answer.fork, answer.high_water) == (True, 4)
    book(central)
    assert points(central, "M-1") == 60
    assert alarms(central) == ["fork"]
    assert differences(central) == []


def test_a_clone_that_sends_everything_again_adds_only_what_is_new(central: Central) -> None:
    original = Till()
    enrolled(central, original)
    member(central, "M-1")
    for _ in range(3):
        original.sell("M-1", earned=10)
    clone = copy.deepcopy(original)
    clone.chance.seed(99)
    original.sell("M-1", earned=10)
    clone.sell("M-1", earned=10, sale_id="on-the-clone")
    accept(central, original.batch())
    assert accept(central, clone.batch()).fork
    book(central)
    assert points(central, "M-1") == 50
    assert differences(central) == []


def test_a_fork_goes_on_as_its_own_branch(central: Central) -> None:
    original = Till()
    enrolled(central, original)
    original.sell()
    clone = copy.deepcopy(original)
    clone.chance.seed(99)
    accept(central, original.batch())
    original.sell()
    clone.sell(sale_id="c1")
    clone.sell(sale_id="c2")
    accept(central, original.batch(2))
    accept(central, clone.batch(2, 2))
    answer = accept(central, clone.batch(3))
    assert (answer.fork, answer.high_water) == (True, 3)
    assert accept(central, clone.batch(2, 3)).repeated
    with central.engines.reader.begin() as tx:
        branches = inbox.read_branches(tx, original.register, original.incarnation)
    assert [(branch.is_fork, branch.head_seq) for branch in branches] == [(False, 2), (True, 3)]
    book(central)
    assert count(central, schema.OUTCOME) == 4
    assert differences(central) == []


def test_a_new_life_goes_on_from_its_parent(central: Central) -> None:
    first = Till()
    enrolled(central, first)
    member(central, "M-1")
    first.sell("M-1", earned=10)
    accept(central, first.batch())
    second = Till(incarnation="00000000000000a2", parent=first.head, number=2)
    second.sell("M-1", earned=10)
    answer = accept(central, second.batch())
    assert (answer.fork, answer.high_water, answer.incarnation) == (False, 1, second.incarnation)
    book(central)
    assert points(central, "M-1") == 20
    with central.engines.reader.begin() as tx:
        register = register_book.read_register(tx, first.register)
    assert register is not None
    assert register.incarnation == second.incarnation
    assert alarms(central) == ["new-incarnation"]
    assert differences(central) == []


def test_the_same_uid_with_other_content_is_an_alarm_and_has_no_effect(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    sale = till.sell("M-1", earned=10)
    other = Till(number=5)
    other.sell("M-1", earned=10, sale_id="another")
    body = other.records[0].raw[len(b'{"body":') : other.records[0].raw.index(b',"boot"')]
    till.write("sale", body, uid=sale.uid)
    till.sell("M-1", earned=1)
    accept(central, till.batch())
    book(central)
    assert points(central, "M-1") == 11
    assert alarms(central) == ["uid-conflict"]
    assert differences(central) == []


def test_a_clone_of_a_clone_is_a_branch_of_its_own(central: Central) -> None:
    """Records 1–2 in common; the clones share record 3 and part at 4."""
    original = Till()
    enrolled(central, original)
    member(central, "M-1")
    for _ in range(2):
        original.sell("M-1", earned=10)
    clone = copy.deepcopy(original)
    clone.chance.seed(98)
    original.sell("M-1", earned=10)
    clone.sell("M-1", earned=10, sale_id="c3")
    second = copy.deepcopy(clone)
    second.chance.seed(99)
    clone.sell("M-1", earned=10, sale_id="c4")
    second.sell("M-1", earned=10, sale_id="d4")
    accept(central, original.batch())
    accept(central, clone.batch(3))
    assert accept(central, second.batch(2)).fork
    book(central)
    with central.engines.reader.begin() as tx:
        branches = inbox.read_branches(tx, original.register, original.incarnation)
    assert sorted((branch.seq, branch.head_seq) for branch in branches) == [(1, 3), (3, 4), (4, 4)]
    assert points(central, "M-1") == 60
    assert differences(central) == []
