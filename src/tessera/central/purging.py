"""Lets the bytes of old batches go, so that the inbox does not grow for ever.

Owns: how much goes in one transaction and in one round. Must never: let go of what is not in a safe
backup, or hold up booking.
"""

import hashlib
from collections.abc import Callable

from tessera.central.opening import Central
from tessera.central.work import content_hashes
from tessera.store.central import backup_book, inbox_purge

DAY_MS = 86_400_000
AT_ONCE = 20
"""Batches in one transaction: some 40 ms on a slow core."""
ROUND_MOST = 500


def purge_inbox(central: Central, *, give_way: Callable[[], object] = lambda: None) -> int:
    """Let one round of batches go, at most `ROUND_MOST`; how many went.

    `give_way` is called before each transaction.
    """
    days = central.settings.retention.inbox_days
    if not days:
        return 0
    before_ms = central.now_ms() - days * DAY_MS
    gone = 0
    while gone < ROUND_MOST:
        with central.engines.reader.begin() as tx:
            backup = backup_book.read_newest_safe(tx)
            if backup is None:
                return gone
            ready = inbox_purge.read_ready(
                tx, before_ms=before_ms, backup=backup.number, limit=AT_ONCE
            )
        if not ready:
            return gone
        found = [(batch, b"".join(content_hashes(batch))) for batch in ready]
        give_way()
        with central.engines.writer.begin() as tx:
            for batch, hashes in found:
                assert len(hashes) == hashlib.sha256().digest_size * batch.count
                inbox_purge.purge(tx, batch, hashes, now_ms=central.now_ms())
        gone += len(ready)
    return gone
