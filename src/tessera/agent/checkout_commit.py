"""Completing a sale: record, effects, leases and the answer in one durable transaction.

Owns: what is recorded of a sale, when a mismatch stops it, and what becomes of a commit that
failed. Must never: answer before the commit, or spend beyond the leases.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa

from tessera.agent import api_shapes
from tessera.agent.api_answers import as_json, repeated
from tessera.agent.checkout_answers import quote_answer
from tessera.agent.checkout_coupons import (
    FLAG_REUSED,
    check_unused,
    coupon_effects,
    grant_codes,
    recorded,
)
from tessera.agent.checkout_guard import counted_sale
from tessera.agent.checkout_limits import FLAG_OVER_LIMIT, check_limits
from tessera.agent.checkout_member import Buyer
from tessera.agent.checkout_quote import Quoted
from tessera.agent.checkout_shares import use_shares
from tessera.agent.drawing import draw_for
from tessera.agent.notices import notice
from tessera.agent.problems_http import OUTCOME_UNKNOWN, ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.identity import UID_RANDOM_BYTES, SaleKey, new_uid
from tessera.core.journal import RecordDraft, SealedRecord
from tessera.core.ledger import Posting, sale_postings
from tessera.core.quote import CounterUse
from tessera.core.receipts import Receipt, receipt_code
from tessera.core.sale import KIND_SALE, DrawResult, LeaseUse, ReturnWish, SaleBody, Tender
from tessera.core.uses import use_postings
from tessera.rules.evaluate import ENGINE_VERSION
from tessera.store.till import committed_sales, leases
from tessera.store.till.durable import CommitFailed, CommitUnknown, DiskFull
from tessera.store.till.values import AccountEffect, CommittedSale, SaleExists
from tessera.sync.records import encoded

_LOG = logging.getLogger("tessera.agent.commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """One record to be written, with what its transaction needs besides the draft.

    `key` is what a repeat is recognised by; `uid` what a commit that failed is looked up by. `also`
    is written beside the record, once that stands in the journal; `before` is a record that stands
    in the journal just before it, or neither does.
    """

    uid: str
    key: SaleKey
    digest: bytes
    record: Callable[[sa.Connection], tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]]
    effects: Sequence[AccountEffect] = ()
    returned: Sequence[ReturnWish] = ()
    original: SaleKey | None = None
    voids: bool = False
    also: Callable[[sa.Connection], None] | None = None
    before: "Writing | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """A sale that is about to be recorded.

    `parked`: recorded as it happened, but without effects until central decides (its key stands for
    another sale already); `row_key` is then what a repeat of it is recognised by.
    """

    key: SaleKey
    given: api_shapes.CompleteGiven
    quoted: Quoted
    flags: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    revision: int = 0
    parked: bool = False
    row_key: SaleKey | None = None


def digest_of(*parts: object) -> bytes:
    """What tells a repeat from other content: a hash over everything that would be recorded."""
    return hashlib.sha256(b"\n".join(encoded(part) for part in parts)).digest()


def find_first(state: TillState, key: SaleKey) -> CommittedSale | None:
    """What stands in the journal under this key."""
    with state.engines.reader.connect() as connection:
        return committed_sales.find_sale(connection, key)


def answer_again(first: CommittedSale, digest: bytes, *, what: str) -> bytes:
    """The first answer to a repeat; ApiProblem when the content is another."""
    if first.request_digest == digest:
        return repeated(first.answer)
    raise ApiProblem(
        "sale_conflict",
        f"{what} {first.key.sale_id} of {first.key.business_day} is recorded with other content",
        hint="give it an id of its own; if the POS never saw an answer, report it with …/late",
    )


def member_effects(buyer: Buyer, postings: Sequence[Posting]) -> tuple[AccountEffect, ...]:
    """What an entry's postings change on the member's own accounts."""
    member = buyer.known
    if member is None:
        return ()
    return tuple(
        AccountEffect(member_id=member.member_id, account=posting.account, delta=posting.delta)
        for posting in postings
        if posting.member
    )


def quote_effects(quoted: Quoted, counted: Sequence[CounterUse] = ()) -> tuple[AccountEffect, ...]:
    """What a quote changes once it is recorded: units, uses of limited offers, codes used up.

    `counted`: what the guard counts besides.
    """
    used = coupon_effects((use.code_hash for use in quoted.coupons), 1)
    if quoted.buyer.known is None:
        return used
    postings = sale_postings(quoted.quote.units, quoted.buyer.owed())
    postings += use_postings((*quoted.quote.counters, *counted))
    return (*member_effects(quoted.buyer, postings), *used)


def draft_of(
    state: TillState, *, kind: str, day: date, bundle: str, body: bytes, uid: str
) -> RecordDraft:
    """A record's draft with the clock as it stands; `day` is the business day of its key."""
    return RecordDraft(
        uid=uid,
        kind=kind,
        business_day=day,
        wall_ms=state.clock.wall_ms(),
        mono_ms=state.clock.mono_ms(),
        boot_id=state.clock.boot_id(),
        bundle=bundle,
        engine=ENGINE_VERSION,
        body=body,
    )


def mint_uid(state: TillState) -> str:
    """A fresh uid for a record."""
    return new_uid(state.clock.wall_ms(), state.random(UID_RANDOM_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A recorded sale: its answer's bytes, and what its instant wins gave."""

    answer: bytes
    draws: tuple[DrawResult, ...] = ()


async def commit_sale(state: TillState, sold: Sold, digest: bytes) -> Committed:
    """Record a sale, draw its instant wins, and give its answer, once durable.

    LeaseShort when the register may not spend what the quote spends, LimitReached, ShareShort or
    CouponSpent when an offer of the quote was used up meanwhile; nothing is written then.
    """
    quoted, uid = sold.quoted, mint_uid(state)
    draws: tuple[DrawResult, ...] = ()
    codes = () if sold.parked else grant_codes(state, quoted.quote)

    def record(connection: sa.Connection) -> tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]:
        nonlocal draws
        uses = () if sold.parked else _take_leases(connection, quoted)
        if quoted.member is not None and not sold.parked and FLAG_OVER_LIMIT not in sold.flags:
            check_limits(connection, quoted.member.member_id, quoted.quote.counters)
        if not sold.parked:
            use_shares(connection, state.programme.programme, quoted.place, quoted.quote)
        if not sold.parked and FLAG_REUSED not in sold.flags:
            check_unused(connection, quoted.coupons)
        draws, flags = _drawn(connection, state, sold)
        body = encoded(
            replace(
                _sale_body(state, sold, uses),
                draws=draws,
                flags=flags,
                codes=tuple(one.issued for one in codes),
                counted=counted,
            )
        )
        draft = draft_of(
            state,
            kind=KIND_SALE,
            day=sold.key.business_day,
            bundle=quoted.bundle,
            body=body,
            uid=uid,
        )
        answer = quote_answer(
            quoted,
            result="completed",
            mode=state.mode,
            language=state.settings.language,
            sale_id=sold.key.sale_id,
            revision=sold.revision,
            uid=uid,
            receipt_code=_receipt_code(state, uid),
            flags=flags,
            draws=draws,
            codes=codes,
            notices=tuple(notice(code) for code in sold.notices),
        )
        return draft, as_json(answer), uses

    counted = () if sold.parked else counted_sale(state, quoted.member, quoted.place)
    effects = () if sold.parked else quote_effects(quoted, counted)
    writing = Writing(
        uid=uid, key=sold.row_key or sold.key, digest=digest, record=record, effects=effects
    )
    answer = await write_record(state, writing, what="sale")
    return Committed(answer=answer, draws=draws)


def _take_leases(connection: sa.Connection, quoted: Quoted) -> tuple[LeaseUse, ...]:
    member = quoted.buyer.known
    if member is None:
        return ()
    return tuple(
        use
        for unit, amount in quoted.spent.items()
        for use in leases.take(connection, member.member_id, unit, amount)
    )


def _drawn(
    connection: sa.Connection, state: TillState, sold: Sold
) -> tuple[tuple[DrawResult, ...], tuple[str, ...]]:
    """What the instant wins give, and the sale's flags; what is parked draws nothing."""
    if sold.parked:
        return (), sold.flags
    quoted = sold.quoted
    draws, more = draw_for(connection, state.settings.data_dir, quoted.quote, quoted.bundle)
    return draws, (*sold.flags, *more)


def _receipt_code(state: TillState, uid: str) -> str:
    if state.identity is None or state.hasher is None:
        return ""
    return receipt_code(Receipt(register=state.identity.register, uid=uid), state.hasher)


def _sale_body(state: TillState, sold: Sold, used: tuple[LeaseUse, ...]) -> SaleBody:
    given, quoted = sold.given, sold.quoted
    return SaleBody(
        key=sold.key,
        place=quoted.place,
        basket=recorded(state, quoted.basket),
        member=quoted.member,
        quote=quoted.quote,
        tenders=tuple(
            Tender(kind=tender.kind, amount_minor=tender.amount_minor) for tender in given.tenders
        ),
        total_taken_minor=given.total_taken_minor,
        rounding_minor=given.rounding_minor,
        leases=used,
        card_hash=quoted.buyer.card_hash.hex(),
        card_key_id=state.hasher.key_id if state.hasher and quoted.buyer.card_hash else 0,
        flags=sold.flags,
        coupons=() if sold.parked else quoted.coupons,
    )


def _write(connection: sa.Connection, writing: Writing) -> tuple[SealedRecord, bytes]:
    """Write one record in the caller's transaction; the record, and its answer's bytes."""
    draft, answer, uses = writing.record(connection)
    sealed = committed_sales.commit_record(
        connection,
        draft=draft,
        effects=writing.effects,
        leases=uses,
        sale=writing.key,
        returned=writing.returned,
        original=writing.original,
        request_digest=writing.digest,
        answer=answer,
        voids=writing.voids,
    )
    if writing.also is not None:
        writing.also(connection)
    return sealed, answer


async def write_record(state: TillState, writing: Writing, *, what: str) -> bytes:
    """Write a record in one transaction and give its answer's bytes, once durable.

    With it the record before it, if there is one. ApiProblem when it can't be written; it is then
    known not to stand, and nothing is promised; or `outcome_unknown` when nobody can say.
    """
    answer = b""

    def write(connection: sa.Connection) -> SealedRecord:
        nonlocal answer
        if writing.before is not None:
            _write(connection, writing.before)
        sealed, answer = _write(connection, writing)
        return sealed

    before = () if writing.before is None else (writing.before.uid,)
    try:
        await state.writer.commit(writing.uid, write, before=before)
    except SaleExists:
        # The same request came twice at once; the other one was first.
        first = find_first(state, writing.key)
        if first is None:
            raise
        return answer_again(first, writing.digest, what=what)
    except (DiskFull, CommitFailed) as error:
        _LOG.error("a %s could not be recorded: %s", what, error.message)
        raise ApiProblem(
            "disk_full" if isinstance(error, DiskFull) else "database_failing",
            f"the {what} could not be recorded: {error.message}",
            hint="go on without benefits and report it late once the disk is well again",
        ) from error
    except CommitUnknown as error:
        _LOG.error("it is unknown whether a %s is recorded: %s", what, error.message)
        raise ApiProblem(
            OUTCOME_UNKNOWN,
            f"it is not known yet whether the {what} is recorded: the register's disk does not"
            " answer",
            hint="send the same request again, with the same id and content, until it is answered:"
            " it is recorded once, however often it comes. Give it no other id, and change nothing"
            " of it; tessera doctor looks at the disk meanwhile",
        ) from error
    state.kick()
    return answer
