"""Limits over all members in central's books: on both databases, in one transaction or more."""

import json
from pathlib import Path

import pytest

from tessera.central.generations import begin_generation, tell_everything
from tessera.central.opening import Central
from tessera.central.programmes import release_programme
from tessera.central.shared_limits import (
    follow_releases,
    grant_due,
    list_limits,
    write_off_shares,
)
from tessera.central.sharing import SharedLimit
from tessera.core.quote import CounterUse
from tessera.core.sale import Ending
from tessera.store.central import register_book
from tessera.sync.feed_wire import ShareRow
from tests.store.central.parts import book, differences, enrolled, publish, send, stream
from tests.store.central.scripted_till import Till

PROGRAMME = """\
programme: corner-shop
currency: EUR
offers:
  few: {what: category tea, give: 1.00 off the basket, limits: {total: 12}}
  capped: {what: category wine, give: 5.00 off the basket, limits: {budget: 100.00}}
  here: {where: store elsewhere, give: 1.00 off the basket, limits: {total: 5}}
"""
FEW, CAPPED = "corner-shop/few/total", "corner-shop/capped/budget"
USE = CounterUse(key="few/total", used=1)


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


def two_tills(central: Central) -> tuple[Till, Till]:
    here, there = Till(), Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")
    enrolled(central, here)
    enrolled(central, there)
    made, problems = release_programme(central, PROGRAMME, file="p.yaml")
    assert made is not None
    assert problems == []
    publish(central)
    return here, there


def limit(central: Central, key: str = FEW) -> SharedLimit:
    return next(shared for row, shared in list_limits(central) if row.key == key)


def told(central: Central, till: Till, key: str = FEW) -> int:
    """What a register was told last that it may use in all."""
    rows = [row for row in stream(central, f"register:{till.register}") if row_of(row, key)]
    assert all(isinstance(row, ShareRow) and row.incarnation == till.incarnation for row in rows)
    return max((row.granted for row in rows if isinstance(row, ShareRow)), default=0)


def row_of(row: object, key: str) -> bool:
    return isinstance(row, ShareRow) and row.key == key


def settle(central: Central, till: Till, *, first: int = 1) -> None:
    send(central, till, first=first)
    grant_due(central)
    publish(central)


def alarms(central: Central) -> list[str]:
    with central.engines.reader.begin() as tx:
        return sorted(row.kind for row in register_book.read_alarms(tx))


def test_a_release_brings_every_register_a_share(central: Central) -> None:
    """Half of 12 and half of 100.00, each between two registers."""
    here, there = two_tills(central)
    assert (told(central, here), told(central, there)) == (3, 3)
    assert (told(central, here, CAPPED), told(central, there, CAPPED)) == (2500, 2500)
    assert told(central, here, "corner-shop/here/total") == 0


def test_a_limit_that_is_written_in_words_is_shared_out_as_well(central: Central) -> None:
    """Nothing in the file says "total"."""
    here, there = two_tills(central)
    text = "programme: words\ncurrency: EUR\noffers:\n  few: {give: 1.00 off, limits: 2 in all}\n"
    release_programme(central, text, file="p.yaml")
    assert limit(central, "words/few/total").most == 2
    publish(central)
    assert [told(central, till, "words/few/total") for till in (here, there)] == [1, 1]


def test_a_use_counts_once_however_often_its_record_comes(central: Central) -> None:
    here, there = two_tills(central)
    for _ in range(2):
        here.sell(counters=[USE, CounterUse(key="capped/budget", used=500)])
    settle(central, here)
    settle(central, here)
    assert (limit(central).used, limit(central, CAPPED).used) == (2, 1000)
    # Of 10 left a quarter is 2: one was left of 3, so one comes on top.
    assert (told(central, here), told(central, there)) == (4, 3)
    assert limit(central).free == 12 - 2 - 2 - 3
    assert alarms(central) == []


def test_what_a_return_gives_back_is_free_for_anybody_once(central: Central) -> None:
    here, there = two_tills(central)
    sale = here.sell(quantity=2, sale_id="S-1", counters=[USE])
    settle(central, here)
    key = here.sale_key("S-1")
    ending = Ending(counters=(USE,))
    there.take_back(sale, key, quantity="1", refund_minor=500, with_last=ending)
    settle(central, there)
    assert limit(central).used == 1
    here.take_back(sale, key, quantity="1", refund_minor=500, with_last=ending)
    settle(central, here, first=2)
    settle(central, here)
    assert (limit(central).used, limit(central).returned) == (0, 1)
    there.take_back(sale, key, quantity="0", refund_minor=0, counters=[USE])
    settle(central, there, first=2)
    assert (limit(central).used, limit(central).returned) == (0, 1)
    assert differences(central) == []


def test_a_return_that_comes_before_its_sale_gives_back_with_it(central: Central) -> None:
    here, there = two_tills(central)
    sale = here.sell(sale_id="S-1", counters=[USE])
    there.take_back(sale, here.sale_key("S-1"), counters=[USE])
    settle(central, there)
    assert limit(central).returned == 0
    settle(central, here)
    assert (limit(central).used, limit(central).returned) == (0, 1)


def test_what_passes_the_limit_is_booked_and_is_an_alarm(central: Central) -> None:
    here, _ = two_tills(central)
    here.sell(counters=[CounterUse(key="few/total", used=13)])
    settle(central, here)
    assert (limit(central).used, limit(central).free) == (13, -4)
    assert alarms(central) == ["limit-passed"]


def test_a_counter_of_no_limit_that_runs_is_kept_and_harms_nobody(central: Central) -> None:
    here, _ = two_tills(central)
    here.sell(counters=[CounterUse(key="gone/total", used=1), CounterUse(key="x" * 90, used=-5)])
    settle(central, here)
    assert limit(central, "corner-shop/gone/total").used == 1
    assert alarms(central) == []


def test_a_lowered_limit_grants_nothing_and_a_raised_one_does(central: Central) -> None:
    here, _ = two_tills(central)
    for text, share in (("total: 2", 3), ("total: 100", 25)):
        release_programme(central, PROGRAMME.replace("total: 12", text), file="p.yaml")
        publish(central)
        assert told(central, here) == share


def test_an_offer_that_is_gone_is_granted_no_more(central: Central) -> None:
    here, _ = two_tills(central)
    text = PROGRAMME.replace("limits: {total: 12}", "limits: 1 per basket")
    release_programme(central, text, file="p.yaml")
    here.sell(counters=[USE] * 3)
    settle(central, here)
    assert (told(central, here), limit(central).used) == (3, 3)


def test_a_register_that_comes_later_has_its_share_once_central_has_looked(
    central: Central,
) -> None:
    two_tills(central)
    third = Till(register="berlin-1-3", number=3, incarnation="00000000000000c3")
    enrolled(central, third)
    follow_releases(central)
    publish(central)
    assert told(central, third) == 2


def test_a_revoked_registers_share_is_written_off_and_free_for_others(central: Central) -> None:
    here, there = two_tills(central)
    assert write_off_shares(central, there.register) == 0
    with central.engines.writer.begin() as tx:
        register_book.update_register(tx, there.register, status=register_book.REVOKED)
    assert write_off_shares(central, there.register) == 3 + 2500
    share = limit(central).shares[there.register, there.incarnation]
    assert (share.granted, share.outstanding, share.written_off) == (3, 0, 3)
    publish(central)
    # Alone now, its part is 6 of the 12: three come on top of what it holds.
    assert (told(central, here), limit(central).free) == (3 + 3, 6)


def test_a_new_generation_tells_shares_again(central: Central) -> None:
    here, _ = two_tills(central)
    begin_generation(central)
    tell_everything(central)
    book(central)
    assert told(central, here) == 3


def test_the_command_lists_what_is_used_and_held(
    central: Central, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tessera.cli.main import main

    two_tills(central)
    config = tmp_path / "central.toml"
    settings = central.settings
    config.write_text(
        f'data_dir = "{settings.data_dir}"\n[database]\nurl = "{settings.database.url}"\n'
    )
    assert main(["central", "limits", "--config", str(config), "--json"]) == 0
    found = {one["offer"]: one for one in json.loads(capsys.readouterr().out)}
    few = found["few"]
    assert (few["most"], few["used"], few["outstanding"], few["free"]) == (12, 0, 6, 6)
    assert [one["granted"] for one in few["shares"]] == [3, 3]
