import hashlib
import stat
from pathlib import Path

import pytest

from tessera.agent.drawing import announced_seed, keep_seed, read_seed

SEED = bytes(range(32))
HASH = hashlib.sha256(SEED).hexdigest()
BUNDLE = "b" * 64


def test_a_seed_is_kept_for_its_bundle_and_for_its_owner_alone(tmp_path: Path) -> None:
    assert keep_seed(tmp_path, BUNDLE, HASH, SEED.hex().encode() + b"\n")
    assert read_seed(tmp_path, BUNDLE) == SEED
    assert stat.S_IMODE((tmp_path / "seeds" / BUNDLE).stat().st_mode) == 0o600
    assert read_seed(tmp_path, "c" * 64) == b""


@pytest.mark.parametrize("raw", [b"", b"\xff", b"no hex", bytes(32).hex().encode()])
def test_a_seed_that_was_not_announced_is_not_kept(tmp_path: Path, raw: bytes) -> None:
    assert not keep_seed(tmp_path, BUNDLE, HASH, raw)
    assert read_seed(tmp_path, BUNDLE) == b""


def test_what_a_programme_announces_is_read_from_its_text() -> None:
    text = "programme: p\ncurrency: EUR\n{}offers: {{}}\n"
    assert announced_seed(text.format("")) == ""
    assert announced_seed(text.format(f"seed_hash: {HASH}\n")) == HASH
    assert announced_seed(text.format("# seed_hash follows\n")) == ""
