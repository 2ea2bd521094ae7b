"""The work of an evaluation and the nodes of a search have an end, and it is where it is said."""

import pytest

from tessera.rules.spending import WORK_MAX, Budget, Meter, OutOfWork


def test_work_may_be_spent_to_its_end_and_not_beyond() -> None:
    meter = Meter()
    meter.spend(WORK_MAX - 1)
    meter.spend(1)
    with pytest.raises(OutOfWork):
        meter.spend(1)


def test_a_search_spends_the_evaluation_s_work_and_nodes_of_its_own() -> None:
    meter = Meter()
    one, other = Budget(10, meter), Budget(10, meter)
    one.spend(3)
    one.spend(4)
    assert (one.left, one.nodes, other.left, other.nodes) == (3, 7, 10, 0)
    one.work(5)
    other.work(6)
    assert meter.left == WORK_MAX - 11
