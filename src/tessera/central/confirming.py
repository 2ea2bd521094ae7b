"""Uses of limited offers, counted by central; what waited for the count is confirmed or withheld.

Pure, like `booking`, which calls it. A use is counted whatever the count says: it happened. What an
offer said to be `pending` gives beyond its limit is withheld under the sale's own name, and a
return of that sale takes it from there instead of from the member. Beyond the limit and not
pending: the customer has it, so a tag makes it visible.
Must never: touch a database, or take a discount back.
"""

from dataclasses import dataclass, replace

from tessera.core.ledger import Posting
from tessera.core.money import UNITS_MAX
from tessera.core.quote import CounterUse, IssuedCoupon, Quote, UnitMovement
from tessera.core.sale import ReturnBody
from tessera.core.uses import (
    DRAW,
    entries_account,
    entry_postings,
    give_back_postings,
    revoke_postings,
    use_postings,
    uses_account,
    withheld_account,
)
from tessera.store.central.accounts import MemberAccounts

ACCOUNT_LENGTH_MAX = 64
TAG_OVER_LIMIT = "over-limit"
TAG_WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What is left to book as usual, what is posted besides, and tags of what was unusual.

    `denied`: offers whose draw entries are not granted.
    """

    movements: tuple[UnitMovement, ...]
    postings: tuple[Posting, ...] = ()
    tags: tuple[str, ...] = ()
    denied: frozenset[str] = frozenset()


def confirm_sale(
    state: MemberAccounts,
    quote: Quote,
    *,
    uid: str,
    counted: tuple[CounterUse, ...] = (),
    waits: bool = False,
) -> Confirmed:
    """Count a sale's uses, and withhold what was pending and is beyond its limit.

    `counted`: what the guard against abuse counts of its member besides; it has no limit here.
    `waits`: the member may be somebody else's second account, so all that is pending is withheld.
    ValueError for a use that no account could hold.
    """
    if not quote.counters and not quote.issued and not counted:
        return Confirmed(movements=quote.units)
    _check_uses((*quote.counters, *counted))
    over = [use for use in quote.counters if _is_over(state, use) or (waits and use.pending)]
    tags = []
    if any(not use.pending for use in over):
        tags.append(TAG_OVER_LIMIT)
    if any(use.pending for use in over):
        tags.append(TAG_WITHHELD)
    # Several limits of one offer may be exceeded at once; what it gives is withheld once.
    withheld = {_offer_of(use): use for use in over if use.pending}
    movements = list(quote.units)
    denied = frozenset(withheld)
    _check_rights(quote.issued)
    postings = [*use_postings((*quote.counters, *counted)), *entry_postings(quote.issued, denied)]
    for use in withheld.values():
        for place, move in enumerate(movements):
            if (move.unit, move.issuer) == (use.unit, use.issuer):
                kept_back = max(0, min(use.earned, move.earned))
                movements[place] = replace(move, earned=move.earned - kept_back)
                postings += _withheld(move, kept_back, uid=uid)
    return Confirmed(
        movements=tuple(movements),
        postings=tuple(postings),
        tags=tuple(tags),
        denied=denied,
    )


def confirm_return(state: MemberAccounts, body: ReturnBody) -> Confirmed:
    """Give uses back, and take back first what was withheld of the sale. ValueError as above."""
    _check_uses((*body.counters, *body.counted))
    counted = {
        uses_account(use.key): state.account(uses_account(use.key)).points for use in body.counters
    }
    _check_rights(body.revoked)
    held = {
        entries_account(right.name): state.account(entries_account(right.name)).points
        for right in body.revoked
        if right.kind == DRAW
    }
    postings = [
        *give_back_postings(body.counters, counted),
        *revoke_postings(body.revoked, held),
        *use_postings(body.counted),
    ]
    movements = []
    for move in body.quote.units:
        name = withheld_account(body.original_uid, move.unit, move.issuer)
        kept = state.accounts[name].points if name in state.accounts else 0
        taken = min(move.earned, kept)
        movements.append(replace(move, earned=move.earned - taken))
        postings += _withheld(move, -taken, uid=body.original_uid)
    return Confirmed(movements=tuple(movements), postings=tuple(postings))


def _check_uses(uses: tuple[CounterUse, ...]) -> None:
    for use in uses:
        if not 0 <= use.used <= UNITS_MAX or len(uses_account(use.key)) > ACCOUNT_LENGTH_MAX:
            raise ValueError("use of an offer is out of bounds")


def _check_rights(rights: tuple[IssuedCoupon, ...]) -> None:
    if any(not 0 <= right.count <= UNITS_MAX for right in rights):
        raise ValueError("count of a right is out of bounds")


def _is_over(state: MemberAccounts, use: CounterUse) -> bool:
    if use.most <= 0 or use.used <= 0:
        return False
    counted = state.accounts.get(uses_account(use.key))
    return (counted.points if counted else 0) + use.used > use.most


def _offer_of(use: CounterUse) -> str:
    return use.key.rpartition("/")[0]


def _withheld(move: UnitMovement, count: int, *, uid: str) -> list[Posting]:
    if not count:
        return []
    return [
        Posting(
            account=withheld_account(uid, move.unit, move.issuer),
            unit=move.unit,
            delta=count,
            member=True,
            issuer=move.issuer,
        ),
        Posting(account="issued", unit=move.unit, delta=-count, member=False, issuer=move.issuer),
    ]
