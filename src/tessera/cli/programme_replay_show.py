"""The sums of a replay as a table for people.

Owns: the layout. Must never: compute more than the difference of two sums that stand side by side.
"""

from collections.abc import Callable, Iterator
from typing import Any


def print_report(report: dict[str, Any]) -> None:
    """Print what `tessera.rules.replay.report_of` gave."""
    from tessera.rules.wording import money

    code = report["currency"]

    def shown(minor: int) -> str:
        return money(minor, "en", code)

    draft, current = report["draft"], report["current"]
    print(f"{draft['sales']:,} sales, amounts in {code}\n")
    new = dict(_rows_of(draft))
    old = dict(_rows_of(current)) if current else {}
    names = [*new, *(name for name in old if name not in new)]
    width = max(len(name) for name in names)
    heads = ["draft", "current", "change"] if current else ["draft"]
    print(" " * width + "".join(f"  {head:>14}" for head in heads))
    for name in names:
        is_money = (new.get(name) or old[name])[1]
        before, after = old.get(name, (0,))[0], new.get(name, (0,))[0]
        numbers = [after, before, after - before] if current else [after]
        cells = (f"{shown(one) if is_money else f'{one:,}':>14}" for one in numbers)
        print(f"{name:<{width}}  " + "  ".join(cells))
    if report["change"]:
        print()
        _print_change(report["change"], shown)


def _rows_of(totals: dict[str, Any]) -> Iterator[tuple[str, tuple[int, bool]]]:
    yield "shelf", (totals["shelf_minor"], True)
    yield "discount", (totals["discount_minor"], True)
    yield "paid with units", (totals["tendered_units_minor"], True)
    yield "due", (totals["due_minor"], True)
    if totals["unproven"]:
        yield "not proven to be the best", (totals["unproven"], False)
    for one in totals["units"]:
        by = f" of {one['issuer']}" if one["issuer"] else ""
        yield f"{one['unit']}{by} issued", (one["earned"], False)
        if one["earned_value_minor"] is not None:
            yield f"{one['unit']}{by} issued, worth", (one["earned_value_minor"], True)
        yield f"{one['unit']}{by} spent", (one["spent"], False)
    for one in totals["offers"]:
        yield f"offer {one['offer']}: sales", (one["sales"], False)
        if one["discount_minor"]:
            yield f"offer {one['offer']}: discount", (one["discount_minor"], True)
        if one["units"]:
            yield f"offer {one['offer']}: units", (one["units"], False)
    for one in totals["partners"]:
        yield f"partner {one['partner']}: pays", (one["discount_minor"], True)


def _print_change(change: dict[str, Any], shown: Callable[[int], str]) -> None:
    better, worse = change["members_better_minor"], change["members_worse_minor"]
    print(f"members better off: {change['members_better']:,}, by {shown(better)} together")
    print(f"members worse off:  {change['members_worse']:,}, by {shown(worse)} together")
    same = change["members"] - change["members_better"] - change["members_worse"]
    print(f"members as before:  {same:,}")
    print(f"sales better / worse for the customer: {change['sales_better']:,}", end="")
    print(f" / {change['sales_worse']:,}")
    if change["members_cut"]:
        print(f"only the first {change['members']:,} members were followed")
    if change["members_unnamed_sales"]:
        print(f"sales of members without a member_id: {change['members_unnamed_sales']:,}")
