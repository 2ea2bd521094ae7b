"""Quotes printed for people and for programs.

Owns: the layout of tables. Must never: compute anything that is not in the quote.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from tessera.core.quote import OfferOutcome, Quote

if TYPE_CHECKING:
    from tessera.cli.programme_sale import Sale
    from tessera.rules.programme import Programme
    from tessera.rules.sections import Draw


def print_json(quote: Quote) -> None:
    """Print the quote as one JSON object."""
    print(json.dumps(asdict(quote), ensure_ascii=False))


def print_quote(sale: "Sale", language: str) -> None:
    """Print lines, totals, units and offers as a table."""
    from tessera.rules.wording import money, receipt_texts

    quote = sale.quote
    texts = {line.line_id: line.text or line.sku for line in sale.basket.lines}

    def shown(minor: int) -> str:
        return money(minor, language, quote.currency)

    width = max([4, *(len(text[:32]) for text in texts.values())])
    print(f"{'line':<{width}}  {'shelf':>10}  {'off':>10}  {'due':>10}  offers")
    for line in quote.lines:
        offers = ", ".join(sorted({one.offer for one in line.offers}))
        print(
            f"{texts[line.line_id][:32]:<{width}}  {shown(line.amount_minor):>10}  "
            f"{shown(-line.discount_minor):>10}  {shown(line.due_minor):>10}  {offers}"
        )
    print()
    totals = _totals(quote)
    width = max(width, *(len(text) for text, _ in totals))
    for text, minor in totals:
        print(f"{text:<{width}}  {shown(minor):>10} {quote.currency}")
    for movement in quote.units:
        print(f"{movement.unit}: +{movement.earned} −{movement.spent}")
    print()
    for outcome in quote.offers:
        print(outcome_text(outcome, language, quote.currency))
    if quote.receipt:
        print("\nreceipt:")
        for text in receipt_texts(quote, language):
            print(f"  {text}")


def print_trace(sale: "Sale", language: str) -> None:
    """Print stage by stage what each offer took off which line, and what that left to pay."""
    from tessera.rules.wording import money

    quote = sale.quote
    texts = {line.line_id: line.text or line.sku or line.line_id for line in sale.basket.lines}
    due = quote.shelf_minor
    print(f"{'shelf':<12} {money(due, language, quote.currency):>10}")
    for stage in ("unit", "basket", "redemption"):
        for line in quote.lines:
            for one in line.offers:
                if one.stage == stage and (one.discount_minor or one.role == "trigger"):
                    due -= one.discount_minor
                    off = money(-one.discount_minor, language, quote.currency)
                    use = f" (use {one.group})" if one.group > 1 else ""
                    role = f" as {one.role}" if one.role else ""
                    print(f"{stage:<12} {off:>10}  {one.offer}{use} on {texts[line.line_id]}{role}")
    for text, minor in _totals(quote)[2:]:
        print(f"{text:<12} {money(minor, language, quote.currency):>10}")
    for line in quote.lines:
        for part in line.units:
            word = f"+{part.earned}" if part.earned else f"−{part.spent}"
            print(f"{part.unit:<12} {word:>10}  {part.offer} on {texts[line.line_id]}")
    print()


def draw_text(programme: "Programme", draw: "Draw", language: str) -> str:
    """Say what a draw states: who draws, what for, how to take part without buying, where."""
    from tessera.rules.draw_terms import terms_of

    terms = terms_of(programme, draw, language)
    return (
        f"draw {terms.draw}: organiser {terms.organiser}; prizes {terms.prizes};"
        f" free entry: {terms.free_entry or 'none'}; countries {terms.countries}"
    )


def _totals(quote: Quote) -> list[tuple[str, int]]:
    totals = [("shelf", quote.shelf_minor), ("discount", -quote.discount_minor)]
    totals += [
        (f"tax {group.code or 'none'} {group.rate}", group.tax_minor) for group in quote.taxes
    ]
    if quote.tax_on_top_minor:
        totals.append(("tax on top", quote.tax_on_top_minor))
    if quote.tendered_units_minor:
        totals.append(("paid with units", -quote.tendered_units_minor))
    return [*totals, ("due", quote.due_minor)]


def outcome_text(outcome: OfferOutcome, language: str, currency: str) -> str:
    """Give one line about an offer: what it did, or why not."""
    from tessera.rules.wording import money, say

    if not outcome.applied:
        why = say(outcome.text, language, currency) if outcome.text else ""
        return f"  no   {outcome.offer}: {outcome.reason} — {why}"
    parts = []
    if outcome.discount_minor:
        parts.append(f"{money(outcome.discount_minor, language, currency)} off")
    if outcome.units:
        parts.append(f"{outcome.units} units")
    return f"  yes  {outcome.offer}: {', '.join(parts) or 'applied'} ({outcome.uses} uses)"
