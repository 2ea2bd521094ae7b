"""Something that is no purchase: a visit, a review, a referral; it may earn.

Owns: its record, which is a sale without lines, so that it is priced, sent and booked like one.
Must never: earn without a member.
"""

from dataclasses import replace

import sqlalchemy as sa

from tessera.agent import api_answers, api_shapes
from tessera.agent.api_answers import as_json
from tessera.agent.checkout_answers import draw_answers, issued_answers, offers, sale_units
from tessera.agent.checkout_commit import (
    Writing,
    answer_again,
    digest_of,
    draft_of,
    find_first,
    mint_uid,
    quote_effects,
    write_record,
)
from tessera.agent.checkout_coupons import GrantedCode, grant_codes
from tessera.agent.checkout_limits import LimitReached, check_limits
from tessera.agent.checkout_member import member_answer
from tessera.agent.checkout_quote import Quoted, with_draws
from tessera.agent.checkout_shares import ShareShort, use_shares
from tessera.agent.drawing import draw_for
from tessera.agent.notices import worded
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.identity import SaleKey
from tessera.core.journal import RecordDraft
from tessera.core.sale import KIND_SALE, LeaseUse, SaleBody
from tessera.sync.records import encoded

FLAG = "occasion"


def occasion_key(store: str, pos: PairedPos, event_id: str, quoted: Quoted) -> SaleKey:
    """The key of an event: its id is one of the POS's own, like a sale's."""
    return SaleKey(
        store=store,
        pos=pos.name,
        business_day=quoted.place.business_day,
        sale_id=event_id,
    )


def occasion_answer(
    state: TillState,
    quoted: Quoted,
    *,
    event_id: str,
    result: str,
    uid: str,
    codes: tuple[GrantedCode, ...] = (),
) -> api_answers.EventAnswer:
    """What is told of it."""
    return api_answers.EventAnswer(
        result=result,
        event_id=event_id,
        mode=state.mode,
        member=member_answer(quoted.buyer),
        units=sale_units(quoted.buyer, quoted.quote.units),
        offers=offers(quoted.quote, state.settings.language),
        draws=draw_answers(quoted.draws),
        issued=issued_answers(quoted.quote, codes, language=state.settings.language),
        notices=worded(quoted.notices, state.settings.language),
        uid=uid,
    )


async def record_occasion(
    state: TillState,
    pos: PairedPos,
    event_id: str,
    given: api_shapes.EventGiven,
    quoted: Quoted,
) -> bytes:
    """Record it; the answer's bytes, once durable."""
    identity = state.identity
    assert identity is not None
    key = occasion_key(identity.store, pos, event_id, quoted)
    digest = digest_of("event", given)
    if (first := find_first(state, key)) is not None:
        return answer_again(first, digest, what="event")
    uid, codes = mint_uid(state), grant_codes(state, quoted.quote)
    body = SaleBody(
        key=key,
        place=quoted.place,
        basket=quoted.basket,
        member=quoted.member,
        quote=quoted.quote,
        card_hash=quoted.buyer.card_hash.hex(),
        card_key_id=state.hasher.key_id if state.hasher and quoted.buyer.card_hash else 0,
        flags=(FLAG,),
    )

    def record(connection: sa.Connection) -> tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]:
        if quoted.member is not None:
            check_limits(connection, quoted.member.member_id, quoted.quote.counters)
        use_shares(connection, state.programme.programme, quoted.place, quoted.quote)
        folder = state.settings.data_dir
        draws, flags = draw_for(connection, folder, quoted.quote, quoted.bundle)
        draft = draft_of(
            state,
            kind=KIND_SALE,
            day=key.business_day,
            bundle=quoted.bundle,
            body=encoded(
                replace(
                    body,
                    draws=draws,
                    flags=(*body.flags, *flags),
                    codes=tuple(one.issued for one in codes),
                )
            ),
            uid=uid,
        )
        answer = occasion_answer(
            state,
            with_draws(quoted, draws),
            event_id=event_id,
            result="recorded",
            uid=uid,
            codes=codes,
        )
        return draft, as_json(answer), ()

    writing = Writing(uid=uid, key=key, digest=digest, record=record, effects=quote_effects(quoted))
    try:
        return await write_record(state, writing, what="event")
    except (LimitReached, ShareShort) as error:
        # Two at once: the one that comes again finds the limit reached, and earns without it.
        raise ApiProblem("quote_mismatch", error.message, hint="send the event again") from error
