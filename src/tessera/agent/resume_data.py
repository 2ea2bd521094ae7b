"""A parked sale as text, so that another register of the store can go on with it.

Owns: that text, made when a sale is parked and read back where it is resumed, offline too. It
carries the basket, who buys and the rewards that were accepted, but no promise: prices are those of
the register that goes on, as of then.
Must never: hold a card number, a phone number or a name; be taken up in another store.
"""

import msgspec
import sqlalchemy as sa

from tessera.agent.api_shapes import RESUME_DATA_LENGTH_MAX, BegunGiven
from tessera.agent.kept_body import KeptBody, Snapshot, sale_of
from tessera.agent.open_sales import OpenSale
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.sealed_text import read_sealed_text, sealed_text
from tessera.agent.till_state import TillState
from tessera.core.identity import SaleKey

PREFIX = "TS1"


class ParkedSale(msgspec.Struct, frozen=True, kw_only=True):
    """A parked sale, under the key that it keeps wherever it is finished."""

    key: SaleKey
    sale: KeptBody


def resume_data(state: TillState, sale: OpenSale, key: SaleKey) -> str:
    """The sealed text of a parked sale; empty where it would be too long or nothing can seal it."""
    if state.hasher is None:
        return ""
    body = msgspec.structs.replace(Snapshot(sale).body(), quoted=None)
    text = sealed_text(PREFIX, ParkedSale(key=key, sale=body), state.hasher)
    return text if len(text) <= RESUME_DATA_LENGTH_MAX else ""


def read_resume_data(state: TillState, text: str, sale_id: str) -> ParkedSale:
    """The sale of a text that a register of this store sealed; ApiProblem otherwise."""
    if state.hasher is None or state.identity is None:
        raise _wrong("this register is not enrolled", "enrol it first: tessera agent enrol --help")
    try:
        parked = read_sealed_text(
            PREFIX,
            text,
            ParkedSale,
            state.hasher,
            what="parked sale",
            length_max=RESUME_DATA_LENGTH_MAX,
        )
    except ValueError as error:
        raise _wrong(str(error), "send it as the register answered that parked it") from error
    if parked.key.store != state.identity.store:
        raise _wrong(
            f"the sale was parked in store {parked.key.store}", "finish it in the store it is of"
        )
    if parked.key.sale_id != sale_id:
        raise _wrong(
            f"the data is of sale {parked.key.sale_id}", "resume it under the id that it has"
        )
    return parked


def sale_elsewhere(
    connection: sa.Connection, state: TillState, parked: ParkedSale, pos: PairedPos
) -> OpenSale:
    """The parked sale as an open one of this register and time, under the key it was begun with."""
    key = parked.key
    begun = BegunGiven(pos=key.pos, business_day=key.business_day)
    given = msgspec.structs.replace(
        parked.sale.given, begun=begun, store_time=None, business_day=None
    )
    body = msgspec.structs.replace(parked.sale, given=given)
    return sale_of(connection, state, body, pos=pos, sale_id=key.sale_id, suspended=False)


def _wrong(message: str, hint: str) -> ApiProblem:
    return ApiProblem("resume_data_wrong", message, hint=hint, field="resume_data")
