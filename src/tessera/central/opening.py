"""Opens central: keys, database, schema, generation. The one place where its parts are joined.

Must never: start a loop or a server; `app` and the commands do.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tessera.central.desk import Desk
from tessera.central.keys import CARD_KEY_ID, CentralKeys, open_keys
from tessera.central.leasing import LeasePolicy
from tessera.central.recheck import Sample, sample_of
from tessera.central.roots import RootShelf, ensure_root
from tessera.central.settings import CentralSettings
from tessera.core.errors import TesseraError
from tessera.store.central import feed, register_book
from tessera.store.central.register_book import CentralState
from tessera.store.engine import DatabaseUnusable, Engines, open_database
from tessera.store.migrate import ensure_schema, hold_setup

MIGRATIONS = Path(register_book.__file__).parent / "migrations"
GENERATION_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Central:
    """Central, open: what every command and the server work with."""

    settings: CentralSettings
    engines: Engines
    keys: CentralKeys
    roots: RootShelf
    random: Callable[[int], bytes]
    now_ms: Callable[[], int]

    def state(self) -> CentralState:
        """Central's generation and keys as the database has them now.

        The signing key follows: what is signed after this is signed by the key that it names.
        """
        with self.engines.reader.begin() as tx:
            state = register_book.read_central(tx)
        assert state is not None, "central was opened without its own row"
        self.keys.follow(state.key_public)
        return state

    def desk(self) -> Desk:
        """What booking needs, in the present generation."""
        state = self.state()
        return Desk(
            key=self.keys.signing,
            generation=state.generation,
            version_base=state.version_base,
            policy=LeasePolicy(
                amount_max=self.settings.lease_cap, step_min=self.settings.lease_step
            ),
            sample=self.sample(),
            random=self.random,
            now_ms=self.now_ms,
            revival_days=self.settings.revival_days,
            is_awaiting=bool(state.is_awaiting),
        )

    def sample(self) -> Sample:
        """Which sales are priced once more after they were booked."""
        return sample_of(self.keys.signing, self.settings.recheck.one_in)


def wall_ms() -> int:
    """UTC milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@contextmanager
def opened(
    settings: CentralSettings,
    *,
    random: Callable[[int], bytes] = secrets.token_bytes,
    now_ms: Callable[[], int] = wall_ms,
) -> Iterator[Central]:
    """Open central as long as the context lasts; the first time, make its keys and tables."""
    _make_folder(settings.data_dir)
    keys = open_keys(settings.data_dir, random=random)
    engines = open_database(settings.database_url)
    try:
        try:
            ensure_schema(engines.writer, MIGRATIONS, name="central's database")
        except sa.exc.OperationalError as error:
            # Only the first line: what follows it is for programmers.
            raise DatabaseUnusable(
                f"central's database does not answer: {str(error.orig).splitlines()[0]}",
                hint="is the database server running, and is database.url right?",
            ) from error
        central = Central(
            settings=settings,
            engines=engines,
            keys=keys,
            roots=RootShelf(settings.data_dir),
            random=random,
            now_ms=now_ms,
        )
        _ensure_state(central)
        yield central
    finally:
        engines.dispose()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise TesseraError(
            f"data folder {folder} cannot be made: {error.strerror}",
            hint="set data_dir to a folder that this user may write",
        ) from error
    if not os.access(folder, os.W_OK):
        raise TesseraError(f"data folder {folder} may not be written", hint="give it to this user")


def _ensure_state(central: Central) -> None:
    public = central.keys.signing.public.hex()
    with central.engines.reader.begin() as tx:
        state = register_book.read_central(tx)
    if state is None:
        with central.engines.writer.begin() as tx:
            hold_setup(tx)
            if register_book.read_central(tx) is None:
                feed.seed(tx)
                register_book.write_central(
                    tx,
                    CentralState(
                        generation=central.random(GENERATION_BYTES).hex(),
                        generation_ms=central.now_ms(),
                        generation_number=1,
                        is_told=1,
                        key_public=public,
                        card_key_id=CARD_KEY_ID,
                    ),
                )
    else:
        central.keys.follow(state.key_public)
    ensure_root(
        central.settings.data_dir,
        central.roots,
        online=central.keys.signing.public.hex(),
        random=central.random,
        now_ms=central.now_ms(),
    )
