"""From a request to the values that are priced: basket and place.

Owns: what makes a request that has the right shape still wrong (a line id twice, half a piece,
another currency, a year out of reach). Must never: read a clock; the time comes as an argument.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tessera.agent import api_shapes
from tessera.agent.problems_http import ApiProblem
from tessera.core.basket import Basket, Line, LineKind, LineTax, Place, Redemption, TaxRounding

YEAR_MIN, YEAR_MAX = 2000, 2199
BUSINESS_DAY_REACH = timedelta(days=400)


def basket_of(given: api_shapes.BasketGiven, *, currency: str, declared: str) -> Basket:
    """The basket as a value; `declared` is what the POS says that its currency is, if it does.

    ApiProblem for a line id twice, half a piece, a wrong currency.
    """
    if declared not in {"", currency}:
        raise ApiProblem(
            "currency_mismatch",
            f"the basket is in {declared}, this store in {currency}",
            field="currency",
            hint="send amounts in the store's currency",
        )
    _refuse_line_twice(given.lines)
    return Basket(
        currency=currency,
        lines=tuple(_line(line, number) for number, line in enumerate(given.lines)),
        coupons=given.coupons,
        redemptions=tuple(
            Redemption(unit=wish.unit, amount=wish.amount, reward=wish.reward)
            for wish in given.redemptions
        ),
        chosen=given.chosen,
        earning_only=given.earning_only,
    )


def _refuse_line_twice(lines: tuple[api_shapes.Line, ...]) -> None:
    if len({line.id for line in lines}) == len(lines):
        return
    seen: set[str] = set()
    for number, line in enumerate(lines):
        if line.id in seen:
            raise ApiProblem(
                "line_twice",
                f"line id {line.id!r} is given twice",
                field=f"lines[{number}].id",
                hint="number the lines of a basket",
            )
        seen.add(line.id)


def _line(given: api_shapes.Line, number: int) -> Line:
    quantity = Decimal(given.quantity)
    if not given.measure and quantity != quantity.to_integral_value():
        raise ApiProblem(
            "quantity_wrong",
            f"quantity {given.quantity} is no whole number of pieces",
            field=f"lines[{number}].quantity",
            hint='name what was weighed or metered: "measure": "kg"',
        )
    return Line(
        line_id=given.id,
        kind=LineKind(given.kind),
        sku=given.sku,
        text=given.text,
        quantity=quantity,
        measure=given.measure,
        unit_price=None if given.unit_price is None else Decimal(given.unit_price),
        amount_minor=given.amount_minor,
        taxes=tuple(
            LineTax(
                code=tax.code,
                rate=Decimal(tax.rate),
                included=tax.included,
                compound_on=tax.compound_on,
                per_unit_minor=tax.per_unit_minor,
            )
            for tax in given.taxes
        ),
        categories=given.categories,
        brand=given.brand,
        tags=given.tags,
        attributes=tuple(sorted(given.attributes.items())),
        discountable=given.discountable,
        earns=given.earns,
        redeemable=given.redeemable,
        list_price_minor=given.list_price_minor,
        price_reason=given.price_reason,
        lowest_30d_minor=given.lowest_30d_minor,
        minimum_price_minor=given.minimum_price_minor,
    )


def local_time(store_time: datetime | None, *, wall_ms: int, zone: ZoneInfo) -> datetime:
    """The moment of a sale in the store's own time, to the millisecond.

    The POS's time where it gave one, else the register's. ApiProblem for a year that no sale has.
    """
    if store_time is None:
        return datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(zone)
    if not YEAR_MIN <= store_time.year <= YEAR_MAX:
        raise ApiProblem(
            "field_wrong",
            f"the year {store_time.year} lies outside {YEAR_MIN} to {YEAR_MAX}",
            field="store_time",
            hint="set the clock of the POS",
        )
    return store_time.astimezone(zone)


def business_day_of(given: date | None, at: datetime) -> date:
    """The business day as the POS says, else the calendar's. ApiProblem when it is far from `at`.

    A late report may be a year old, but not of another century.
    """
    day = given or at.date()
    if abs(day - at.date()) > BUSINESS_DAY_REACH:
        raise ApiProblem(
            "field_wrong",
            f"business day {day} is more than a year from the sale's time",
            field="business_day",
            hint="send the day that the POS books on",
        )
    return day


def place_of(
    *,
    at: datetime,
    business_day: date,
    store: str,
    region: str,
    register: str,
    tax_rounding: TaxRounding,
    offline: bool = False,
    stopped: tuple[str, ...] = (),
) -> Place:
    """Where and when a basket is priced, and whether central could be asked."""
    return Place(
        at=at,
        business_day=business_day,
        store=store,
        region=region,
        register=register,
        tax_rounding=tax_rounding,
        offline=offline,
        stopped=stopped,
    )
