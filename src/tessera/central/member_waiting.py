"""Members who were enrolled with a card or a phone that is another's, and what staff decides.

Owns: the list of them with the other member, and letting one go on without what was refused.
Must never: move a number from one member to another; a merge does that.
"""

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from tessera.central import rows
from tessera.central.granting import balance_changes, top_up
from tessera.central.moving import TRANSIT, Moved, put_in
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.core.identity import UID_RANDOM_BYTES, bucket_of, new_uid
from tessera.core.ledger import Posting, checked
from tessera.core.uses import WITHHELD_PREFIX
from tessera.store.central import deed_book, enrolment_book, feed, ledger_book, member_book
from tessera.store.central.accounts import MemberAccounts
from tessera.store.central.deed_book import Deed
from tessera.store.central.enrolment_book import Enrolment
from tessera.store.central.ledger_book import Entry, MemberKey
from tessera.store.central.member_book import Profile

LISTED_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A member who waits: for what, who has it, and which register enrolled them when."""

    member_id: str
    waits_for: str
    others: tuple[str, ...]
    register: str
    at_ms: int


def waiting_members(central: Central) -> list[Waiting]:
    """Everybody who waits for a decision."""
    found: list[Waiting] = []
    with central.engines.reader.begin() as tx:
        keys = enrolment_book.waiting(tx, limit=LISTED_MAX)
        members = member_book.read_members(tx, keys)
        first: dict[MemberKey, Enrolment] = {}
        for one in enrolment_book.read_of(tx, keys):
            first.setdefault((one.bucket, one.member_id), one)
        numbers = {
            bytes.fromhex(text)
            for one in first.values()
            for text in (one.card_hash, one.phone_hash)
            if text
        }
        held = member_book.read_cards(tx, numbers)
    for key in keys:
        enrolment = first.get(key)
        others: list[str] = []
        for text in (enrolment.card_hash, enrolment.phone_hash) if enrolment else ():
            card = held.get(bytes.fromhex(text)) if text else None
            if card is not None and card.member_id not in {"", key[1]}:
                others.append(card.member_id)
        found.append(
            Waiting(
                member_id=key[1],
                waits_for=members[key].waits_for,
                others=tuple(dict.fromkeys(others)),
                register=enrolment.register_id if enrolment else "",
                at_ms=enrolment.at_ms if enrolment else 0,
            )
        )
    return found


def _grant_withheld(tx: sa.Connection, state: MemberAccounts, *, uid: str) -> None:
    """Give what was withheld while the member waited; such units have no day on which they end.

    What was beyond a limit besides is told apart by nothing, and is given as well.
    """
    key = (bucket_of(state.member_id), state.member_id)
    held: dict[tuple[str, str, str], int] = {}
    for _uid, posting, _tag in ledger_book.read_lines(tx, *key):
        if posting.account.startswith(WITHHELD_PREFIX):
            place = (posting.account, posting.unit, posting.issuer)
            held[place] = held.get(place, 0) + posting.delta
    postings: list[Posting] = []
    moved: list[Moved] = []
    for (name, unit, issuer), points in sorted(held.items()):
        if points <= 0:
            continue
        account = state.account(name)
        account.points -= points
        account.version += 1
        state.changed_accounts.add(name)
        for to, delta, mine in ((name, -points, True), (TRANSIT, points, False)):
            postings.append(Posting(account=to, unit=unit, delta=delta, member=mine, issuer=issuer))
        moved.append(Moved(account=unit, unit=unit, amount=points, issuer=issuer))
    if moved:
        postings += put_in(state, moved, uid=uid)
        entry = Entry(
            bucket=key[0],
            member_id=key[1],
            uid=uid,
            postings=checked(postings),
            tag=deed_book.RELEASE,
        )
        ledger_book.post(tx, [entry])


def release(central: Central, member_id: str, *, who: str) -> bool:
    """Let a member go on without what was refused; False when they do not wait.

    TesseraError when there is none of this id.
    """
    key = (bucket_of(member_id), member_id)
    with central.engines.writer.begin() as tx:
        member = member_book.lock_members(tx, [key]).get(key)
        if member is None:
            raise TesseraError(
                f"member {member_id!r} is unknown", hint="tessera central member waiting lists them"
            )
        if not member.waits_for:
            return False
        desk = central.desk()
        changed = msgspec.structs.replace(member, waits_for="", version=member.version + 1)
        member_book.write_members(tx, [changed])
        at_ms = central.now_ms()
        uid = new_uid(at_ms, central.random(UID_RANDOM_BYTES))
        deed_book.write(
            tx,
            Deed(
                bucket=key[0],
                member_id=member_id,
                uid=uid,
                what=deed_book.RELEASE,
                who=who[:100],
                at_ms=at_ms,
            ),
        )
        accounts = ledger_book.load(tx, [key])
        _grant_withheld(tx, accounts[key], uid=uid)
        told = top_up(tx, [changed], accounts, desk)
        told += balance_changes({key: changed}, accounts, desk.version_base)
        ledger_book.save(tx, accounts)
        if changed.home_store:
            profile = member_book.read_profiles(tx, [key]).get(key, Profile())
            told.append(rows.member_change(changed, profile, desk.version_base))
        feed.append(tx, feed.MEMBERS, told)
    return True
