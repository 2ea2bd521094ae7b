"""Barcodes as bars: what a payload looks like in each symbology that cards are printed with.

python-barcode and segno compute the bars. Everything is validated before, since python-barcode
silently corrects a wrong EAN check digit and adds a check character to Code 39; here a wrong digit
is refused.
"""

from dataclasses import dataclass

from tessera.core.errors import TesseraError
from tessera.devices.decoding.label import Label, Refusal
from tessera.devices.decoding.symbology import accept

# The empty space that each symbology needs at its sides, in modules; what is not here cannot be
# drawn.
QUIET_ZONE = {
    "ean13": 11,
    "ean8": 7,
    "upca": 9,
    "code128": 10,
    "gs1-128": 10,
    "code39": 10,
    "itf": 10,
    "codabar": 10,
    "qr": 4,
}
# Least and most width of a module in dots of 1/600 inch: 5 dots are 0.21 mm, 8 are 0.34 mm. A
# narrow bar of ITF is two modules; a module of a QR code is a square.
_DOTS = {"itf": (3, 6), "qr": (8, 14)}
_DOTS_USUAL = (5, 8)
_MAX_PAYLOAD = 200


@dataclass(frozen=True, slots=True)
class Symbol:
    """The modules of a code: rows of True for dark. A linear code has one row.

    `quiet` is the empty space needed at each side, in modules; `text` stands under the bars;
    `dots` is the least and the usual width of a module in dots of 1/600 inch.
    """

    rows: tuple[tuple[bool, ...], ...]
    quiet: int
    text: str
    dots: tuple[int, int] = _DOTS_USUAL

    @property
    def is_linear(self) -> bool:
        """Tell whether it is made of bars."""
        return len(self.rows) == 1

    @property
    def width(self) -> int:
        """Modules from side to side without quiet zones."""
        return len(self.rows[0])


def draw_symbol(symbology: str, payload: str) -> Symbol:
    """Compute a code's modules. TesseraError where the payload cannot be that code."""
    if symbology not in QUIET_ZONE:
        raise TesseraError(
            f"{symbology} cannot be drawn", hint=f"one of {', '.join(sorted(QUIET_ZONE))}"
        )
    if not 0 < len(payload) <= _MAX_PAYLOAD or not payload.isprintable():
        raise TesseraError("a code holds 1 to 200 printable characters", hint="shorten it")
    checked = accept(Label(text=payload, symbology=symbology, payload=payload))
    if isinstance(checked, Refusal):
        raise TesseraError(
            f"the number cannot be printed as {symbology}: {checked.message}",
            hint="a wrong check digit is never corrected here; look where the number comes from",
        )
    if symbology == "qr":
        return _qr(payload)
    return _linear(symbology, payload)


def _qr(payload: str) -> Symbol:
    try:
        import segno  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise _missing("segno") from error
    code = segno.make(payload, error="m", micro=False)
    rows = tuple(tuple(bool(module) for module in row) for row in code.matrix)
    return Symbol(rows=rows, quiet=QUIET_ZONE["qr"], text="", dots=_DOTS["qr"])


def _linear(symbology: str, payload: str) -> Symbol:
    try:
        import barcode  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise _missing("python-barcode") from error
    names = {"gs1-128": "gs1_128"}
    make = barcode.get_barcode_class(names.get(symbology, symbology))
    if symbology == "code39":
        code = make(payload, add_checksum=False)
    elif symbology in {"ean13", "ean8", "upca"}:
        code = make(payload[:-1])
        assert code.get_fullcode() == payload, symbology
    elif symbology == "codabar" and payload[0].isdigit():
        code = make(f"A{payload}B")
    else:
        code = make(payload)
    (bars,) = code.build()
    row = tuple(bar == "1" for bar in bars)
    dots = _DOTS.get(symbology, _DOTS_USUAL)
    return Symbol(rows=(row,), quiet=QUIET_ZONE[symbology], text=payload, dots=dots)


def _missing(part: str) -> TesseraError:
    return TesseraError(
        f"drawing cards needs {part}, which is not installed", hint="install tessera-pos[cards]"
    )
