"""Codes that did not come through a reader of ours: handed over by the POS, or typed by a person.

The same decoding and card formats as for a reader apply, so that a card is the same card whoever
scanned it. Pure.
"""

from collections.abc import Sequence

from tessera.devices.card_formats import CardFormat
from tessera.devices.events import ReaderError, Scan
from tessera.devices.framing.frame import MAX_FRAME_BYTES, Frame
from tessera.devices.pipeline import Pipeline
from tessera.devices.profile_schema import Decoding, Framing, LabelScheme, ReaderProfile


def classify_code(
    text: str,
    formats: Sequence[CardFormat],
    *,
    reader_id: str,
    monotonic_ns: int,
    scheme: LabelScheme = "none",
    symbology: str = "",
) -> Scan | ReaderError:
    """Say what a code is. `scheme` names the code ids that stand before it, such as none or aim.

    A POS that knows the `symbology` (ean13, code128, qr …) names it instead. Payment card numbers
    come back as an error without the number.
    """
    content = text.strip("\r\n\t ").encode()
    if not content or len(content) > MAX_FRAME_BYTES:
        return ReaderError(
            code="bad_length",
            message=f"a code has 1 to {MAX_FRAME_BYTES} characters",
            reader_id=reader_id,
            monotonic_ns=monotonic_ns,
        )
    profile = ReaderProfile(
        name="code",
        title="a code handed over",
        transport="serial",
        repeat_ms=0,
        framing=Framing(kind="answers"),
        decode=Decoding(kind="barcode", ids=scheme),
    )
    frame = Frame(content, content, symbology=symbology)
    events = Pipeline(profile, formats, reader_id).take_frame(frame, monotonic_ns)
    return events[0]
