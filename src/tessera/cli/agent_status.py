"""Show how the running agent is: line, queue, age of data, programme, readers, disk, clock.

Asks the agent itself on this machine, with the pairing token from its data folder, so it must run
as a user who may read that folder. Exit code 1 when something needs attention.
"""

import argparse
import json

from tessera.cli.agent_folder import existing_folder
from tessera.cli.agent_settings import add_config_option, settings_of
from tessera.core.errors import TesseraError

EXAMPLES = """\
examples:
  tessera agent status
  tessera agent status --json
"""

TOKEN_FILE = "pairing.token"  # noqa: S105 - a file's name
ADDRESS_FILE = "agent.address"
DEFAULT_ADDRESS = "http://127.0.0.1:8440"
ANSWER_S_MAX = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument(
        "--url",
        metavar="URL",
        help="the agent's address, when it is neither the usual one nor written in its folder",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the agent's answer as it is, for programs"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print."""
    folder = existing_folder(settings_of(arguments).data_dir)
    token_file, address_file = folder / TOKEN_FILE, folder / ADDRESS_FILE
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise TesseraError(
            f"{token_file} cannot be read: {error.strerror}",
            hint="run this as the agent's user; the agent writes the file at its first start",
        ) from error
    url = arguments.url
    if not url:
        url = address_file.read_text().strip() if address_file.is_file() else DEFAULT_ADDRESS
    answer = _ask(url, token)
    if arguments.json:
        print(json.dumps(answer))
    else:
        print("\n".join(_lines(answer)))
    return 1 if _worries(answer) else 0


def _ask(url: str, token: str) -> dict[str, object]:
    import urllib.error
    import urllib.request

    if not url.startswith("http://"):
        url = "http://" + url
    request = urllib.request.Request(  # noqa: S310 - http:// only, put in front above
        url.rstrip("/") + "/v1/status", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S_MAX) as response:  # noqa: S310 - as above
            answer: dict[str, object] = json.load(response)
    except urllib.error.HTTPError as error:
        raise TesseraError(
            f"the agent at {url} answered {error.code}",
            hint="the token may be another agent's: check --config",
        ) from error
    except OSError as error:
        raise TesseraError(
            f"no agent answers at {url}: {getattr(error, 'reason', error)}",
            hint="start it: tessera agent serve --help; or give its address with --url",
        ) from error
    except ValueError as error:
        raise TesseraError(
            f"what answers at {url} is no agent", hint="give the agent's address with --url"
        ) from error
    return answer


def _worries(answer: dict[str, object]) -> bool:
    notices = answer.get("notices")
    return bool(notices) or answer.get("mode") == "offline" or not answer.get("enrolled", True)


def _lines(answer: dict[str, object], indent: str = "") -> list[str]:
    lines = []
    for name, value in answer.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(value, dict):
            lines += [label, *_lines(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(label if value else f"{label} none")
            for entry in value:
                if isinstance(entry, dict):
                    parts = [f"{k}={v}" for k, v in entry.items() if v not in ("", None)]
                    lines.append(f"{indent}  - {', '.join(parts)}")
                else:
                    lines.append(f"{indent}  - {entry}")
        else:
            lines.append(f"{label} {_word(value)}")
    return lines


def _word(value: object) -> str:
    if value is True:
        return "yes"
    if value is False:
        return "no"
    return "-" if value in ("", None) else str(value)
