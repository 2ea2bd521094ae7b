"""Drop the oldest records of the journal now, and give their room back to the disk.

The agent does the first by itself, `journal_days` after a sale and once central has it in a backup;
it never gives the room back, since new sales fill it. Stop the agent before. What central has not
confirmed as backed up stays, whatever `--days` says, as do the last 200 records of each life.
"""

import argparse
import json

from tessera.cli.agent_folder import existing_database
from tessera.cli.agent_settings import add_config_option, settings_of

EXAMPLES = """\
examples:
  tessera agent journal shorten
  tessera agent journal shorten --days 14
"""

DAYS_LEAST = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument(
        "--days",
        type=int,
        metavar="DAYS",
        help="keep records of so many days, 1 or more (default: journal_days of the settings)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Shorten, compact, and say how much went."""
    from tessera.agent.journal_shortening import shorten_some
    from tessera.core.errors import TesseraError
    from tessera.store.engine import held, open_sqlite
    from tessera.store.migrate import ensure_schema
    from tessera.store.till import MIGRATIONS
    from tessera.store.till.shortening import compact

    settings = settings_of(arguments)
    path = existing_database(settings.data_dir)
    days = settings.journal_days_in_force if arguments.days is None else arguments.days
    if days < DAYS_LEAST:
        raise TesseraError(
            f"{days} days are not possible",
            hint="journal_days is 0, so nothing goes by itself; say --days 35",
        )
    with held(path):
        before = path.stat().st_size
        engines = open_sqlite(path)
        try:
            ensure_schema(engines.writer, MIGRATIONS, name=path.name)
            gone = 0
            while True:
                with engines.writer.begin() as tx:
                    now = shorten_some(tx, days=days)
                gone += now
                if not now:
                    break
            if gone:
                compact(engines.writer)
        finally:
            engines.dispose()
        freed = max(0, before - path.stat().st_size)
    if arguments.json:
        print(json.dumps({"dropped": gone, "freed_bytes": freed}))
    else:
        print(f"{gone} records dropped, {freed / 1_048_576:.1f} MiB given back to the disk")
    return 0
