"""What an operator sees of a member: tier, balances, leases, entries.

Must never: show anything personal, or change anything.
"""

from dataclasses import dataclass

from tessera.central import tiers
from tessera.central.opening import Central
from tessera.central.tiers import Standing
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of
from tessera.core.ledger import Posting
from tessera.store.central import ledger_book, member_book, sale_book
from tessera.store.central.accounts import Account, Lease
from tessera.store.central.member_book import MemberRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of a member: a sale, a return, a first balance, with its postings.

    `units`: what it did to the member's own accounts. `due_minor` is below zero for a refund.
    """

    uid: str
    kind: str
    state: str
    reason: str
    sale_id: str
    due_minor: int
    units: dict[str, int]
    postings: tuple[Posting, ...]
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberState:
    """A member as central holds them; entries in the order of their uids, which is that of time."""

    member: MemberRecord
    accounts: dict[str, Account]
    leases: tuple[Lease, ...]
    entries: tuple[Entry, ...]
    standing: Standing


def member_state(central: Central, member_id: str) -> MemberState:
    """Everything of one member; TesseraError when there is none of this id."""
    key = (bucket_of(member_id), member_id)
    with central.engines.reader.begin() as tx:
        member = member_book.read_members(tx, [key]).get(key)
        if member is None:
            raise TesseraError(
                f"member {member_id!r} is unknown", hint="add one: tessera central member add"
            )
        state = ledger_book.load(tx, [key])[key]
        standing = tiers.standing(tx, member, central.now_ms())
        leases = ledger_book.read_leases(tx, key)
        lines = ledger_book.read_lines(tx, *key)
        outcomes = {row.uid: row for row in sale_book.read_member_outcomes(tx, *key)}
    posted: dict[str, list[Posting]] = {uid: [] for uid in outcomes}
    tags = {uid: row.tags for uid, row in outcomes.items()}
    for uid, posting, tag in lines:
        posted.setdefault(uid, []).append(posting)
        tags.setdefault(uid, tag)
    return MemberState(
        member=member,
        accounts=dict(sorted(state.accounts.items())),
        leases=tuple(leases),
        standing=standing,
        entries=tuple(
            _entry(uid, outcomes.get(uid), posted[uid], tags[uid]) for uid in sorted(posted)
        ),
    )


def _entry(
    uid: str, outcome: sale_book.OutcomeRecord | None, postings: list[Posting], tag: str
) -> Entry:
    units: dict[str, int] = {}
    for posting in postings:
        if posting.member:
            units[posting.account] = units.get(posting.account, 0) + posting.delta
    return Entry(
        uid=uid,
        kind=outcome.kind if outcome else tag,
        state=outcome.state if outcome else sale_book.APPLIED,
        reason=outcome.reason if outcome else "",
        sale_id=outcome.sale_key.rpartition(" ")[2] if outcome else "",
        due_minor=outcome.amount_minor if outcome else 0,
        units=units,
        postings=tuple(postings),
        tag=tag,
    )


def card_holder(central: Central, number: str) -> str:
    """The member whose card this is; TesseraError when it is nobody's."""
    try:
        card_hash = central.keys.cards.card(number)
    except ValueError as error:
        raise TesseraError(str(error), hint="check the card's number") from error
    with central.engines.reader.begin() as tx:
        card = member_book.read_cards(tx, [card_hash]).get(card_hash)
    if card is None or not card.member_id:
        raise TesseraError("this card is nobody's", hint="add it: tessera central member add")
    return card.member_id
