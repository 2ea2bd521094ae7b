"""The log says in words what changed between a register and central."""

import re
from pathlib import Path

from tessera.agent import sync_wiring
from tessera.agent.sync_wiring import SYNC_WORDS

TOLD = re.compile(r"""(?:line\.tell\(|SyncNotice\(what=)\s*"(\w+)\"""")


def test_every_notice_of_the_sync_loop_has_its_words() -> None:
    folder = Path(sync_wiring.__file__).parent
    told = {
        what
        for file in folder.glob("*.py")
        for what in TOLD.findall(file.read_text(encoding="utf-8"))
    }
    assert {"online", "loaded", "bundle_refused"} <= told
    assert told <= SYNC_WORDS.keys()
