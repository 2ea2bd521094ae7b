"""What a return pays back, worked out from the frozen quote of the sale alone.

Owns: the cumulative shares that make any number of partial returns add up to the sale, gifts that
are kept, units taken back and given back. Must never: score a sale again; a rule that has changed
since has no say here.

A fold of n equal units with discount D gives back round(D·k/n) for its first k units, whatever the
order in which they come: each return takes the difference between two of these sums.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from tessera.core.basket import Basket, Line, LineKind
from tessera.core.errors import TesseraError
from tessera.core.money import Rounding, rounded, share
from tessera.core.quote import (
    LineQuote,
    Message,
    Quote,
    ReceiptLine,
    ReturnedLine,
    ReturnQuote,
    TaxGroup,
    UnitMovement,
    UnitShare,
)


class ReturnRefused(TesseraError):
    """The sale has no such line, or not so much of it left."""

    code = "return-refused"


@dataclass(slots=True)
class _Fold:
    """The sums of one fold of the sale, and how much of it has come back before and comes now."""

    lines: list[tuple[Line, LineQuote]]
    quantity: Fraction
    before: Fraction
    now: Fraction

    def sum_of(self, field: str) -> int:
        return sum(getattr(quote, field) for _, quote in self.lines)

    def share(self, total: int, start: Fraction, end: Fraction) -> int:
        """Give the part of a sum that belongs to the units from `start` to `end`."""
        return _upto(total, end, self.quantity) - _upto(total, start, self.quantity)

    def gross(self, units: Fraction) -> int:
        """Give what the first units cost, tax on top included."""
        return (
            _upto(self.sum_of("amount_minor"), units, self.quantity)
            - _upto(self.sum_of("discount_minor"), units, self.quantity)
            + _upto(self.sum_of("on_top_minor"), units, self.quantity)
        )

    def tendered(self, units: Fraction) -> int:
        """Give the part of it that had been paid with units of account.

        What was paid in money grows steadily with the units; the rest is what units had paid, so
        that no return ever takes money back because two roundings met.
        """
        whole = sum(one.tendered_minor for _, quote in self.lines for one in quote.units)
        if not whole:
            return 0
        gross = self.gross(units)
        money = _upto(self.gross(self.quantity) - whole, units, self.quantity)
        return gross - min(gross, money)

    def taxed(self, units: Fraction) -> int:
        """Give what the first units are taxed on and their tax, with what partners paid of it."""
        paid = sum(one.third_party_minor for _, quote in self.lines for one in quote.offers)
        return self.gross(units) + _upto(paid, units, self.quantity)

    def tax(self, units: Fraction) -> int:
        """Give the tax of the first units: by what they are taxed on, so never more than that."""
        tax, whole = self.sum_of("tax_minor"), self.taxed(self.quantity)
        return _upto(tax, Fraction(self.taxed(units)), Fraction(whole)) if whole else 0

    def money(self, units: Fraction) -> int:
        """Give what the first units cost in money, less what units of account had paid."""
        return self.gross(units) - self.tendered(units)


def _both(before: Mapping[str, Decimal], now: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Give how much of each line has come back once this return is done."""
    return {
        line_id: before.get(line_id, Decimal(0)) + now.get(line_id, Decimal(0))
        for line_id in (*before, *now)
    }


def _upto(total: int, units: Fraction, quantity: Fraction) -> int:
    return rounded(total * units / quantity, Rounding.HALF_AWAY)


def quote_return(
    quote: Quote,
    basket: Basket,
    returning: Mapping[str, Decimal],
    returned_before: Mapping[str, Decimal],
) -> ReturnQuote:
    """Quote the return of some quantities, by line id.

    `basket` is the one that was frozen with the quote, `returned_before` what came back of it in
    earlier returns. Raises ReturnRefused for a line that was not sold, or not so often.
    """
    settings = dict(quote.settings_used)
    folds = _folds(quote, basket, returning, returned_before)
    lines: list[ReturnedLine] = []
    taxes: dict[tuple[str, str], list[int]] = {}
    tendered = 0
    for fold in folds:
        if fold.now:
            lines += _returned_lines(fold, returning, taxes)
            end = fold.before + fold.now
            tendered += fold.tendered(end) - fold.tendered(fold.before)
    if settings.get("gift_kept") != "keep":
        after = _both(returned_before, returning)
        lines = _with_gift_charges(lines, folds, returned_before, after)
    refund = sum(line.refund_minor for line in lines) - tendered
    units = _movements(lines)
    return ReturnQuote(
        engine=quote.engine,
        currency=quote.currency,
        policy="allocated",
        refund_minor=max(0, refund),
        tendered_units_minor=tendered,
        lines=tuple(sorted(lines, key=lambda line: line.line_id)),
        taxes=tuple(
            TaxGroup(code=code, rate=rate, net_minor=net, tax_minor=tax, gross_minor=net + tax)
            for (code, rate), (net, tax) in sorted(taxes.items())
        ),
        units=units,
        receipt=units_on_receipt(units),
        spent_short=settings.get("spent_short", "owed"),
    )


def _movements(lines: list[ReturnedLine]) -> tuple[UnitMovement, ...]:
    sums: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        for one in line.units:
            noted = sums.setdefault((one.unit, one.issuer), [0, 0, 0])
            noted[0] += one.earned
            noted[1] += one.spent
            noted[2] += one.tendered_minor
    return tuple(
        UnitMovement(unit=unit, earned=earned, spent=spent, spent_value_minor=minor, issuer=issuer)
        for (unit, issuer), (earned, spent, minor) in sorted(sums.items())
        if earned or spent
    )


def units_on_receipt(units: tuple[UnitMovement, ...]) -> tuple[ReceiptLine, ...]:
    """Give the lines of a receipt about units that are taken back and given back."""
    found = []
    for movement in units:
        for key, count in (("receipt.spent", movement.earned), ("receipt.earned", movement.spent)):
            if count:
                arguments = (("count", count), ("unit", movement.unit))
                found.append(ReceiptLine(text=Message(key=key, arguments=arguments)))
    return tuple(found)


def reprice_return(
    quote: Quote,
    basket: Basket,
    returning: Mapping[str, Decimal],
    returned_before: Mapping[str, Decimal],
    price: Callable[[Basket], Quote],
) -> ReturnQuote:
    """Quote a return by the other policy: what is kept costs what it would have cost alone.

    `price` evaluates with the programme, member and place of the sale. What the goods kept before
    this return cost less what those kept after it cost comes back, never below zero and never more
    than the sale; of a sale that units paid a part of, in the proportion that money paid. Lines,
    taxes and units are those of the frozen shares: goods and accounts move alike under both.
    """
    shared = quote_return(quote, basket, returning, returned_before)
    sold = replace(basket, redemptions=())
    whole = price(sold).due_minor if basket.redemptions else quote.due_minor

    def repaid(returned: Mapping[str, Decimal]) -> int:
        kept = min(whole, price(_kept_basket(sold, returned)).due_minor)
        return _upto(quote.due_minor, Fraction(whole - kept), Fraction(whole)) if whole else 0

    refund = repaid(_both(returned_before, returning)) - repaid(returned_before)
    return replace(shared, refund_minor=max(0, refund), policy="repriced")


def _kept_basket(basket: Basket, returned: Mapping[str, Decimal]) -> Basket:
    lines = []
    for line in basket.lines:
        left = line.quantity - returned.get(line.line_id, Decimal(0))
        if left > 0:
            amount = _upto(line.amount_minor, Fraction(left), Fraction(line.quantity))
            lines.append(replace(line, quantity=left, amount_minor=amount))
    return replace(basket, lines=tuple(lines))


def what_is_left(basket: Basket, returned_before: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Give what of a sale has not come back yet, by line id; a void returns just that."""
    left = {
        line.line_id: line.quantity - returned_before.get(line.line_id, Decimal(0))
        for line in basket.lines
        if line.kind is not LineKind.RETURN
    }
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


def _folds(
    quote: Quote,
    basket: Basket,
    returning: Mapping[str, Decimal],
    returned_before: Mapping[str, Decimal],
) -> list[_Fold]:
    sold = {line.line_id: line for line in basket.lines}
    for line_id, quantity in returning.items():
        _check(sold.get(line_id), line_id, quantity, returned_before.get(line_id, Decimal(0)))
    folds: dict[int, _Fold] = {}
    for line_quote in quote.lines:
        line = sold[line_quote.line_id]
        fold = folds.setdefault(line_quote.fold, _Fold([], Fraction(0), Fraction(0), Fraction(0)))
        fold.lines.append((line, line_quote))
        fold.quantity += Fraction(line.quantity)
        fold.before += Fraction(returned_before.get(line.line_id, Decimal(0)))
        fold.now += Fraction(returning.get(line.line_id, Decimal(0)))
    return [folds[number] for number in sorted(folds)]


def _check(line: Line | None, line_id: str, quantity: Decimal, before: Decimal) -> None:
    if line is None:
        raise ReturnRefused(
            f"line {line_id!r} was not sold in this sale", hint="choose a line of the receipt"
        )
    if not quantity.is_finite() or quantity <= 0:
        raise ReturnRefused(
            f"line {line_id!r}: {quantity} is no quantity to return", hint="give more than 0"
        )
    if quantity + before > line.quantity:
        raise ReturnRefused(
            f"line {line_id!r}: {quantity} of {line.quantity - before} left can't come back",
            hint="look at the earlier returns of this sale",
        )


def _returned_lines(
    fold: _Fold, returning: Mapping[str, Decimal], taxes: dict[tuple[str, str], list[int]]
) -> list[ReturnedLine]:
    """Give each line its part, in the order of line ids, and add up the tax that comes back."""
    discount = fold.sum_of("discount_minor")
    start, found = fold.before, []
    for line, _ in sorted(fold.lines, key=lambda pair: pair[0].line_id):
        quantity = returning.get(line.line_id)
        if quantity is None:
            continue
        end = start + Fraction(quantity)
        line_discount = fold.share(discount, start, end)
        line_tax = fold.tax(end) - fold.tax(start)
        gross = fold.gross(end) - fold.gross(start)
        code = "+".join(one.code for one in line.taxes)
        rate = "+".join(str(one.rate) for one in line.taxes) or "0"
        sums = taxes.setdefault((code, rate), [0, 0])
        sums[0] += fold.taxed(end) - fold.taxed(start) - line_tax
        sums[1] += line_tax
        found.append(
            ReturnedLine(
                line_id=line.line_id,
                quantity=str(quantity),
                refund_minor=gross,
                units=_returned_units(fold, start, end),
                discount_minor=line_discount,
                tax_minor=line_tax,
            )
        )
        start = end
    return found


def _returned_units(fold: _Fold, start: Fraction, end: Fraction) -> tuple[UnitShare, ...]:
    """Give the units that some of the fold's goods had earned, or were paid with."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for _, quote in fold.lines:
        for one in quote.units:
            noted = sums.setdefault((one.unit, one.offer, one.issuer), [0, 0, 0])
            noted[0] += one.earned
            noted[1] += one.spent
            noted[2] += one.tendered_minor
    keys = sorted(sums)
    minors = share(fold.tendered(end) - fold.tendered(start), [sums[key][2] for key in keys] or [0])
    found = []
    for (unit, offer, issuer), minor in zip(keys, minors, strict=False):
        earned, spent = (fold.share(total, start, end) for total in sums[unit, offer, issuer][:2])
        if earned or spent or minor:
            found.append(
                UnitShare(
                    unit=unit,
                    offer=offer,
                    earned=earned,
                    spent=spent,
                    tendered_minor=minor,
                    issuer=issuer,
                )
            )
    return tuple(found)


# -- gifts


def _with_gift_charges(
    lines: list[ReturnedLine],
    folds: list[_Fold],
    returned_before: Mapping[str, Decimal],
    after: Mapping[str, Decimal],
) -> list[ReturnedLine]:
    """Charge gifts whose triggers have all come back; a charged gift that comes back is refunded.

    What a gift costs at any moment follows from what has come back until then; this return pays
    the difference between the moments before and after it.
    """
    triggers, gifts = _gifts_of(folds)
    if not gifts:
        return lines
    by_id = {line.line_id: line for line in lines}
    charged = _charges(folds, triggers, gifts, returned_before)
    charges = _charges(folds, triggers, gifts, after)
    for line_id in dict.fromkeys((*charged, *charges)):
        charge = charges.get(line_id, 0) - charged.get(line_id, 0)
        if charge:
            known = by_id.get(line_id)
            if known is None:
                known = ReturnedLine(line_id=line_id, quantity="0", refund_minor=0)
            by_id[line_id] = replace(
                known,
                refund_minor=known.refund_minor - charge,
                gift_charge_minor=known.gift_charge_minor + charge,
            )
    return list(by_id.values())


def _charges(
    folds: list[_Fold],
    triggers: dict[str, list[Line]],
    gifts: list[tuple[str, Line, int]],
    returned: Mapping[str, Decimal],
) -> dict[str, int]:
    """Give what is kept for each line of a gift once so much of the sale has come back.

    Never more than the last of its triggers brings, the one that brings least: whoever brings
    goods back one after the other can't be asked for money, so nor can who brings them at once.
    Then the same goods pay the same whatever the order, and all of them what the sale cost.
    """
    kept: dict[str, dict[str, int]] = {}
    for offer, line, discount in gifts:
        charge = _kept(line, discount, triggers.get(offer, []), returned)
        if charge:
            by_line = kept.setdefault(offer, {})
            by_line[line.line_id] = by_line.get(line.line_id, 0) + charge
    brought = _brought_by_the_last(folds, returned) if kept else {}
    owed = {offer: sum(by_line.values()) for offer, by_line in kept.items()}
    while owed:
        last = {
            line_id: [
                offer for offer in owed if any(one.line_id == line_id for one in triggers[offer])
            ]
            for offer in owed
            for line_id in (one.line_id for one in triggers[offer])
        }
        line_id = max(
            sorted(last), key=lambda one: sum(owed[offer] for offer in last[one]) - brought[one]
        )
        room, free = brought[line_id], last[line_id]
        if sum(owed[offer] for offer in free) <= room:
            break
        for offer in free:
            owed.pop(offer)
            for each, minor in kept[offer].items():
                kept[offer][each] = min(minor, room)
                room -= kept[offer][each]
    found: dict[str, int] = {}
    for by_line in kept.values():
        for each, minor in by_line.items():
            found[each] = found.get(each, 0) + minor
    return found


def _brought_by_the_last(folds: list[_Fold], returned: Mapping[str, Decimal]) -> dict[str, int]:
    """Give what the last unit that came back of each line was refunded in money, by line id."""
    found = {}
    for fold in folds:
        end = sum(
            (Fraction(returned.get(line.line_id, Decimal(0))) for line, _ in fold.lines),
            Fraction(0),
        )
        for line, _ in fold.lines:
            unit = Fraction(line.quantity) if line.measure else Fraction(1)
            found[line.line_id] = fold.money(end) - fold.money(max(Fraction(0), end - unit))
    return found


def _gifts_of(folds: list[_Fold]) -> tuple[dict[str, list[Line]], list[tuple[str, Line, int]]]:
    """Give the lines that each gift hangs on, and the gifts with what they took off."""
    triggers: dict[str, list[Line]] = {}
    gifts: list[tuple[str, Line, int]] = []
    for fold in folds:
        for line, quote in fold.lines:
            for one in quote.offers:
                if one.role == "trigger":
                    triggers.setdefault(one.offer, []).append(line)
                elif one.role == "gift" and one.discount_minor:
                    gifts.append((one.offer, line, one.discount_minor))
    return triggers, gifts


def _kept(line: Line, discount: int, triggers: list[Line], returned: Mapping[str, Decimal]) -> int:
    """Give what is owed for a gift once so much of the sale has come back."""
    if not triggers or any(
        returned.get(one.line_id, Decimal(0)) < one.quantity for one in triggers
    ):
        return 0
    back = Fraction(returned.get(line.line_id, Decimal(0)))
    return discount - _upto(discount, back, Fraction(line.quantity))
