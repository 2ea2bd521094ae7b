"""A register whose date is wrong by ten years, either way: it sells on, and it gets over it.

A preloaded library moves the real agent's wall clock alone; the clock since boot goes on, as on a
machine whose battery is flat. Central's clock is right.
"""

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tessera.central.programmes import release_programme
from tessera.central.records import ReceivedRecord, received_records
from tessera.store.engine import open_sqlite
from tessera.store.till import kept_bundles
from tests.support.agent import DAY, PROGRAMME, milk, paid, start
from tests.support.real_shop import RealShop, Register, of, real_shop
from tests.support.waiting import wait_until

TEN_YEARS_S = 10 * 365 * 86_400
SOURCE = Path(__file__).parents[1] / "support" / "shifted_clock.c"
WAIT_S = 60.0


@dataclass
class ShiftedClock:
    """The seconds by which the processes under `wrap` are wrong."""

    file: Path
    wrap: tuple[str, ...]

    def move(self, seconds: int) -> None:
        """From now on; in place, since the processes have mapped the file."""
        with self.file.open("r+b") as opened:
            opened.write(struct.pack("<q", seconds))


@pytest.fixture
def shifted_clock(tmp_path: Path) -> ShiftedClock:
    library, file = tmp_path / "shifted_clock.so", tmp_path / "seconds"
    compiler = shutil.which("cc")
    assert compiler is not None
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    file.write_bytes(struct.pack("<q", 0))
    return ShiftedClock(file, ("env", f"LD_PRELOAD={library}", f"SHIFTED_CLOCK={file}"))


def sell(till: Register, sale_id: str) -> list[str]:
    """Sell milk for 5.00, minus a tenth; the flags of the sale."""
    given = of("m-1", milk())
    quote = till.agent.put(sale_id, given)
    assert quote["totals"]["due_minor"] == 450
    answer: dict[str, Any] = till.agent.complete(sale_id, paid(given, quote))
    return list(answer["flags"])


def is_doubtful(till: Register) -> bool:
    return bool(till.status()["clock"]["doubtful"])


def records(shop: RealShop) -> list[ReceivedRecord]:
    return list(received_records(shop.central, "till-1"))


def test_a_clock_ten_years_off_stops_nothing_and_is_forgotten_once_it_is_right(
    shifted_clock: ShiftedClock, tmp_path: Path
) -> None:
    """Six sales, four under a wrong clock, one of them after a restart without central."""
    with real_shop(tmp_path, PROGRAMME, registers=1, wrap=shifted_clock.wrap) as shop:
        till = shop.registers[0]
        till.settled()
        # The POS's own time may be days away from today, which is a doubt of its own.
        honest = sell(till, "right")
        for name, years in (("late", 1), ("early", -1)):
            shifted_clock.move(years * TEN_YEARS_S)
            assert is_doubtful(till)
            assert "clock-doubt" in sell(till, name)
            till.settled()
            assert till.status()["mode"] == "online"

        till.cut()
        shifted_clock.move(TEN_YEARS_S)
        assert "clock-doubt" in sell(till, "cut-off")
        till.agent.kill()
        folder = tmp_path / "till-1"
        till.agent = start(folder, tmp_path / "till-1.toml", wrap=shifted_clock.wrap)
        try:
            assert is_doubtful(till)
            assert "clock-doubt" in sell(till, "restarted")
            till.mend()
            till.settled()
            assert is_doubtful(till)

            shifted_clock.move(0)
            assert not is_doubtful(till)
            assert sell(till, "right-again") == honest
            till.settled()
        finally:
            till.agent.kill()
        found = records(shop)
        names = ["right", "late", "early", "cut-off", "restarted", "right-again"]
        assert [(one.sale_id, one.seq) for one in found] == list(
            zip(names, range(1, 7), strict=True)
        )
        assert {one.business_day for one in found} == {DAY}
        assert {one.incarnation for one in found} == {found[0].incarnation}
        wrong = {one.sale_id for one in found if "clock-doubt" in one.flags}
        assert wrong >= {"late", "early", "cut-off", "restarted"}
        # 4 points for 4.50, six times.
        wait_until(lambda: shop.points("m-1") == 24, what="all is booked", timeout_s=WAIT_S)
        shop.agree()


def test_a_programme_begins_by_central_s_time_whatever_the_register_s_clock_says(
    shifted_clock: ShiftedClock, tmp_path: Path
) -> None:
    with real_shop(tmp_path, PROGRAMME, registers=1, wrap=shifted_clock.wrap) as shop:
        till = shop.registers[0]
        before = till.status()["bundle"]["hash"]
        shifted_clock.move(TEN_YEARS_S)
        text = PROGRAMME.replace("dairy-10", "dairy-11")
        done, _ = release_programme(
            shop.central, text, file="p.yaml", active_from_ms=shop.central.now_ms() + 86_400_000
        )
        assert done is not None
        tomorrow = done.bundle
        engines = open_sqlite(tmp_path / "till-1" / "till.db")

        def is_kept() -> bool:
            with engines.reader.connect() as c:
                return kept_bundles.find(c, tomorrow) is not None

        wait_until(is_kept, what="the new programme is on the till", timeout_s=WAIT_S)
        engines.dispose()
        sell(till, "not-yet")
        till.settled()
        assert till.status()["bundle"]["hash"] == before
        done, _ = release_programme(shop.central, text + "\n", file="p.yaml", active_from_ms=0)
        assert done is not None
        wanted = done.bundle
        shifted_clock.move(-TEN_YEARS_S)
        wait_until(
            lambda: till.status()["bundle"]["hash"] == wanted,
            what="today's is in force",
            timeout_s=WAIT_S,
        )
