import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.journal import RecordDraft, SealedRecord, chain_links, genesis, head_after, seal
from tessera.sync.batching import (
    BACKOFF_S_MAX,
    BISECT_S_MAX,
    SINGLES_BEFORE_OPAQUE,
    Pace,
    after_acceptance,
    after_failure,
    chosen,
    delay_s,
    head_of,
    payload_of,
    settle,
)
from tessera.sync.link import CentralConfused
from tessera.sync.wire import BATCH_BYTES_MAX, BatchAnswer, BatchHead, Malformed
from tests.support.till import LIFE, numbered_draft

START = genesis("till-1", LIFE)


def records(count: int) -> list[SealedRecord]:
    sealed, head = [], START
    for number in range(1, count + 1):
        record = seal(numbered_draft(number), head)
        sealed.append(record)
        head = head_after(record, "till-1")
    return sealed


SOLD = records(60)


def head_from(first: int, last: int) -> BatchHead:
    part = SOLD[first - 1 : last]
    before = SOLD[first - 2].link_hash if first > 1 else START.link_hash
    return head_of(
        part,
        payload_of(part),
        register="till-1",
        previous_link=before,
        generation="g1",
        parent=None,
    )


def answer(high_water: int, **more: object) -> BatchAnswer:
    fields = {"generation": "g1", "incarnation": LIFE, "central_ms": 1, **more}
    return BatchAnswer(high_water=high_water, **fields)  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 17), min_size=1, max_size=20))
def test_batches_of_any_cut_chain_to_each_other(cuts: list[int]) -> None:
    rest, link, heads = SOLD, START.link_hash, []
    for cut in cuts:
        batch = chosen(rest, Pace(limit=cut))
        if not batch:
            break
        heads.append(
            head_of(
                batch,
                payload_of(batch),
                register="till-1",
                previous_link=link,
                generation="g1",
                parent=None,
            )
        )
        link = batch[-1].link_hash
        rest = rest[len(batch) :]
    for before, after in itertools.pairwise(heads):
        assert after.previous_link == before.last_link
        assert after.first_seq == before.last_seq + 1
    sent = SOLD[: heads[-1].last_seq]
    assert heads[-1].last_link == chain_links(START, [one.raw for one in sent])[-1].hex()


def test_the_payload_is_the_raw_bytes_line_by_line() -> None:
    assert payload_of(SOLD[:2]) == SOLD[0].raw + b"\n" + SOLD[1].raw + b"\n"


def test_a_batch_ends_before_a_gap() -> None:
    assert chosen([SOLD[0], SOLD[1], SOLD[3]], Pace()) == (SOLD[0], SOLD[1])


def test_a_batch_ends_before_it_is_too_large_but_holds_one_record() -> None:
    big = RecordDraft(
        uid=SOLD[0].uid,
        kind="sale",
        business_day=numbered_draft(1).business_day,
        wall_ms=1,
        mono_ms=1,
        boot_id="b",
        bundle="",
        engine="",
        body=b'{"text":"' + b"x" * 1_000_000 + b'"}',
    )
    sealed, head = [], START
    for _ in range(10):
        sealed.append(seal(big, head))
        head = head_after(sealed[-1], "till-1")
    assert len(chosen(sealed, Pace())) == BATCH_BYTES_MAX // 1_000_300
    assert len(chosen(sealed[:1], Pace(limit=1))) == 1


def test_the_parent_is_named_by_the_first_batch_of_a_life_alone() -> None:
    parent = head_after(SOLD[0], "till-1")
    for first, named in ((1, LIFE), (2, "")):
        head = head_of(
            SOLD[first - 1 : first],
            b"",
            register="till-1",
            previous_link=b"",
            generation="g1",
            parent=parent,
        )
        assert head.parent == named


def test_a_poison_is_reached_by_halving_and_sent_opaque_after_some_tries() -> None:
    pace, trips = Pace(), 0
    while not pace.opaque:
        pace = after_failure(pace, pace.limit)
        trips += 1
    assert pace.limit == 1
    assert trips == 8 - 1 + SINGLES_BEFORE_OPAQUE  # 200 → 100, 50, 25, 12, 6, 3, 1
    assert after_acceptance(pace) == Pace(limit=2)


def test_an_accepted_batch_settles_to_its_end() -> None:
    settled = settle(head_from(1, 10), answer(10), own_head_seq=60, known_high_water=0)
    assert (settled.high_water, settled.resend_after, settled.forked) == (10, None, False)


def test_a_repeat_may_be_answered_with_a_later_mark() -> None:
    settled = settle(
        head_from(1, 10), answer(20, repeated=True), own_head_seq=60, known_high_water=0
    )
    assert (settled.high_water, settled.resend_after) == (20, None)


def test_a_gap_makes_the_till_go_back_to_the_mark() -> None:
    settled = settle(head_from(11, 20), answer(4), own_head_seq=60, known_high_water=10)
    assert (settled.high_water, settled.resend_after) == (4, 4)


def test_a_central_that_was_restored_is_noticed_by_its_generation_and_mark() -> None:
    settled = settle(
        head_from(11, 20), answer(4, generation="g2"), own_head_seq=60, known_high_water=10
    )
    assert (settled.generation, settled.resend_after) == ("g2", 4)


def test_a_mark_beyond_our_own_head_is_somebody_elses_history() -> None:
    settled = settle(head_from(51, 60), answer(61), own_head_seq=60, known_high_water=50)
    assert settled.forked
    assert settled.high_water == 60


def test_a_fork_that_central_names_settles_what_it_stored() -> None:
    settled = settle(head_from(1, 10), answer(10, fork=True), own_head_seq=60, known_high_water=0)
    assert (settled.forked, settled.high_water, settled.resend_after) == (True, 10, None)


def test_malformed_records_are_passed_on() -> None:
    told = answer(10, malformed=(Malformed(seq=3, reason="no JSON"),))
    settled = settle(head_from(1, 10), told, own_head_seq=60, known_high_water=0)
    assert settled.malformed == ((3, "no JSON"),)


def test_an_answer_about_another_life_is_refused() -> None:
    told = answer(10, incarnation="00000000000000ff")
    with pytest.raises(CentralConfused):
        settle(head_from(1, 10), told, own_head_seq=60, known_high_water=0)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_wait_is_never_negative_nor_over_its_bound(
    failures: int, chance: float, bisecting: bool
) -> None:
    wait = delay_s(failures, chance, bisecting=bisecting)
    assert 0 <= wait < BACKOFF_S_MAX
    if bisecting and failures <= 16:
        assert wait < BISECT_S_MAX


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 3600))
def test_a_time_that_central_named_is_waited_in_full(chance: float, named: float) -> None:
    assert delay_s(1, chance, retry_after_s=named) >= named


def test_waits_double_until_a_minute() -> None:
    assert [delay_s(n, 0.5) for n in (0, 1, 2, 3, 7, 50)] == [0.25, 0.5, 1.0, 2.0, 30.0, 30.0]
