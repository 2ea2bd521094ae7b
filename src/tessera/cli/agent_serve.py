"""Run the agent of this register: reads scanners, answers the POS, keeps the sales, syncs.

It serves until it is stopped with SIGTERM or Ctrl-C. Nothing that was answered is lost by stopping
it, by a crash or by a power cut. The cashier's page is at the address that it prints.
"""

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager

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
    with _without_collecting():
        from tessera.agent.log import set_up_log

        settings = settings_or_problems(arguments.config)
        if settings is None:
            return 1
        set_up_log(as_json=settings.log.format == "json", level=settings.log.level)

        from tessera.store.till.soundness import EarlyCheck

        checking = EarlyCheck(settings.database)

        from tessera.agent.app import serve

    serve(settings, sound=checking.is_sound)
    return 0


@contextmanager
def _without_collecting() -> Iterator[None]:
    """What is imported here stays: looking for garbage in it, now or later, only costs time.

    Importing is nearly all of the agent's start, and a sale that is under way when Python looks
    through everything that was ever imported waits for that.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
