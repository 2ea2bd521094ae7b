"""Run the agent of this register: reads scanners, answers the POS, keeps the sales, syncs.

It serves until it is stopped with SIGTERM or Ctrl-C. Nothing that was answered is lost by stopping
it, by a crash or by a power cut. The cashier's page is at the address that it prints.
"""

import argparse

from tessera.cli.agent_settings import add_config_option, settings_or_problems

EXAMPLES = """\
examples:
  tessera agent serve --config /etc/tessera/agent.toml
  TESSERA__LISTEN__PORT=8441 tessera agent serve --config agent.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve; 1 when the settings have mistakes."""
    from tessera.agent.log import set_up_log

    settings = settings_or_problems(arguments.config)
    if settings is None:
        return 1
    set_up_log(as_json=settings.log.format == "json", level=settings.log.level)

    from tessera.agent.app import serve

    serve(settings)
    return 0
