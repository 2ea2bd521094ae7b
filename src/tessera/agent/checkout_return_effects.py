"""What a return changes at this register: on the member's accounts and in the leases held here.

Owns: these effects, the same for goods and for what was claimed on them. Must never: write.
"""

from decimal import Decimal

import sqlalchemy as sa

from tessera.agent.checkout_answers import moved
from tessera.agent.checkout_member import Buyer
from tessera.core.ledger import Posting, return_postings
from tessera.core.quote import CounterUse, ReturnQuote
from tessera.core.sale import LeaseUse, ReturnWish
from tessera.core.uses import give_back_postings
from tessera.store.till import leases
from tessera.store.till.values import AccountEffect, AccountView


def as_wishes(quantities: dict[str, Decimal]) -> tuple[ReturnWish, ...]:
    """Quantities by line as a record holds them."""
    return tuple(
        ReturnWish(line_id=line_id, quantity=format(quantity, "f"))
        for line_id, quantity in sorted(quantities.items())
        if quantity
    )


def lease_uses(
    connection: sa.Connection, member_id: str, quote: ReturnQuote
) -> tuple[LeaseUse, ...]:
    """What is taken back off the leases of this register, as far as they reach.

    Central may not touch what is leased: without this the member would owe what lies in a lease.
    """
    if not member_id:
        return ()
    uses: list[LeaseUse] = []
    for unit, (taken_back, given_back) in moved(quote.units).items():
        here = min(taken_back - given_back, leases.remaining(connection, member_id, unit))
        if here > 0:
            uses += leases.take(connection, member_id, unit, here)
    return tuple(uses)


def return_effects(
    member_id: str,
    accounts: tuple[AccountView, ...],
    quote: ReturnQuote,
    counters: tuple[CounterUse, ...] = (),
) -> tuple[AccountEffect, ...]:
    """What the return changes on the member's accounts, as far as this register can know.

    Everything is within reach here: what lies in its own leases is taken off them.
    """
    if not member_id:
        return ()
    seen = Buyer(accounts=accounts)
    available = {unit: view.balance for unit, view in seen.balances().items()}
    postings: tuple[Posting, ...] = return_postings(quote.units, available, seen.owed())
    postings += give_back_postings(counters, {view.unit: view.balance for view in accounts})
    return tuple(
        AccountEffect(member_id=member_id, account=part.account, delta=part.delta)
        for part in postings
        if part.member
    )
