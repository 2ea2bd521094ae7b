"""The checkout: what a POS asks for, one method a verb.

Owns: the order of steps of each verb, the baskets in progress, and the events that follow.
Must never: know HTTP; requests come in as structs, answers go out as structs or their bytes.
"""

from concurrent.futures import ThreadPoolExecutor

from tessera.agent import api_answers, api_shapes, checkout_recognise, checkout_return
from tessera.agent.announcements import Announcements, Shown
from tessera.agent.api_answers import as_json
from tessera.agent.checkout_answers import quote_answer
from tessera.agent.checkout_claim import claim_sale
from tessera.agent.checkout_complete import complete_sale, key_of, refuse_recorded
from tessera.agent.checkout_enrol import enrol, enrol_card
from tessera.agent.checkout_member import (
    NOBODY,
    Buyer,
    ScannedCard,
    find_buyer,
    member_answer,
    scanned_card,
    unit_answers,
)
from tessera.agent.checkout_occasion import occasion_answer, record_occasion
from tessera.agent.checkout_original import receipt_of
from tessera.agent.checkout_quote import Quoted, Wanted, make_quote
from tessera.agent.enrolment_wanted import wanted_here
from tessera.agent.kept_sales import KeptSales
from tessera.agent.notices import notice, worded
from tessera.agent.open_sales import OpenSale, OpenSales, being_completed
from tessera.agent.pairing import PairedPos
from tessera.agent.past_programmes import PastProgrammes
from tessera.agent.problems_http import OUTCOME_UNKNOWN, ApiProblem
from tessera.agent.resume_data import read_resume_data, resume_data, sale_elsewhere
from tessera.agent.till_state import TillState
from tessera.agent.waiting_cards import READERS, WaitingCard, WaitingCards
from tessera.devices.card_formats import CardFormat
from tessera.store.engine import DATABASE_ERRORS

PANEL = "panel"


class Checkout:
    """All verbs of the local API, on one register; every method runs in the event loop."""

    def __init__(self, state: TillState, formats: tuple[CardFormat, ...]) -> None:
        self.state = state
        self.sales = OpenSales()
        self.kept = KeptSales(state)
        self._past = PastProgrammes(state)
        self.announced = Announcements(state.hub)
        self._formats = formats
        self._waiting = WaitingCards()
        self._pricing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pricing")

    def take_up(self) -> None:
        """Go on with the sales that were open or parked when the agent last ended."""
        if not self.records:
            return
        self.sales.take_back(self.kept.read())
        sale = self.sales.current()
        if sale is not None and sale.quoted is not None:
            self.announced.show(
                Shown(phase="open", sale_id=sale.sale_id, pos=sale.pos.name, quoted=sale.quoted)
            )

    def close(self) -> None:
        """End the pricing threads; what they still compute is dropped."""
        self._pricing.shutdown(wait=False, cancel_futures=True)

    # -- quotes

    async def put_sale(
        self, pos: PairedPos, sale_id: str, given: api_shapes.BasketGiven
    ) -> api_answers.QuoteAnswer:
        """The whole basket as it stands: the quote for it."""
        self._refuse_completed(pos, sale_id, given)
        sale = self.sales.put(pos, sale_id, given)
        if self._takes_cards(sale):
            now_ms = self.state.clock.mono_ms()
            sale.attached = sale.attached or self._waiting.take(pos, now_ms)
        quoted = await self.requote(sale)
        self._keep(sale)
        return self._quoted(quoted, sale_id=sale_id, revision=sale.revision)

    async def quote(self, pos: PairedPos, given: api_shapes.BasketGiven) -> api_answers.QuoteAnswer:
        """A quote that leaves nothing behind."""
        quoted = await make_quote(self.state, Wanted(pos=pos, given=given), self._pricing)
        return self._quoted(quoted, sale_id="", revision=given.revision or 0)

    async def requote(self, sale: OpenSale) -> Quoted:
        """Price an open sale as it stands, and show it if it is still open and this the newest."""
        wanted = Wanted(
            pos=sale.pos, given=sale.given, attached=sale.attached, rewards=sale.rewards
        )
        revision, number = sale.revision, sale.ask()
        quoted = await make_quote(self.state, wanted, self._pricing)
        if revision == sale.revision:
            sale.keep(quoted, number)
        if self._is_open(sale) and sale.quoted is quoted and not sale.suspended:
            self.announced.sale("open", sale.pos, sale.sale_id, quoted)
        return quoted

    def _is_open(self, sale: OpenSale) -> bool:
        """Whether a sale was neither completed nor cancelled while it was priced."""
        return self.sales.find(sale.pos, sale.sale_id) is sale

    def _keep(self, sale: OpenSale) -> None:
        if self.records and self._is_open(sale):
            self.kept.changed(sale)

    async def keep_now(self, sale: OpenSale) -> None:
        """Write what only this register knows of an open sale: its card, its rewards."""
        if self.records and self._is_open(sale):
            await self.kept.now(sale)

    def _quoted(
        self, quoted: Quoted, *, sale_id: str, revision: int, result: str = "quoted"
    ) -> api_answers.QuoteAnswer:
        return quote_answer(
            quoted,
            result=result,
            mode=self.state.mode,
            language=self.state.settings.language,
            sale_id=sale_id,
            revision=revision,
        )

    def _refuse_completed(
        self, pos: PairedPos, sale_id: str, given: api_shapes.BasketGiven
    ) -> None:
        """A completed sale is not quoted again; the journal is asked once for each open sale."""
        if not self.records or self.sales.find(pos, sale_id) is not None:
            return
        try:
            refuse_recorded(self.state, key_of(self.state, pos, sale_id, given))
        except DATABASE_ERRORS:
            # The quote says that the database fails; it is no reason to give none.
            return

    # -- completion

    @property
    def records(self) -> bool:
        """Whether anything is recorded: not in training, and not before enrolment."""
        return self.state.identity is not None and not self.state.settings.training

    async def complete(
        self, pos: PairedPos, sale_id: str, given: api_shapes.CompleteGiven, *, late: bool = False
    ) -> bytes:
        """The basket again with what was paid: recorded, or refused before money was taken."""
        sale = self.sales.find(pos, sale_id)
        try:
            with being_completed(sale):
                answer = await self._complete(pos, sale_id, given, sale, late=late)
        except ApiProblem as problem:
            # What may stand after all takes no card: the repeat would only find that it does.
            is_settled = problem.code == OUTCOME_UNKNOWN
            if sale is not None and not is_settled and self._takes_cards(sale):
                await self._go_on(sale)
            raise
        if sale is not None and (waiting := self._waiting.during(sale)) is not None:
            self.announced.show(Shown(buyer=waiting.buyer))
        return answer

    async def _go_on(self, sale: OpenSale) -> None:
        """A completion was refused: a card that was scanned meanwhile was scanned for this sale."""
        if (waiting := self._waiting.during(sale)) is not None:
            self._waiting.drop(waiting)
            sale.attached = (waiting.card,)
            self.announced.member(waiting.buyer, sale)
            await self.requote(sale)
        self._keep(sale)

    async def _complete(
        self,
        pos: PairedPos,
        sale_id: str,
        given: api_shapes.CompleteGiven,
        sale: OpenSale | None,
        *,
        late: bool,
    ) -> bytes:
        if not self.records:
            return await self._unrecorded(pos, sale_id, given)
        self.kept.completing(pos, sale_id)
        completed = await complete_sale(
            self.state, pos, sale_id, given, sale=sale, executor=self._pricing, late=late
        )
        self.sales.drop(pos, sale_id)
        self.kept.completing(pos, sale_id)  # Again: it may have changed during the commit.
        if sale is not None and (late or sale.given.begun is not None):
            # It may be recorded under another key than its own, which has removed no row.
            await self.kept.forget(pos, sale_id)
        if completed.quoted is not None:
            self.announced.sale("done", pos, sale_id, completed.quoted)
        return completed.answer

    async def _unrecorded(
        self, pos: PairedPos, sale_id: str, given: api_shapes.CompleteGiven
    ) -> bytes:
        quoted = await make_quote(self.state, Wanted(pos=pos, given=given), self._pricing)
        self.sales.drop(pos, sale_id)
        self.announced.sale("done", pos, sale_id, quoted)
        result = "training" if self.state.settings.training else "unrecorded"
        return as_json(self._quoted(quoted, sale_id=sale_id, revision=0, result=result))

    # -- the rest of a sale's life

    async def suspend(self, pos: PairedPos, sale_id: str) -> api_answers.SaleStateAnswer:
        """Park an open sale; it is durable before this answers."""
        sale = self._open(pos, sale_id)
        sale.suspended = True
        self.announced.sale("parked", pos, sale_id, sale.quoted)
        carried = ""
        if self.records:
            await self.kept.park(sale)
            key = key_of(self.state, pos, sale_id, sale.given)
            carried = resume_data(self.state, sale, key)
        return api_answers.SaleStateAnswer(result="suspended", sale_id=sale_id, resume_data=carried)

    async def resume(
        self, pos: PairedPos, sale_id: str, given: api_shapes.ResumeGiven
    ) -> api_answers.QuoteAnswer:
        """Go on with a parked sale, of another register too: its quote as of now."""
        if given.resume_data is None:
            sale = self._open(pos, sale_id)
        else:
            sale = self._from_elsewhere(pos, sale_id, given.resume_data)
        sale.suspended = False
        quoted = await self.requote(sale)
        self._keep(sale)
        return self._quoted(quoted, sale_id=sale_id, revision=sale.revision, result="resumed")

    def _from_elsewhere(self, pos: PairedPos, sale_id: str, text: str) -> OpenSale:
        parked = read_resume_data(self.state, text, sale_id)
        refuse_recorded(self.state, parked.key)
        with self.state.engines.reader.connect() as connection:
            sale = sale_elsewhere(connection, self.state, parked, pos)
        return self.sales.take_up(sale)

    async def cancel(self, pos: PairedPos, sale_id: str) -> api_answers.SaleStateAnswer:
        """Stop a sale before completion; one that is not open is cancelled already."""
        sale = self.sales.drop(pos, sale_id)
        if sale is not None:
            self.announced.sale("cancelled", pos, sale_id, sale.quoted)
            if self.records:
                await self.kept.forget(pos, sale_id)
        result = "exists" if sale is None else "cancelled"
        return api_answers.SaleStateAnswer(result=result, sale_id=sale_id)

    def _open(self, pos: PairedPos, sale_id: str) -> OpenSale:
        sale = self.sales.find(pos, sale_id)
        if sale is None:
            raise ApiProblem(
                "sale_unknown",
                f"sale {sale_id} is not open here",
                hint="send its basket with PUT /v1/sales/{sale_id}",
            )
        return sale

    async def void(self, pos: PairedPos, sale_id: str, given: api_shapes.VoidGiven) -> bytes:
        """Reverse a completed sale, once."""
        answer = await checkout_return.void_sale(self.state, pos, sale_id, given, self._past)
        self.announced.refund("voided", pos, sale_id, answer)
        return answer

    async def return_lines(
        self, pos: PairedPos, return_id: str, given: api_shapes.ReturnGiven
    ) -> bytes:
        """Take lines of an earlier sale back."""
        answer = await checkout_return.return_lines(self.state, pos, return_id, given, self._past)
        self.announced.refund("returned", pos, return_id, answer)
        return answer

    def receipt(self, pos: PairedPos, sale_id: str) -> api_answers.ReceiptAnswer:
        """A recorded sale as its receipt may carry it."""
        return receipt_of(self.state, pos, sale_id)

    async def claim(self, pos: PairedPos, claim_id: str, given: api_shapes.ClaimGiven) -> bytes:
        """A forgotten card: what a past sale earns, once."""
        claimed = await claim_sale(self.state, pos, claim_id, given, self._past)
        if claimed.buyer is not None:
            self.announced.show(
                Shown(
                    phase="claimed",
                    sale_id=claim_id,
                    pos=pos.name,
                    quoted=claimed.quoted,
                    buyer=claimed.buyer,
                )
            )
            self.state.hub.publish("sale", sale_id=claim_id, pos=pos.name, state="claimed")
        return claimed.answer

    # -- recognising

    async def scan(self, pos: PairedPos, given: api_shapes.ScanGiven) -> api_answers.ScanAnswer:
        """A code from the POS's own scanner: what it is; a member card is attached to its sale."""
        kind, number, reason = checkout_recognise.classify_given(
            given, self._formats, self.state.programme
        )
        if kind not in checkout_recognise.CARD_KINDS:
            told = (notice(reason),) if reason else ()
            code = "" if kind == "refused" else given.code
            self.state.hub.publish("scan", kind=kind, code=code, reader="pos")
            return api_answers.ScanAnswer(
                kind=kind, code=code, notices=worded(told, self.state.settings.language)
            )
        sale = self.sales.find(pos, given.sale_id) if given.sale_id else self.sales.current(pos)
        joins = sale is not None and self._takes_cards(sale)
        buyer = await self.take_card(
            number, kind=kind, reader="pos", sale=sale, scanned_by=pos.name
        )
        return api_answers.ScanAnswer(
            kind=kind,
            code=number,
            attached_to=sale.sale_id if sale and joins else "",
            member=member_answer(buyer),
            units=unit_answers(buyer),
            notices=worded(buyer.notices, self.state.settings.language),
        )

    async def take_card(
        self,
        number: str,
        *,
        kind: str,
        reader: str,
        sale: OpenSale | None,
        scanned_by: str = READERS,
    ) -> Buyer:
        """A member card was read: attach it to the open sale, or keep it for the next one.

        `scanned_by` is the POS that sent it, where it was not one of the agent's own readers.
        """
        buyer = checkout_recognise.find(self.state, api_shapes.MemberGiven(cards=(number,)))
        self.state.hub.publish("scan", kind=kind, code=number, reader=reader)
        await self._join(scanned_card(number, self.state.hasher), buyer, sale, scanned_by)
        return buyer

    def _takes_cards(self, sale: OpenSale) -> bool:
        """Whether a card can still join a sale: not once it is being recorded, or is no more."""
        return not sale.completing and self._is_open(sale)

    async def _join(
        self, card: ScannedCard, buyer: Buyer, sale: OpenSale | None, scanned_by: str
    ) -> None:
        """Let a card join this sale if it can, else the next one of where it was scanned."""
        if sale is not None and self._takes_cards(sale):
            sale.attached = (card,)
            self.announced.member(buyer, sale)
            await self.requote(sale)
            await self.keep_now(sale)
            return
        self._waiting.keep(
            WaitingCard(
                card=card,
                buyer=buyer,
                at_ms=self.state.clock.mono_ms(),
                scanned_by=scanned_by,
                during=sale,
            )
        )
        self.announced.member(buyer, None)
        self.announced.show(Shown(buyer=buyer))

    def look_up(self, given: api_shapes.LookupGiven) -> api_answers.LookupAnswer:
        """The member behind a card or phone number."""
        buyer = checkout_recognise.look_up(self.state, given)
        return checkout_recognise.lookup_answer(buyer, self.state.settings.language)

    async def enrol(self, pos: PairedPos, given: api_shapes.EnrolGiven) -> bytes:
        """A new member, or a member's new card; the open sale knows them at once."""
        sale = self.sales.find(pos, given.sale_id) if given.sale_id else self.sales.current(pos)
        done = await enrol(
            self.state, pos, given, self._formats, attached_to=sale.sale_id if sale else ""
        )
        if done.known_by.card_hash:
            await self.attach(done.known_by, sale, scanned_by=pos.name)
        return done.answer

    def unknown_card(self) -> ScannedCard | None:
        """The card that was scanned for the open sale, or before it; whose it is plays no part."""
        sale = self.sales.current()
        if sale is not None:
            found = sale.attached[:1]
        else:
            waiting = self._waiting.newest(self.state.clock.mono_ms())
            found = () if waiting is None else (waiting.card,)
        return next((card for card in found if card.card_hash), None)

    async def enrol_scanned(self, sale: OpenSale | None) -> None:
        """Make the card that was scanned a new member's. ApiProblem when it is somebody's."""
        card = self.unknown_card()
        if card is None:
            raise ApiProblem("enrolment_refused", "no card was scanned", hint="scan the card again")
        waiting = self._waiting.newest(self.state.clock.mono_ms())
        pos = sale.pos if sale is not None else PairedPos(name=PANEL)
        done = await enrol_card(
            self.state, pos, wanted_here(self.state, pos, card, sale.sale_id if sale else "")
        )
        scanned_by = waiting.scanned_by if waiting is not None else READERS
        await self.attach(done.known_by, sale, scanned_by=scanned_by)

    async def attach(self, card: ScannedCard, sale: OpenSale | None, *, scanned_by: str) -> None:
        """Let a card that is known now join the open sale, or the next one."""
        with self.state.engines.reader.connect() as connection:
            buyer = find_buyer(
                connection,
                None,
                hasher=self.state.hasher,
                as_of_ms=self.state.balance_as_of_ms,
                scanned=(card,),
            )
        await self._join(card, buyer, sale, scanned_by)

    async def occasion(self, pos: PairedPos, event_id: str, given: api_shapes.EventGiven) -> bytes:
        """Something that is no purchase."""
        basket = api_shapes.BasketGiven(
            store_time=given.store_time, business_day=given.business_day, member=given.member
        )
        wanted = Wanted(pos=pos, given=basket, events=(given.kind,))
        quoted = await make_quote(self.state, wanted, self._pricing)
        if not self.records:
            result = "training" if self.state.settings.training else "unrecorded"
            return as_json(
                occasion_answer(self.state, quoted, event_id=event_id, result=result, uid="")
            )
        return await record_occasion(self.state, pos, event_id, given, quoted)

    async def clear_member(self, sale: OpenSale | None) -> None:
        """Forget the card that was scanned; who the POS itself named stays."""
        self._waiting.clear()
        if sale is None:
            self.announced.show(Shown())
        else:
            sale.attached, sale.offered = (), ()
            await self.requote(sale)
            await self.keep_now(sale)
        self.announced.member(NOBODY, sale)
