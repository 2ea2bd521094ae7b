"""What the cashier's page shows of this register: the panel's source.

Owns: the shaping of the checkout's state into the page's view, and the page's few actions.
Must never: hold a whole card number, or compute a price.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

from tessera.agent.announcements import Shown
from tessera.agent.api_answers import ReaderStatus as ReaderTold
from tessera.agent.api_shapes import MemberGiven
from tessera.agent.checkout import Checkout
from tessera.agent.checkout_answers import draw_lines, moved
from tessera.agent.checkout_member import Buyer
from tessera.agent.checkout_quote import Quoted, state_notices
from tessera.agent.checkout_recognise import find
from tessera.agent.notices import worded
from tessera.agent.open_sales import OpenSale
from tessera.agent.pos_api_status import queue_length
from tessera.agent.till_state import TillState
from tessera.core.errors import TesseraError
from tessera.core.quote import Message, Stage
from tessera.panel.view import (
    BalanceView,
    NoticeView,
    NowPhase,
    NowView,
    ReaderStatus,
    ReaderView,
    ReasonView,
    RewardView,
    ScreenView,
    StateView,
    Tone,
    UnitsView,
    WhoStatus,
    WhoView,
)
from tessera.rules.draw_terms import terms_lines
from tessera.rules.wording import say
from tessera.store.till.values import AccountView

REASONS_MAX = 12
NEAR_MAX = 3
_READER_STATUS = {
    "connected": ReaderStatus.READY,
    "starting": ReaderStatus.SEARCHING,
    "disconnected": ReaderStatus.SEARCHING,
    "failed": ReaderStatus.FAILED,
    "stopped": ReaderStatus.FAILED,
}
_TROUBLE = frozenset({"benefits_stopped", "database_failing", "not_enrolled", "rules_failed"})
# The page has its own words and marks for these.
_SHOWN_ELSEWHERE = frozenset(
    {"training", "card_unknown", "member_blocked", "benefits_stopped", "clock_doubt"}
)


class Screen:
    """The register as the page sees it; implements the panel's `PanelSource`."""

    def __init__(self, checkout: Checkout, readers: Callable[[], tuple[ReaderTold, ...]]) -> None:
        self._checkout = checkout
        self._state = checkout.state
        self._readers = readers
        self._dismissed: set[str] = set()

    def view(self, language: str) -> ScreenView:
        """The screen as it stands now."""
        state, shown = self._state, self._checkout.announced.shown
        before = _buyer_of(shown)
        buyer = self._known_now(shown, before)
        committed = _committed(shown) if buyer is before else {}
        return ScreenView(
            at=_when(state, state.clock.wall_ms()),
            who=replace(
                _who(state, buyer, language, committed),
                tier_is_new=buyer is not before and _tier_of(buyer) != _tier_of(before),
                removable=self._is_removable(shown),
                enrollable=self._is_enrollable(shown),
            ),
            now=self._now(shown, language),
            state=self._state_view(shown, language),
            language=language,
            training=state.settings.training,
        )

    def newest_id(self) -> int:
        """The newest event's id: every change of the screen comes with one."""
        return self._state.hub.last_id

    async def subscribe(self, last_id: int) -> AsyncIterator[int]:
        """The id of each change after `last_id`."""
        async for event in self._state.hub.subscribe(last_id):
            yield event.event_id

    async def accept_reward(self, *, sale: str, reward: str, accepted: bool) -> None:
        """Accept a reward for the open sale, or take it back."""
        found = self._open_sale(sale)
        offered = found.quoted is not None and any(
            prompt.offer == reward for prompt in found.quoted.quote.prompts
        )
        if accepted and not offered and reward not in found.rewards:
            raise TesseraError(
                f"{reward} is not offered for this sale", hint="look at the screen again"
            )
        others = tuple(kept for kept in found.rewards if kept != reward)
        found.rewards = (*others, reward) if accepted else others
        await self._checkout.requote(found)
        await self._checkout.keep_now(found)

    async def clear_member(self, *, sale: str) -> None:
        """Forget the member that was scanned."""
        await self._checkout.clear_member(self._open_sale(sale) if sale else None)

    async def enrol_card(self, *, sale: str) -> None:
        """Make the unknown card a new member's, who joins the sale or the next one."""
        await self._checkout.enrol_scanned(self._open_sale(sale) if sale else None)

    async def dismiss_notice(self, *, notice: str) -> None:
        """Take a notice off the screen until it is told anew."""
        self._dismissed.add(notice)
        self._state.hub.publish("notice", code=notice, dismissed=True)

    def _known_now(self, shown: Shown, before: Buyer | None) -> Buyer | None:
        """The customer as the till knows them by now, once the sale stands or before one begins.

        Central's word comes seconds after a sale: what it earned is booked, the tier has moved.
        While a sale is open the page shows whom its quote was made for.
        """
        if before is None or before.known is None or not self._checkout.records:
            return before
        if shown.phase not in {"done", "claimed", "idle"}:
            return before
        found = find(self._state, MemberGiven(member_id=before.known.member_id))
        return before if found.member is None else replace(found, shown_card=before.shown_card)

    def _open_sale(self, sale_id: str) -> OpenSale:
        found = self._checkout.sales.current()
        if found is None or found.sale_id != sale_id:
            raise TesseraError(
                f"sale {sale_id[:64]} is not open any more", hint="look at the screen again"
            )
        return found

    def _is_removable(self, shown: Shown) -> bool:
        """Whether the customer came by a card that was scanned here; whom the POS named stays."""
        sale = self._checkout.sales.current()
        return shown.phase != "open" or sale is None or bool(sale.attached)

    def _is_enrollable(self, shown: Shown) -> bool:
        """Whether the card that was scanned is nobody's, and a new member may have it."""
        buyer = _buyer_of(shown)
        unknown = buyer is not None and buyer.status == "unknown"
        return unknown and self._checkout.records and self._checkout.unknown_card() is not None

    # -- now

    def _now(self, shown: Shown, language: str) -> NowView:
        quoted = shown.quoted
        phase = NowPhase(shown.phase)
        if quoted is None:
            return NowView(
                phase=phase,
                sale=shown.sale_id,
                currency=self._state.currency,
                refund_minor=shown.refund_minor,
            )
        quote = quoted.quote
        earned, spent = self._moved(quoted, language)
        if phase is NowPhase.CLAIMED:
            return NowView(phase=phase, sale=shown.sale_id, currency=quote.currency, earned=earned)
        applied = [seen for seen in quote.offers if seen.applied]
        rewards = self._rewards(quoted, language)
        offered = {reward.reward for reward in rewards}
        refused = [
            seen
            for seen in quote.offers
            if not seen.applied and seen.text and seen.offer not in offered
        ]
        near = [seen for seen in refused if seen.missing_minor or seen.missing_quantity][:NEAR_MAX]
        return NowView(
            phase=phase,
            sale=shown.sale_id,
            currency=quote.currency,
            due_minor=quote.due_minor,
            saved_minor=quote.discount_minor,
            earned=earned,
            spent=spent,
            rewards=rewards,
            near=tuple(_said(seen.text, language, quote.currency) for seen in near),
            applied=tuple(
                ReasonView(
                    text=_said(seen.text, language, quote.currency)
                    or offer_label(self._state, seen.offer, language),
                    amount_minor=seen.discount_minor or None,
                    count=(seen.units if seen.stage is Stage.ACCRUAL else 0) or None,
                )
                for seen in applied[:REASONS_MAX]
            )
            + tuple(
                ReasonView(text=_said(line, language, quote.currency))
                for line in (*draw_lines(quoted.draws), *terms_lines(quote))
            ),
            refused=tuple(
                ReasonView(text=_said(seen.text, language, quote.currency))
                for seen in [seen for seen in refused if seen not in near][:REASONS_MAX]
            ),
        )

    def _moved(
        self, quoted: Quoted, language: str
    ) -> tuple[tuple[UnitsView, ...], tuple[UnitsView, ...]]:
        if quoted.buyer.known is None:
            return (), ()
        sums = moved(quoted.quote.units)

        def views(which: int) -> tuple[UnitsView, ...]:
            return tuple(
                UnitsView(
                    unit=unit, label=unit_label(self._state, unit, language), count=pair[which]
                )
                for unit, pair in sums.items()
                if pair[which]
            )

        return views(0), views(1)

    def _rewards(self, quoted: Quoted, language: str) -> tuple[RewardView, ...]:
        sale = self._checkout.sales.current()
        if sale is None or sale.quoted is not quoted:
            return ()
        return tuple(self._reward(offer, sale, quoted, language) for offer in sale.offered)

    def _reward(self, offer: str, sale: OpenSale, quoted: Quoted, language: str) -> RewardView:
        """One reward at its key; what cannot be taken any more stays there, without it."""
        accepted = offer in sale.rewards
        prompt = next((one for one in quoted.quote.prompts if one.offer == offer), None)
        seen = next((one for one in quoted.quote.offers if one.offer == offer), None)
        currency, label = quoted.quote.currency, offer_label(self._state, offer, language)
        if prompt is not None:
            text = _said(prompt.text, language, currency) or label
            return RewardView(reward=offer, text=text, accepted=accepted)
        reason = _said(seen.text if seen else None, language, currency)
        if accepted:
            return RewardView(reward=offer, text=reason or label, accepted=True)
        return RewardView(reward=offer, text=reason or label, possible=False)

    # -- state

    def _state_view(self, shown: Shown, language: str) -> StateView:
        state = self._state
        sync = state.sync() if state.sync is not None else None
        disk, identity = state.disk(), state.identity
        used = 100 - 100 * disk.free_bytes // disk.total_bytes if disk.total_bytes else 0
        since = sync.offline_since_ms if sync else None
        return StateView(
            online=state.mode == "online",
            alone=state.mode in {"local", "training"},
            offline_since=_when(state, since) if since else None,
            queued=max(0, queue_length(state)),
            balance_as_of=_when(state, state.balance_as_of_ms) if state.balance_as_of_ms else None,
            readers=tuple(
                ReaderView(
                    name=reader.id,
                    status=_READER_STATUS.get(reader.condition, ReaderStatus.FAILED),
                    detail=reader.message if reader.condition != "connected" else "",
                )
                for reader in self._readers()
            ),
            notices=self._notices(shown, language),
            disk_used_percent=used if disk.benefits_stopped else None,
            benefits_stopped=disk.benefits_stopped,
            clock_in_doubt=state.is_clock_doubtful(),
            store=identity.store if identity else "",
            register=identity.register if identity else "",
        )

    def _notices(self, shown: Shown, language: str) -> tuple[NoticeView, ...]:
        notices = list(state_notices(self._state))
        if shown.quoted is not None:
            notices += shown.quoted.notices
        if shown.buyer is not None:
            notices += shown.buyer.notices
        self._dismissed &= {said.code for said in notices}
        return tuple(
            NoticeView(
                notice=said.code,
                text=said.text,
                hint=said.hint,
                tone=Tone.TROUBLE if said.code in _TROUBLE else Tone.CAUTION,
            )
            for said in worded(notices, language)
            if said.code not in self._dismissed | _SHOWN_ELSEWHERE
        )


def _buyer_of(shown: Shown) -> Buyer | None:
    return shown.quoted.buyer if shown.quoted is not None else shown.buyer


def _tier_of(buyer: Buyer | None) -> str:
    return buyer.known.tier if buyer is not None and buyer.known is not None else ""


def _committed(shown: Shown) -> dict[str, tuple[int, int]]:
    """By unit, what the shown sale earned and spent, once it stands; for a buyer from before it."""
    if shown.phase not in {"done", "claimed"} or shown.quoted is None:
        return {}
    return moved(shown.quoted.quote.units)


def _who(
    state: TillState, buyer: Buyer | None, language: str, committed: dict[str, tuple[int, int]]
) -> WhoView:
    if buyer is None or buyer.status == "none":
        return WhoView()
    member = buyer.member
    if member is None:
        return WhoView(status=WhoStatus.UNKNOWN, card=buyer.shown_card)
    if buyer.status == "blocked":
        return WhoView(status=WhoStatus.BLOCKED, name=member.display_name, card=buyer.shown_card)
    return WhoView(
        status=WhoStatus.PENDING if member.provisional else WhoStatus.KNOWN,
        name=member.display_name,
        card=buyer.shown_card,
        tier=_tier_label(state, member.tier, language),
        staff=member.staff,
        balances=tuple(
            _balance(view, unit_label(state, view.unit, language), committed.get(view.unit, (0, 0)))
            for view in buyer.balances().values()
        ),
    )


def _balance(view: AccountView, label: str, committed: tuple[int, int]) -> BalanceView:
    earned, spent = committed
    return BalanceView(
        unit=view.unit,
        label=label,
        balance=view.balance + earned - spent,
        spendable=max(0, view.spendable - spent),
        pending=view.pending + earned - spent,
    )


def offer_label(state: TillState, offer_id: str, language: str) -> str:
    """An offer's name in a language, its id when it has none."""
    programme = state.programme.programme
    offers = programme.offers if programme else ()
    names = next((offer.names for offer in offers if offer.offer_id == offer_id), ())
    return _named(names, language) or offer_id


def unit_label(state: TillState, unit: str, language: str) -> str:
    """A unit's name in a language, as the programme has it."""
    programme = state.programme.programme
    definition = programme.units.get(unit) if programme else None
    return _named(definition.names if definition else (), language) or unit


def _tier_label(state: TillState, tier: str, language: str) -> str:
    programme = state.programme.programme
    definition = programme.tiers.get(tier) if programme else None
    return _named(definition.names if definition else (), language) or tier


def _named(names: tuple[tuple[str, str], ...], language: str) -> str:
    by_language = dict(names)
    return by_language.get(language) or by_language.get("") or by_language.get("en", "")


def _said(message: Message | None, language: str, currency: str) -> str:
    return "" if message is None else say(message, language, currency)


def _when(state: TillState, ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(state.zone)
