"""What an operator sees of a member: accounts, leases, postings.

Must never: show anything personal, or change anything.
"""

from dataclasses import dataclass

from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of
from tessera.core.ledger import Posting
from tessera.store.central import ledger_book, member_book
from tessera.store.central.accounts import Account, Lease
from tessera.store.central.member_book import MemberRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberState:
    """A member as central holds them. `lines`: (uid, posting, tag) in the order of uids."""

    member: MemberRecord
    accounts: dict[str, Account]
    leases: tuple[Lease, ...]
    lines: tuple[tuple[str, Posting, str], ...]


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
        lines = ledger_book.read_lines(tx, *key)
    return MemberState(
        member=member,
        accounts=dict(sorted(state.accounts.items())),
        leases=tuple(sorted(state.leases.values(), key=lambda lease: lease.granted_ms)),
        lines=tuple(lines),
    )


def card_holder(central: Central, number: str) -> str:
    """The member whose card this is; TesseraError when it is nobody's."""
    try:
        card_hash = central.keys.cards.card(number)
    except ValueError as error:
        raise TesseraError(str(error), hint="check the card's number") from error
    with central.engines.reader.begin() as tx:
        card = member_book.read_cards(tx, [card_hash]).get(card_hash)
    if card is None:
        raise TesseraError("this card is nobody's", hint="add it: tessera central member add")
    return card.member_id
