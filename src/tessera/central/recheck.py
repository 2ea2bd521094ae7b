"""Prices a recorded sale once more, by what the record itself says, and tells what differs.

A record holds every input of its quote (basket, place, the member as the till knew them, stopped
offers) and names bundle and engine, so the same rules give the same quote, anywhere and on any day.
Owns: which sales make up the sample, when two quotes can be compared at all, and which differences
are about money. Must never: touch a database, correct anything, or doubt an input.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from tessera.core.basket import LINES_MAX
from tessera.core.quote import Quote
from tessera.core.sale import SaleBody
from tessera.rules.evaluate import ENGINE_VERSION, evaluate
from tessera.rules.plain import bare_quote, plain_programme
from tessera.rules.programme import Programme
from tessera.sync.records import encoded
from tessera.sync.signing import SigningKey

SAME = "same"
DIFFERS = "differs"
REWORDED = "reworded"
"""Money and units are the same; what is told about them is not."""
BUNDLE_UNKNOWN = "bundle-unknown"
ENGINE_OTHER = "engine-other"
TOO_LARGE = "too-large"
UNREADABLE = "unreadable"
NOT_COMPARABLE = (BUNDLE_UNKNOWN, ENGINE_OTHER, TOO_LARGE, UNREADABLE)

PIECES_MAX = 20_000
"""Baskets beyond this are not priced again: somebody could keep central busy with them."""
SHOWN_MAX = 20
"""Most differences of one sale that are kept."""

_PURPOSE = "tessera/recheck/1"
_WORDS = frozenset(
    {
        "offers",
        "prompts",
        "receipt",
        "fiscal_lines",
        "settings_used",
        "optimal",
        "gap_minor",
        "nodes",
    }
)
"""Parts of a quote that move neither money nor units: what is told of them."""
_FIRST = ("due_minor", "discount_minor", "shelf_minor", "units", "lines")
_NAMED_BY = ("line_id", "key", "code", "unit", "offer", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Which sales are priced again: one in `one_in`, none for 0; always the same ones.

    By a hash of the uid under a secret of central's, so that no register can tell which.
    """

    secret: bytes
    one_in: int

    def holds(self, uid: str) -> bool:
        """Whether this sale is among them."""
        if self.one_in <= 1:
            return self.one_in == 1
        digest = hashlib.blake2b(uid.encode(), key=self.secret, digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.one_in == 0


def sample_of(key: SigningKey, one_in: int) -> Sample:
    """The sample of a central that signs with this key."""
    return Sample(secret=_secret_of(key), one_in=one_in)


@lru_cache(maxsize=4)
def _secret_of(key: SigningKey) -> bytes:
    # An Ed25519 signature is the same each time, and nobody without the key can tell it.
    return hashlib.sha256(key.sign(_PURPOSE, b"sample")).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value: as it was recorded, and as the rules give it; empty where there is none."""

    field: str
    recorded: str
    again: str

    def text(self) -> str:
        """In words, with the distance of whole numbers."""
        told = f"{self.field}: {self.recorded or 'nothing'} recorded, {self.again or 'nothing'} now"
        try:
            return f"{told} ({int(self.recorded) - int(self.again):+d})"
        except ValueError:
            return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What pricing a sale again showed; `differences` of money and units first."""

    verdict: str
    differences: tuple[Difference, ...] = ()


def recheck(sale: SaleBody, *, programme: Programme | None, bundle: str, engine: str) -> Verdict:
    """Price a recorded sale again.

    `programme` is that of `bundle`, None when central does not have it; a sale without a bundle was
    priced by none, and must give nothing.
    """
    if engine != ENGINE_VERSION:
        return Verdict(verdict=ENGINE_OTHER)
    if not bundle:
        programme = plain_programme(sale.basket.currency)
    if programme is None:
        return Verdict(verdict=BUNDLE_UNKNOWN)
    pieces = sum(abs(line.quantity) for line in sale.basket.lines)
    if len(sale.basket.lines) > LINES_MAX or pieces > PIECES_MAX:
        return Verdict(verdict=TOO_LARGE)
    try:
        again = evaluate(programme, sale.member if bundle else None, sale.basket, sale.place)
    except Exception as error:  # noqa: BLE001 - a basket that nobody's rules price is a finding
        what = f"the rules fail on it: {type(error).__name__}"
        return Verdict(
            verdict=DIFFERS,
            differences=(Difference(field="quote", recorded="a quote", again=what),),
        )
    if not bundle and sale.quote == bare_quote(sale.basket):
        return Verdict(verdict=SAME)
    return compared(sale.quote, again)


def compared(recorded: Quote, again: Quote) -> Verdict:
    """What differs between two quotes of one sale."""
    before, after = _plain(recorded), _plain(again)
    if before == after:
        return Verdict(verdict=SAME)
    names = sorted({*before, *after} - _WORDS, key=_order)
    found = tuple(one for name in names for one in _differing(name, before, after))
    if not found:
        words = sorted(_WORDS & {*before, *after})
        found = tuple(one for name in words for one in _differing(name, before, after))
        return Verdict(verdict=REWORDED, differences=found[:SHOWN_MAX])
    return Verdict(verdict=DIFFERS, differences=found[:SHOWN_MAX])


def _plain(quote: Quote) -> dict[str, Any]:
    """The quote as its record holds it, fields that an older record lacks filled in."""
    content: dict[str, Any] = msgspec.json.decode(encoded(quote))
    return content


def _order(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _differing(name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    yield from _walk(name, before.get(name), after.get(name))


def _walk(path: str, before: Any, after: Any) -> Iterator[Difference]:  # noqa: ANN401 - plain JSON
    if before == after:
        return
    if isinstance(before, list) and isinstance(after, list):
        before, after = _labelled(before), _labelled(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _walk(f"{path}.{name}", before.get(name), after.get(name))
        return
    yield Difference(field=path, recorded=_text(before), again=_text(after))


def _labelled(items: list[Any]) -> dict[str, Any]:
    """A list by what its items are called, or else by their place in it."""
    found: dict[str, Any] = {}
    for number, item in enumerate(items, start=1):
        label = ""
        if isinstance(item, dict):
            label = next((str(item[name]) for name in _NAMED_BY if item.get(name)), "")
        found[label if label and label not in found else f"{label}#{number}"] = item
    return found


def _text(value: Any) -> str:  # noqa: ANN401 - plain JSON
    """A value in a few words; a whole row by its counts and amounts."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return (
            ", ".join(
                f"{name} {part}" for name, part in value.items() if isinstance(part, int) and part
            )[:200]
            or "a row"
        )
    if isinstance(value, list):
        return f"{len(value)} rows"
    return str(value)[:200]
