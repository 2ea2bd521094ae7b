"""The keys that registers believe central by: show them, move the root away, rotate, renew.

Central signs with an online key. Which online key may sign is said by the root, which has keys of
its own, best kept on media in a safe: whoever breaks into the server then gets no register to
believe another server for ever. Registers follow the root step by step.

The first start makes a root key beside central's own; `init` makes root keys elsewhere and hands
over to them. Every change needs as many root keys as the threshold says: name each with --root-key,
or write the change to a file with --out, sign it where the keys are with `sign`, and bring it back
with `publish`.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.cli.central_open import add_config_option, central_from
from tessera.cli.whole_number import whole
from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tessera.central.opening import Central
    from tessera.sync.wire import Root, SignedRoot

EXAMPLES = """\
examples:
  tessera central keys show
  tessera central keys init --into /media/safe --keys 3 --threshold 2
  tessera central keys rotate --root-key /media/a/root-1.key --root-key /media/b/root-2.key
  tessera central keys rotate --now --out next-root.json
  tessera central keys sign next-root.json --root-key /media/a/root-1.key
  tessera central keys publish next-root.json
"""

DAYS_MAX = 36_500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    showing = actions.add_parser("show", help="show the root, its fingerprint and the online keys")
    moving = actions.add_parser("init", help="make root keys elsewhere and hand over to them")
    moving.add_argument(
        "--into", type=Path, required=True, metavar="FOLDER", help="where the root keys are made"
    )
    moving.add_argument("--keys", type=whole(1, 16), default=1, help="how many root keys (1)")
    moving.add_argument(
        "--threshold", type=whole(1, 16), default=1, help="how many of them must sign (1)"
    )
    rotating = actions.add_parser("rotate", help="sign with a new online key")
    rotating.add_argument(
        "--now",
        action="store_true",
        help="the present key is known to others: registers stop believing it at once",
    )
    retiring = actions.add_parser("retire", help="drop every online key but the one in use")
    renewing = actions.add_parser("renew", help="let the root expire later")
    signing = actions.add_parser("sign", help="sign a change that --out wrote, where root keys are")
    publishing = actions.add_parser("publish", help="serve a change that was signed")
    changing = (moving, rotating, retiring, renewing)
    for one in changing:
        one.add_argument(
            "--days",
            type=whole(1, DAYS_MAX),
            default=0,
            required=one is renewing,
            help="expire so many days from now (as before)",
        )
        one.add_argument(
            "--out", type=Path, metavar="FILE", help="write the change to a file, to be signed"
        )
    for one in (signing, publishing):
        one.add_argument("file", type=Path, metavar="FILE", help="what --out wrote")
    for one in (*changing, signing):
        one.add_argument(
            "--root-key",
            type=Path,
            action="append",
            default=[],
            metavar="KEY",
            required=one is signing,
            help="a root key's file; once for each (root.key in data_dir while it signs)",
        )
    for one in (showing, *changing, publishing):
        add_config_option(one)
    for one in (showing, *changing, signing, publishing):
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    if arguments.action == "show":
        return _show(arguments)
    if arguments.action == "sign":
        return _sign(arguments)
    if arguments.action == "publish":
        return _publish(arguments)
    return _change(arguments)


def _show(arguments: argparse.Namespace) -> int:
    from tessera.central.roots import ROOT_KEY_FILE

    with central_from(arguments) as central:
        root = central.roots.trust().root
        assert root is not None
        told = _told(root, using=central.state().key_public, now_ms=central.now_ms())
        own = central.settings.data_dir / ROOT_KEY_FILE
        told["root_key_beside"] = str(own) if own.exists() else ""
    if arguments.json:
        print(json.dumps(told))
        return 0
    print(f"root {told['version']}: {told['threshold']} of {told['root_keys']} keys sign it")
    print(f"fingerprint: {told['fingerprint']}")
    print(f"expires: {told['expires']}, in {told['days_left']} days")
    for key in root.roles["segment"]:
        print(f"online key {key[:16]}…{' (in use)' if key == told['using'] else ''}")
    if told["root_key_beside"]:
        print(f"the root's key lies beside the online key, in {own}: whoever takes one has both")
        print("hand over to keys kept elsewhere: tessera central keys init --help")
    return 0


def _told(root: "Root", *, using: str, now_ms: int) -> dict[str, object]:
    from datetime import UTC, datetime

    from tessera.sync.trust import fingerprint_of

    expires = datetime.fromtimestamp(min(root.expires_ms, 253_402_300_799_000) / 1000, UTC)
    return {
        "version": root.version,
        "fingerprint": fingerprint_of(root),
        "threshold": root.root_threshold,
        "root_keys": len(root.root_keys),
        "expires": expires.date().isoformat(),
        "days_left": (root.expires_ms - now_ms) // 86_400_000,
        "roles": {role: list(keys) for role, keys in root.roles.items()},
        "using": using,
    }


def _change(arguments: argparse.Namespace) -> int:
    from tessera.central import key_change
    from tessera.central.roots import make_root_keys, read_root_keys, with_signatures

    with central_from(arguments) as central:
        keys = read_root_keys(_root_key_files(arguments, central))
        if arguments.action == "init":
            if arguments.threshold > arguments.keys:
                raise TesseraError(
                    f"{arguments.threshold} of {arguments.keys} keys cannot sign",
                    hint="give a threshold that is not above --keys",
                )
            made = make_root_keys(arguments.into, arguments.keys, random=central.random)
            keys += made
            signed = key_change.moved(
                central,
                root_keys=[key.public.hex() for key in made],
                threshold=arguments.threshold,
                days=arguments.days,
            )
        elif arguments.action == "rotate":
            signed = key_change.rotated(central, days=arguments.days, at_once=arguments.now)
        elif arguments.action == "retire":
            signed = key_change.retired(central, days=arguments.days)
        else:
            signed = key_change.renewed(central, days=arguments.days)
        signed = with_signatures(signed, keys)
        if arguments.out is not None:
            return _write(arguments, central, signed)
        return _serve(arguments, central, signed)


def _root_key_files(arguments: argparse.Namespace, central: "Central") -> list[Path]:
    from tessera.central.roots import ROOT_KEY_FILE

    own = central.settings.data_dir / ROOT_KEY_FILE
    named: list[Path] = arguments.root_key
    return named or ([own] if own.exists() else [])


def _write(arguments: argparse.Namespace, central: "Central", signed: "SignedRoot") -> int:
    from tessera.central.roots import missing_signatures, write_signed_root

    missing = missing_signatures(central.roots.trust(), signed)
    try:
        write_signed_root(arguments.out, signed)
    except FileExistsError as error:
        raise TesseraError(
            f"{arguments.out} exists", hint="name another file, or move it away"
        ) from error
    if arguments.json:
        print(json.dumps({"file": str(arguments.out), "missing": max(missing)}))
    else:
        print(f"written to {arguments.out}; signatures missing: {max(missing)}")
        print("nothing has changed yet: sign it, then tessera central keys publish")
    return 0


def _serve(arguments: argparse.Namespace, central: "Central", signed: "SignedRoot") -> int:
    from tessera.central.key_change import publish_root

    done = publish_root(central, signed)
    if arguments.json:
        told = {"version": done.version, "new_generation": done.new_generation}
        print(json.dumps(told))
        return 0
    print(f"root {done.version} is served; registers follow it with their next look")
    if done.new_generation:
        print("a key was dropped: registers read everything anew, signed by the key in use")
    if arguments.action == "rotate" and not done.new_generation:
        print("once all have followed, drop the earlier key: tessera central keys retire")
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    from tessera.central.roots import read_root_keys, read_signed_root, with_signatures
    from tessera.sync.records import encoded
    from tessera.sync.trust import read_root

    signed = _read_change(read_signed_root, arguments.file)
    root = read_root(signed)
    signed = with_signatures(signed, read_root_keys(arguments.root_key))
    part = arguments.file.with_name(arguments.file.name + ".part")
    part.write_bytes(encoded(signed) + b"\n")
    part.replace(arguments.file)
    if arguments.json:
        print(json.dumps({"version": root.version, "signatures": len(signed.signatures)}))
    else:
        print(f"root {root.version} carries {len(signed.signatures)} signatures now")
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    from tessera.central.roots import read_signed_root

    signed = _read_change(read_signed_root, arguments.file)
    with central_from(arguments) as central:
        return _serve(arguments, central, signed)


def _read_change(read: "Callable[[Path], SignedRoot]", file: Path) -> "SignedRoot":
    try:
        return read(file)
    except OSError as error:
        raise TesseraError(
            f"{file} cannot be read: {error.strerror}", hint="name the file that --out wrote"
        ) from error
