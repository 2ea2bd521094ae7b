"""The account of the line: what is central's doing, and what is this register's own."""

from tessera.agent.sync_status import LineState, SyncNotice

FULL = "this register's database fails: database or disk is full"


def test_a_database_that_fails_is_no_line_that_is_gone_and_is_told_once() -> None:
    told: list[SyncNotice] = []
    line = LineState(wall_ms=lambda: 7, tell=told.append)
    line.heard()
    for _ in range(3):
        line.failed_here("pull", FULL)
        line.heard()
    assert told == [SyncNotice(what="online"), SyncNotice(what="stuck", text=FULL)]
    assert (line.online, line.last_error) == (True, FULL)
    line.mended("pull")
    assert line.last_error == ""
    line.failed_here("pull", FULL)
    assert len(told) == 3
