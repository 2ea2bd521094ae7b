"""What follows once records are settled: codes, limits, claims, cards, alarms, rechecks.

Owns: the steps that belong to no member, the same for records that have just come in and for one
that is tried again. Must never: settle a record.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from tessera.central import claims_back, enrolling
from tessera.central.coupon_claims import end_codes
from tessera.central.desk import Desk
from tessera.central.settling import Settled
from tessera.central.shared_limits import count_uses
from tessera.central.work import Work
from tessera.core.sale import KIND_SALE
from tessera.store.central import quarantine_book, recheck_book, register_book


def finish(tx: sa.Connection, works: Sequence[Work], settled: Settled, desk: Desk) -> None:
    """Do what is left to be done of `works`, which `settled` tells of; harmless when repeated."""
    end_codes(tx, settled.ended, desk)
    tagged = [
        *settled.tagged,
        *count_uses(tx, settled.shared, settled.ended),
        *claims_back.take_back(tx, works, desk),
    ]
    enrolling.hand_out(tx, settled.enrolled, desk)
    quarantine_book.park(tx, settled.parked)
    for register_id, tag, uid in tagged:
        register_book.raise_alarm(
            tx,
            register_id=register_id,
            kind=tag,
            about=uid,
            detail="",
            raised_ms=desk.now_ms(),
        )
    chosen = (work for work in works if work.kind == KIND_SALE and not work.reason)
    recheck_book.add_due(
        tx, [(work.register_id, work.uid) for work in chosen if desk.sample.holds(work.uid)]
    )
