"""Requests go before rounds of booking, and booking is not kept waiting for ever."""

import threading
import time

from tessera.central.turns import NEXT_BATCH_S, Turns

LONG_S = 30.0


def test_nobody_waits_when_nobody_writes() -> None:
    assert Turns().give_way(LONG_S)


def test_a_round_begins_once_the_last_request_has_written() -> None:
    turns = Turns()
    began = threading.Event()

    def book() -> None:
        if turns.give_way(LONG_S):
            began.set()

    worker = threading.Thread(target=book)
    with turns.first():
        with turns.first():
            worker.start()
        assert not began.is_set()
    assert began.wait(LONG_S)
    worker.join()


def test_booking_goes_on_among_requests_that_never_end() -> None:
    turns = Turns()
    with turns.first():
        assert not turns.give_way(0.01)


def test_booking_lets_the_next_batch_of_a_backlog_come_first() -> None:
    turns = Turns()
    turns.expect_more()
    begun_s = time.monotonic()
    assert turns.give_way(LONG_S, to_expected=True)
    assert time.monotonic() - begun_s >= NEXT_BATCH_S / 2


def test_what_is_only_expected_holds_up_nothing_else() -> None:
    turns = Turns(clock=lambda: 5.0)  # at which the next batch stays expected
    turns.expect_more()
    assert turns.give_way(LONG_S)
    assert turns.give_way(0.0, to_expected=True)
