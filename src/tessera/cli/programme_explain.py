"""Explain a quote: what every offer did to which line, and why the others did nothing.

Prices the basket like `tessera programme evaluate`, then goes through it stage by stage and ends
with every offer of the programme that did not apply, with its reason, and the terms of its draws.
"""

import argparse

EXAMPLES = """\
examples:
  tessera programme explain --programme my-shop.yaml --basket basket.json \\
      --at 2026-11-21T10:15:00+01:00 --language de
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    from tessera.cli.programme_evaluate import add_sale_arguments

    add_sale_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Price the basket and explain the quote."""
    import json
    from dataclasses import asdict

    from tessera.cli.programme_sale import quote_sale
    from tessera.cli.programme_show import draw_text, outcome_text, print_trace
    from tessera.rules.draw_terms import terms_of
    from tessera.rules.explain import chosen_settings, outcomes_of_all
    from tessera.rules.unprovable import why_unproven
    from tessera.rules.wording import money

    sale = quote_sale(arguments)
    outcomes = outcomes_of_all(sale.programme, sale.member, sale.basket, sale.place, sale.quote)
    settings = chosen_settings(sale.quote)
    unproven = why_unproven(sale.programme, sale.quote)
    if arguments.json:
        report = {
            "settings": dict(settings),
            "optimal": sale.quote.optimal,
            "gap_minor": sale.quote.gap_minor,
            "nodes": sale.quote.nodes,
            "unproven": [asdict(one) for one in unproven],
            "offers": [asdict(outcome) for outcome in outcomes],
            "draws": [
                asdict(terms_of(sale.programme, draw, arguments.language))
                for draw in sale.programme.draws.values()
            ],
        }
        print(json.dumps(report, ensure_ascii=False))
        return 0
    print_trace(sale, arguments.language)
    for name, value in settings:
        print(f"setting {name}: {value}")
    proven = "proven to be the best" if sale.quote.optimal else "best found, not proven"
    print(f"combination: {proven}, {sale.quote.nodes} steps")
    if unproven:
        gap = money(sale.quote.gap_minor, arguments.language, sale.quote.currency)
        print(f"  a better one could take off at most {gap} more; not proven because:")
    for one in unproven:
        print(f"  {one.offer + ': ' if one.offer else ''}{one.because} [{one.code}]")
    print()
    for outcome in outcomes:
        print(outcome_text(outcome, arguments.language, sale.quote.currency))
    for draw in sale.programme.draws.values():
        print(draw_text(sale.programme, draw, arguments.language))
    return 0
