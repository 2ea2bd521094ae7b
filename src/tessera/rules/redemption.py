"""Units that pay: as a discount before taxes, as a tender after them, or for a gift.

Owns: how many units a wish can really spend (balance, lots, caps) and what each line is paid by.
Must never: move a balance; the ledger does, from the quote.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tessera.core.basket import Redemption
from tessera.core.money import share
from tessera.core.quote import Stage
from tessera.rules.corrections import offer_share, room_of, tender_room_of, within
from tessera.rules.folds import Fold, in_order, take
from tessera.rules.minimum_prices import open_due
from tessera.rules.model import Offer, Spend
from tessera.rules.sections import UnitDefinition
from tessera.rules.taxes import FoldTax
from tessera.rules.work import BY_PLACE, Work

NOT_ENOUGH_UNITS = "not-enough-units"
NOTHING_TO_PAY = "nothing-to-pay"
NOT_CHOSEN = "not-chosen"
LEAST_NOT_REACHED = "least-not-reached"


@dataclass(slots=True)
class Spending:
    """What one wish comes to: `units` of `unit` stand for `minor` money."""

    unit: str
    offer: str
    issuer: str
    units: int
    minor: int
    tender: bool
    reason: str = ""


class Purse:
    """What the member may still spend in this sale, unit by unit."""

    __slots__ = ("left",)

    def __init__(self, work: Work) -> None:
        member = work.known_member
        self.left = {unit.unit: unit.spendable for unit in member.units} if member else {}

    def take(self, unit: str, count: int) -> None:
        """Spend units."""
        self.left[unit] = self.left.get(unit, 0) - count


def redeem_discounts(work: Work, purse: Purse) -> list[Spending]:
    """Apply the wishes that lower the price: by unit, by offer, and gifts for units."""
    spendings: list[Spending] = []
    for offer in sorted(work.available[Stage.REDEMPTION], key=BY_PLACE):
        spending = _redeem_offer(work, purse, offer, None)
        if spending is not None:
            spendings.append(spending)
    for unit, amount in _wishes(work):
        definition = work.programme.units.get(unit)
        if definition is not None and definition.redeem == "discount":
            folds = [
                fold for fold in work.goods if fold.line.redeemable and open_due(work, fold) > 0
            ]
            due = within(sum(open_due(work, fold) for fold in folds), room_of(work))
            spending = _by_value(purse, definition, amount, due)
            _take_off(work, spending, folds)
            spendings.append(spending)
    return spendings


def redeem_tenders(work: Work, purse: Purse, taxes: Sequence[FoldTax]) -> list[Spending]:
    """Settle wishes that pay a part of the total and leave price and taxes alone."""
    spendings: list[Spending] = []
    for offer in sorted(work.available[Stage.TENDER], key=BY_PLACE):
        spending = _redeem_offer(work, purse, offer, taxes)
        if spending is not None:
            spendings.append(spending)
    for unit, amount in _wishes(work):
        definition = work.programme.units.get(unit)
        if definition is not None and definition.redeem == "tender":
            folds, dues = _payable(work, taxes)
            due = within(sum(dues), tender_room_of(work, taxes))
            spending = _by_value(purse, definition, amount, due)
            _pay(spending, folds, dues)
            spendings.append(spending)
    return spendings


def _wishes(work: Work) -> list[tuple[str, int]]:
    """What the basket wishes to spend by unit, each unit once, in order of name."""
    if work.basket.earning_only:
        return []
    wishes: dict[str, int] = {}
    for redemption in work.basket.redemptions:
        if redemption.unit and not redemption.reward:
            wishes[redemption.unit] = wishes.get(redemption.unit, 0) + max(0, redemption.amount)
    return sorted(wishes.items())


def wish_for(offer: Offer, spend: Spend, redemptions: Sequence[Redemption]) -> int | None:
    """Give how many units are wished for an offer, None when nobody asked for it."""
    found = None
    for redemption in redemptions:
        if redemption.reward == offer.offer_id:
            found = (found or 0) + (redemption.amount or spend.count)
    return found


def _by_value(purse: Purse, unit: UnitDefinition, amount: int, due: int) -> Spending:
    """Work out a wish by the unit's declared value, in whole lots."""
    assert unit.value is not None
    number, denominator = unit.value
    spending = Spending(unit.unit, f"unit:{unit.unit}", unit.issuer, 0, 0, unit.redeem == "tender")
    most_minor = due * unit.most[0] // unit.most[1]
    affordable = most_minor * denominator // number if number else 0
    count = min(amount, purse.left.get(unit.unit, 0), affordable)
    count -= count % unit.step
    if count < max(unit.least, 1):
        spending.reason = _why_nothing(purse, unit.unit, max(unit.least, unit.step), due)
        return spending
    spending.units, spending.minor = count, count * number // denominator
    purse.take(unit.unit, count)
    return spending


def _why_nothing(purse: Purse, unit: str, least: int, due: int) -> str:
    if purse.left.get(unit, 0) < least:
        return NOT_ENOUGH_UNITS
    return NOTHING_TO_PAY if due <= 0 else LEAST_NOT_REACHED


# -- offers that spend


def _redeem_offer(
    work: Work, purse: Purse, offer: Offer, taxes: Sequence[FoldTax] | None
) -> Spending | None:
    spend = offer.reward
    assert isinstance(spend, Spend)
    outcome = work.outcomes[offer]
    wish = wish_for(offer, spend, work.basket.redemptions)
    if wish is None and offer.offer_id in work.basket.chosen:
        wish = spend.count
    if wish is None:
        outcome.reason = NOT_CHOSEN
        return None
    definition = work.programme.units[spend.unit]
    issuer = offer.funding.partner if offer.funding else definition.issuer
    spending = Spending(spend.unit, offer.offer_id, issuer, 0, 0, spend.tender)
    if spend.gift is not None:
        _spend_on_gift(work, purse, offer, spend, spending)
    elif spend.donate:
        _donate(purse, spend, wish, spending)
    else:
        _spend_on_money(work, purse, offer, spend, wish, taxes, spending)
    outcome.reason = spending.reason
    if spending.units:
        outcome.uses = 1
        outcome.units = spending.units
    return spending


def _donate(purse: Purse, spend: Spend, wish: int, spending: Spending) -> None:
    count = min(wish, purse.left.get(spend.unit, 0))
    count -= count % spend.count if spend.whole else 0
    if count <= 0:
        spending.reason = NOT_ENOUGH_UNITS
        return
    spending.units = count
    purse.take(spend.unit, count)


def _spend_on_money(
    work: Work,
    purse: Purse,
    offer: Offer,
    spend: Spend,
    wish: int,
    taxes: Sequence[FoldTax] | None,
    spending: Spending,
) -> None:
    if taxes is None:
        folds = [fold for fold in work.found[offer] if open_due(work, fold) > 0]
        dues, room = [open_due(work, fold) for fold in folds], room_of(work)
    else:
        wanted = {fold.number for fold in work.found[offer]}
        folds, dues = _payable(work, taxes)
        kept = [place for place, fold in enumerate(folds) if fold.number in wanted]
        folds, dues = [folds[place] for place in kept], [dues[place] for place in kept]
        room = tender_room_of(work, taxes)
    due = within(sum(dues), room)
    most_minor = due * spend.most[0] // spend.most[1]
    count = min(wish, purse.left.get(spend.unit, 0))
    if spend.minor:
        count = min(count, most_minor * spend.count // spend.minor)
    count -= count % spend.count if spend.whole else 0
    if count < max(spend.least, 1):
        least = max(spend.least, spend.count if spend.whole else 1)
        spending.reason = _why_nothing(purse, spend.unit, least, due)
        return
    spending.units, spending.minor = count, count * spend.minor // spend.count
    purse.take(spend.unit, count)
    if taxes is None:
        _take_off(work, spending, folds, offer)
    else:
        _pay(spending, folds, dues)


def _spend_on_gift(
    work: Work, purse: Purse, offer: Offer, spend: Spend, spending: Spending
) -> None:
    """Give one of the gift's choices for units, and money besides where it costs some."""
    gift = spend.gift
    assert gift is not None
    if purse.left.get(spend.unit, 0) < spend.count:
        spending.reason = NOT_ENOUGH_UNITS
        return
    folds = [fold for fold in work.goods if fold.line.sku in gift.choices and fold.line.redeemable]
    left, room = gift.count, room_of(work)
    for fold in sorted(folds, key=lambda one: (-one.due // one.count, one.rank)):
        for parcel in list(fold.all_parcels):
            if left and parcel.due > gift.price_minor * parcel.count:
                piece = take(fold, parcel, left)
                minor = min(piece.due - gift.price_minor * piece.count, open_due(work, fold))
                if minor <= 0:
                    continue
                if room is not None and minor > room - spending.minor:
                    continue
                left -= piece.count
                spending.minor += minor
                work.put(offer, 1, fold, piece, minor)
    if left == gift.count:
        spending.reason = "gift-not-in-basket"
        return
    spending.units = spend.count
    purse.take(spend.unit, spend.count)
    _note_units(spending, [fold for fold in folds if offer_share(fold, offer)], offer)


def _note_units(spending: Spending, folds: Sequence[Fold], offer: Offer) -> None:
    """Remember on each fold how many of the units paid for it."""
    ordered = in_order(folds)
    weights = [offer_share(fold, offer) for fold in ordered]
    for fold, units in zip(ordered, share(spending.units, weights), strict=True):
        key = (spending.unit, spending.offer, spending.issuer)
        fold.spent.setdefault(key, [0, 0])[0] += units


# -- on the lines


def _payable(work: Work, taxes: Sequence[FoldTax]) -> tuple[list[Fold], list[int]]:
    """The goods that may be paid with units, and what each still costs with its taxes on top."""
    folds, dues = [], []
    for fold in in_order(work.goods):
        due = fold.due + taxes[fold.number].on_top - fold.tendered
        if fold.line.redeemable and due > 0:
            folds.append(fold)
            dues.append(due)
    return folds, dues


def _pay(spending: Spending, folds: Sequence[Fold], dues: Sequence[int]) -> None:
    if not spending.units:
        return
    key = (spending.unit, spending.offer, spending.issuer)
    parts = zip(folds, share(spending.minor, dues), share(spending.units, dues), strict=True)
    for fold, minor, units in parts:
        fold.tendered += minor
        noted = fold.spent.setdefault(key, [0, 0])
        noted[0] += units
        noted[1] += minor


def _take_off(
    work: Work, spending: Spending, folds: Sequence[Fold], offer: Offer | None = None
) -> None:
    """Take units that count as a discount off the lines."""
    if not spending.units or not folds:
        return
    ordered = in_order(folds)
    dues = [open_due(work, fold) for fold in ordered]
    key = (spending.unit, spending.offer, spending.issuer)
    parts = zip(ordered, share(spending.minor, dues), share(spending.units, dues), strict=True)
    for fold, minor, units in parts:
        fold.spent.setdefault(key, [0, 0])[0] += units
        if not minor:
            continue
        if offer is None:
            fold.due -= minor
            fold.redeemed[spending.offer] = fold.redeemed.get(spending.offer, 0) + minor
            continue
        weights = [parcel.due for parcel in fold.all_parcels]
        for parcel, part in zip(fold.all_parcels, share(minor, weights), strict=True):
            work.put(offer, 1, fold, parcel, part)
