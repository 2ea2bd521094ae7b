"""Pair a POS with the agent of this register: prints the token that the POS must send.

The token is shown once and kept only as a hash. Pairing the same name again replaces its token. A
running agent takes the new pairing in at once. At its first start an agent pairs a POS by itself,
which goes by the name of the register, and leaves its token in pairing.token in its data folder.
Sales are known by the name of their POS: give no two POSs of a store the same.
"""

import argparse
import json

from tessera.cli.agent_settings import add_config_option, settings_or_problems

EXAMPLES = """\
examples:
  tessera agent pair --config /etc/tessera/agent.toml --pos front
  tessera agent pair --config agent.toml --pos kiosk --tax-rounding line --owns-scanner --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument(
        "--pos", required=True, metavar="NAME", help="the name of the POS, unique within the store"
    )
    parser.add_argument(
        "--currency", default="", metavar="CODE", help="the currency that the POS books in (EUR)"
    )
    parser.add_argument(
        "--tax-rounding",
        choices=("group", "line"),
        default="group",
        help="whether the POS rounds tax once a tax group or on each line",
    )
    parser.add_argument(
        "--owns-scanner",
        action="store_true",
        help="the POS reads the scanner itself and passes codes on",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Pair; 1 when the settings have mistakes."""
    import secrets

    from tessera.agent.pairing import PairedPos, pair
    from tessera.core.basket import TaxRounding

    settings = settings_or_problems(arguments.config)
    if settings is None:
        return 1
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    pos = PairedPos(
        name=arguments.pos,
        currency=arguments.currency,
        tax_rounding=TaxRounding(arguments.tax_rounding),
        owns_scanner=arguments.owns_scanner,
    )
    token = pair(settings.data_dir, pos, random=secrets.token_bytes)
    if arguments.json:
        print(json.dumps({"pos": pos.name, "token": token}))
    else:
        print(token)
    return 0
