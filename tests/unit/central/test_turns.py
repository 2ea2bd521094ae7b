"""Requests go before rounds of booking, and booking is not kept waiting for ever."""

import threading

from tessera.central.turns import Turns

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
