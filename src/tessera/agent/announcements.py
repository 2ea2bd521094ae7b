"""What a register tells everybody who listens: its events, and what its cashier looks at.

Owns: the events of sales, refunds and members, and the last thing shown.
Must never: decide anything; it is told what has happened.
"""

from dataclasses import dataclass

from tessera.agent import api_answers, checkout_return
from tessera.agent.checkout_member import Buyer, member_answer
from tessera.agent.checkout_quote import Quoted
from tessera.agent.events import EventHub
from tessera.agent.open_sales import OpenSale
from tessera.agent.pairing import PairedPos


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the cashier looks at: the last thing that happened at this register.

    `phase`: idle, open, done, parked, cancelled, voided, returned or claimed.
    """

    phase: str = "idle"
    sale_id: str = ""
    pos: str = ""
    quoted: Quoted | None = None
    buyer: Buyer | None = None
    refund_minor: int | None = None


class Announcements:
    """Tells the hub, and keeps what the page shows."""

    def __init__(self, hub: EventHub) -> None:
        self._hub = hub
        self.shown = Shown()

    def show(self, shown: Shown) -> None:
        """From now on the cashier looks at this."""
        self.shown = shown

    def sale(self, phase: str, pos: PairedPos, sale_id: str, quoted: Quoted | None) -> None:
        """A sale went on to `phase`, with its quote if it has one."""
        self.show(Shown(phase=phase, sale_id=sale_id, pos=pos.name, quoted=quoted))
        totals = {}
        if quoted is not None:
            totals = {
                "quote_id": quoted.quote_id,
                "due_minor": quoted.quote.due_minor,
                "discount_minor": quoted.quote.discount_minor,
            }
        self._hub.publish("sale", sale_id=sale_id, pos=pos.name, state=phase, **totals)

    def refund(self, phase: str, pos: PairedPos, return_id: str, answer: bytes) -> None:
        """A void or return was recorded with this answer; one told before is not told again."""
        told = checkout_return.refund_of(answer)
        if told.result == api_answers.RESULT_EXISTS:
            return
        refund = told.refund_minor
        self.show(Shown(phase=phase, sale_id=return_id, pos=pos.name, refund_minor=refund))
        self._hub.publish("sale", sale_id=return_id, pos=pos.name, state=phase, refund_minor=refund)

    def member(self, buyer: Buyer, sale: OpenSale | None) -> None:
        """Who the buyer is now, of this sale or of the next one."""
        answer = member_answer(buyer)
        self._hub.publish(
            "member",
            status=answer.status,
            member_id=answer.member_id,
            display_name=answer.display_name,
            tier=answer.tier,
            sale_id=sale.sale_id if sale else "",
        )
