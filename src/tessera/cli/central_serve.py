"""Run central: the server that registers report to.

Makes its database, its signing key and its card key on the first start. Runs until it gets SIGTERM
or Ctrl-C, finishes what it is doing and ends with exit code 0.
"""

import argparse

from tessera.cli.central_open import add_config_option, load_settings

EXAMPLES = """\
examples:
  tessera central serve --config config/central.toml
  TESSERA__LISTEN__PORT=8451 tessera central serve --config config/central.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    from tessera.central.serving import serve

    serve(load_settings(arguments.config))
    return 0
