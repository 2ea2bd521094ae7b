"""Price one basket by a programme and show the quote.

The same computation as at the till: discounts line by line, totals by tax group, units earned and
spent, and why each offer applied or not. Without --json a table for people is printed.
"""

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  tessera programme evaluate --programme my-shop.yaml --basket basket.json \\
      --at 2026-11-21T10:15:00+01:00
  tessera programme evaluate --programme my-shop.yaml --basket basket.json --member member.json \\
      --at 2026-11-21T10:15:00+01:00 --store 7 --json

The basket file is what a POS sends: {"lines": [{"id": "1", "sku": "milk", "quantity": "2",
"amount_minor": 198, "categories": ["dairy"]}]}; docs/programmes.md lists all fields.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_sale_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the quote as JSON")


def add_sale_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a sale."""
    parser.add_argument(
        "--programme",
        required=True,
        metavar="FILE",
        type=Path,
        help="programme (YAML file or folder)",
    )
    parser.add_argument(
        "--basket", required=True, metavar="FILE", type=Path, help="basket file (JSON), - for stdin"
    )
    parser.add_argument(
        "--member", metavar="FILE", type=Path, help="member's state (JSON); without: a guest"
    )
    parser.add_argument(
        "--at",
        required=True,
        metavar="TIME",
        help="when, with the store's offset from UTC: 2026-11-21T10:15:00+01:00",
    )
    parser.add_argument("--store", default="", metavar="ID", help="store, for offers bound to some")
    parser.add_argument("--region", default="", metavar="ID", help="region of the store")
    parser.add_argument("--register", default="", metavar="ID", help="register")
    parser.add_argument(
        "--tax-rounding",
        choices=("group", "line"),
        default="group",
        help="where tax is rounded (default: once for each tax group)",
    )
    parser.add_argument(
        "--language", default="en", choices=("en", "de", "fr", "es", "ru"), help="of the texts"
    )


def run(arguments: argparse.Namespace) -> int:
    """Price the basket and print the quote."""
    from tessera.cli.programme_sale import quote_sale
    from tessera.cli.programme_show import print_json, print_quote

    sale = quote_sale(arguments)
    if arguments.json:
        print_json(sale.quote)
    else:
        print_quote(sale, arguments.language)
    return 0
