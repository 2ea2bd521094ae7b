"""Goods come back on which somebody has claimed points: the record that takes these points along.

Owns: that record, which stands just before the return itself. Must never: refund money, or write
anything by itself.
"""

from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from tessera.agent.checkout_commit import (
    Writing,
    digest_of,
    draft_of,
    find_first,
    mint_uid,
)
from tessera.agent.checkout_return_effects import as_wishes, lease_uses, return_effects
from tessera.agent.claims_made import ClaimMade, back_key, claimed_back
from tessera.agent.till_state import TillState
from tessera.core.basket import Place
from tessera.core.identity import SaleKey
from tessera.core.journal import RecordDraft
from tessera.core.quote import ReturnQuote
from tessera.core.sale import KIND_RETURN, LeaseUse, ReturnBody
from tessera.store.till.values import AccountView
from tessera.sync.records import encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """A return as far as its claim is concerned.

    `key` is the return's own, `before` what had come back of the sale by then, `accounts` are those
    of the member who claimed.
    """

    key: SaleKey
    place: Place
    wishes: dict[str, Decimal]
    before: dict[str, Decimal]
    accounts: tuple[AccountView, ...]


def claimed_taken_back(
    state: TillState, claim: ClaimMade, back: Back
) -> tuple[ReturnQuote | None, Writing | None]:
    """What goes back of the claim, and the record of it; None where nothing was worked out here.

    A record of its own, since the claim is one, in the transaction of the return: points that went
    back without their goods would be gone. Earlier releases wrote it in one of its own; what such a
    one left is found done when the return is repeated.
    """
    gone = claimed_back(claim, back.wishes, back.before)
    if gone is None:
        return None, None
    quote = gone.quote
    if not quote.units and not gone.unspent_minor:
        return quote, None
    key, uid, member_id = back_key(back.key), mint_uid(state), claim.body.member.member_id
    if find_first(state, key) is not None:
        return quote, None

    def record(connection: sa.Connection) -> tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]:
        uses = lease_uses(connection, member_id, quote)
        body = ReturnBody(
            key=key,
            place=back.place,
            original=claim.body.key,
            original_uid=claim.uid,
            member_id=member_id,
            wishes=as_wishes(back.wishes),
            returned_before=(),
            quote=quote,
            leases=uses,
            flags=("claim",),
            unspent_minor=gone.unspent_minor,
        )
        draft = draft_of(
            state,
            kind=KIND_RETURN,
            day=key.business_day,
            bundle=claim.bundle,
            body=encoded(body),
            uid=uid,
        )
        return draft, b"{}", uses

    writing = Writing(
        uid=uid,
        key=key,
        digest=digest_of("back", back.key),
        record=record,
        effects=return_effects(member_id, back.accounts, quote),
    )
    return quote, writing
