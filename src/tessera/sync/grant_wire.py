"""The messages by which a register shows its grants again to a central that was restored.

Owns: shapes only, as `wire`. Must never: decide anything.
"""

from typing import Annotated

import msgspec

from tessera.sync.feed_wire import LeaseRow
from tessera.sync.wire import Count, Id, Message

GRANTS_MAX = 100
"""Most grants in one page."""


class PresentRequest(Message, frozen=True, kw_only=True):
    """A page of the grants that a register holds, each as central once signed it.

    `is_last`: with this page central has heard of all of them. A page that is empty and not the
    last only asks who is waited for.
    """

    generation: Id
    grants: Annotated[tuple[LeaseRow, ...], msgspec.Meta(max_length=GRANTS_MAX)] = ()
    is_last: bool = False


class PresentAnswer(Message, frozen=True, kw_only=True):
    """How many grants were news to central, and how many it does not believe.

    `taken_back`: units of leases that stood in the books and that the register does not hold.
    `waiting`: registers of this store that have not presented theirs, first of all the one that
    asks; until they have, central sets nothing more aside for the store's members.
    """

    generation: Id
    taken: Count = 0
    refused: Count = 0
    taken_back: Count = 0
    waiting: tuple[Id, ...] = ()
