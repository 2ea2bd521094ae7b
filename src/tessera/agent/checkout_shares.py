"""Limits over all members at this register: what is left here, and using it up with a sale.

Owns: the look at the register's shares when a basket is priced, and their use in the sale's own
transaction. Must never: use more than the share and the programme's stated risk, whatever was
promised or paid.
"""

import sqlalchemy as sa

from tessera.agent.till_state import TillState
from tessera.core.basket import Place
from tessera.core.errors import TesseraError
from tessera.core.quote import Quote
from tessera.core.uses import is_shared
from tessera.rules.programme import Programme
from tessera.rules.shares import risk_of, with_shares
from tessera.store.engine import DATABASE_ERRORS
from tessera.store.till import limit_shares

FLAG_USED_UP = "used-up"


class ShareShort(TesseraError):
    """What the quote uses of a limit over all members is not left here; nothing was written."""

    code = "share_short"


def placed(state: TillState, place: Place) -> Place:
    """The place with what is left here of the limits over all members."""
    programme = state.programme.programme
    if programme is None or not programme.shared:
        return place
    try:
        with state.engines.reader.connect() as connection:
            left = limit_shares.left(connection)
    except DATABASE_ERRORS:
        # Nothing could be written of their use either; the answer says that the database fails.
        left = {}
    prefix = share_key(programme, "")
    own = {key.removeprefix(prefix): n for key, n in left.items() if key.startswith(prefix)}
    return with_shares(programme, place, own)


def use_shares(
    connection: sa.Connection, programme: Programme | None, place: Place, quote: Quote
) -> None:
    """Use up what a quote takes of limits over all members; ShareShort when it is not there."""
    for counter in quote.counters:
        if not is_shared(counter.key) or counter.used <= 0:
            continue
        key = f"{quote.programme}/{counter.key}"
        risk = risk_of(programme, place, counter.key)
        if not limit_shares.use(connection, key, counter.used, risk=risk):
            raise ShareShort(
                f"{counter.key} is used up on this register",
                hint="send the basket again with PUT and take what the new quote says",
            )


def share_key(programme: Programme, key: str) -> str:
    """A limit's name among those of all programmes."""
    return f"{programme.programme_id}/{key}"
