"""Seeds of instant wins: nothing is released that could not be drawn, told or audited."""

import hashlib
from pathlib import Path

import pytest

from tessera.central.opening import Central
from tessera.central.programmes import release_programme
from tessera.central.seeds import add_seed, bundle_name, read_seed, seed_of
from tessera.core.errors import TesseraError
from tests.store.central.parts import enrolled
from tests.store.central.scripted_till import Till
from tests.store.central.served import served

TERMS = (
    "countries: {DE: everywhere}\n"
    "draws: {luck: {organiser: us, free_entry: a post card, countries: [DE]}}\n"
)
WIN = "programme: p\ncurrency: EUR\n{}offers:\n  luck: {{give: {{win: 1 in 4, prizes: [tea]}}}}\n"
SEED = bytes(range(32))


def test_an_instant_win_without_an_announced_seed_is_not_released(central: Central) -> None:
    with pytest.raises(TesseraError, match="no seed_hash"):
        release_programme(central, WIN.format(""), file="p.yaml")


def test_a_seed_that_is_not_kept_here_is_named(central: Central) -> None:
    text = WIN.format(f"seed_hash: {'a' * 64}\n")
    with pytest.raises(TesseraError, match="is not kept here"):
        release_programme(central, text, file="p.yaml")


def test_a_draw_that_states_no_terms_is_not_released(central: Central) -> None:
    digest = add_seed(central.settings.data_dir, SEED)
    text = WIN.format(f"seed_hash: {digest}\n")
    release, problems = release_programme(central, text, file="p.yaml")
    assert release is None
    assert [(one.field, one.severity) for one in problems] == [("draws.luck", "error")]


def test_a_till_gets_the_seed_of_a_released_bundle_and_nobody_else(
    central: Central,
) -> None:
    till = Till()
    enrolled(central, till)
    digest = add_seed(central.settings.data_dir, SEED)
    assert digest == hashlib.sha256(SEED).hexdigest()
    text = WIN.format(f"seed_hash: {digest}\n") + TERMS
    release, _ = release_programme(central, text, file="p.yaml")
    assert release is not None
    path = f"/v1/bundles/{release.bundle}/seed"
    with served(central) as client:
        assert client.get(path).status_code == 401
        found = client.get(path, headers={"Tessera-Request": till.request("GET", path)})
        assert (found.status_code, found.text) == (200, SEED.hex())
        assert found.headers["Cache-Control"] == "no-store"
        other = f"/v1/bundles/{digest}/seed"
        told = client.get(other, headers={"Tessera-Request": till.request("GET", other)})
        assert told.status_code == 404


def test_a_path_that_leads_elsewhere_is_no_seed(central: Central, tmp_path: Path) -> None:
    add_seed(central.settings.data_dir, SEED)
    assert read_seed(central.settings.data_dir, bundle_name("../../central.key")) == b""
    assert read_seed(tmp_path, "x") == b""


@pytest.mark.parametrize("text", ["", "abc", "zz" * 16, "aa" * 200, "aa " * 16])
def test_what_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(TesseraError, match="no hexadecimal number"):
        seed_of(text)
