"""The messages by which a register shows its grants again to a central that was restored.

Owns: shapes only, as `wire`. Must never: decide anything.
"""

from typing import Annotated

import msgspec

from tessera.sync.wire import Count, Id, LeaseRow, Message

GRANTS_MAX = 100
"""Most grants in one page."""


class PresentRequest(Message, frozen=True, kw_only=True):
    """A page of the grants that a register holds, each as central once signed it.

    `is_last`: with this page central has heard of all of them.
    """

    generation: Id
    grants: Annotated[tuple[LeaseRow, ...], msgspec.Meta(max_length=GRANTS_MAX)] = ()
    is_last: bool = False


class PresentAnswer(Message, frozen=True, kw_only=True):
    """How many grants were news to central, and how many it does not believe.

    `waiting`: registers of this store that have not presented theirs; until they have, central sets
    nothing more aside for the store's members.
    """

    generation: Id
    taken: Count = 0
    refused: Count = 0
    waiting: tuple[Id, ...] = ()
