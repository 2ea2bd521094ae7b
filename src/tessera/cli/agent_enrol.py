"""Enrol this register with central by a one-time code.

Central gives the code (tessera central register add). It becomes this register's own key, a
certificate and its place in a store; a code works once. If the answer is lost on the way, the same
command can be repeated. The agent must not be running on the folder yet.
"""

import argparse
import json
from typing import TYPE_CHECKING

from tessera.cli.agent_settings import add_config_option, settings_of
from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from tessera.store.till.values import RegisterIdentity

EXAMPLES = """\
examples:
  tessera agent enrol --code 7KQ2-M4TX-93WD
  tessera agent enrol --config agent.toml --code 7KQ2-M4TX-93WD
  tessera agent enrol --code 7KQ2-M4TX-93WD --root 8c1f-02d9-77ab-3e10-5f64-9d21-c0be-46a8
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--code", required=True, help="the one-time code that central gave")
    parser.add_argument(
        "--root",
        default="",
        metavar="FINGERPRINT",
        help="what tessera central keys show says; another central is then refused",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="a new key for a register that was revoked or whose certificate ran out",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Enrol, and say as what."""
    import asyncio

    identity = asyncio.run(_enrol(arguments))
    if arguments.json:
        print(json.dumps({"register": identity.register, "store": identity.store}))
    else:
        print(f"enrolled as {identity.register} of store {identity.store}")
        print("start the agent now: tessera agent serve --help")
    return 0


async def _enrol(arguments: argparse.Namespace) -> "RegisterIdentity":
    import secrets
    import socket
    import time

    from tessera.agent.enrolment import enrol
    from tessera.store.engine import held
    from tessera.store.till.opening import DATABASE, open_till
    from tessera.sync.client import HttpCentral
    from tessera.sync.link import CentralUnreachable

    settings = settings_of(arguments)
    if not settings.central.url:
        raise TesseraError(
            f"{arguments.config} does not say where central is",
            hint='write url = "https://…" below [central]',
        )
    folder = settings.data_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = HttpCentral(
        settings.central.url,
        signer=None,
        wall_ms=lambda: time.time_ns() // 1_000_000,
        random=secrets.token_bytes,
        ca_file=settings.central.ca_file,
    )
    try:
        with held(folder / DATABASE):
            till, _ = open_till(
                folder, random=secrets.token_bytes, wall_ms=time.time_ns() // 1_000_000
            )
            try:
                return await enrol(
                    folder=folder,
                    writer=till.engines.writer,
                    link=link,
                    code=arguments.code,
                    host=socket.gethostname(),
                    random=secrets.token_bytes,
                    fingerprint=arguments.root,
                    again=arguments.again,
                )
            finally:
                till.close()
    except CentralUnreachable as error:
        raise TesseraError(
            error.message,
            hint="look at the network and at url below [central], then say it again: the code is"
            " still good",
        ) from error
    finally:
        await link.close()
