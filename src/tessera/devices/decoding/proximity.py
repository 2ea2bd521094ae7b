"""Cards read without contact: EM4100 numbers, ISO 14443 identifiers, Wiegand numbers.

Each function takes a frame's body and gives a label or says what is wrong with it. An identifier
that a card makes up anew on each reading identifies nobody and is refused.

Sources: RDM6300 and ID-12LA data sheets (ten hexadecimal digits, XOR checksum); PC/SC part 3, 3.2.2
(GET DATA); ISO/IEC 14443-3, 6.5.4 (single-size identifiers that begin with 08 are random).
"""

import re

from tessera.devices.decoding.label import Decoded, Label, Refusal

_EM4100 = re.compile(r"[0-9A-F]{12}")
_HEX = re.compile(r"(?:[0-9A-F]{2})+|(?:[0-9a-f]{2})+")
_CASCADE_TAG, _RANDOM_ID = 0x88, 0x08
_UID_BYTES = (4, 7, 10)


def read_em4100(body: bytes) -> Decoded:
    """Read ten hexadecimal digits and their XOR checksum."""
    text = body.decode("latin-1")
    if not _EM4100.fullmatch(text):
        return Refusal("bad_frame", "an EM4100 frame has twelve hexadecimal digits")
    number, check = bytes.fromhex(text[:10]), bytes.fromhex(text[10:])[0]
    total = 0
    for byte in number:
        total ^= byte
    if total != check:
        return Refusal("bad_checksum", "the checksum is wrong")
    payload = text[:10]
    # The decimal number that is printed on many tags: the lower four bytes.
    decimal = f"{int.from_bytes(number[1:], 'big'):010d}"
    return Label(
        text=payload,
        symbology="em4100",
        payload=payload,
        number=payload,
        details={"decimal10": decimal},
    )


def read_hex_uid(body: bytes) -> Decoded:
    """Read a card's identifier that a reader sends as hexadecimal text."""
    text = body.decode("latin-1").strip()
    if not _HEX.fullmatch(text):
        return Refusal("bad_frame", "the identifier is not hexadecimal")
    return _uid(bytes.fromhex(text))


def read_pcsc_answer(body: bytes) -> Decoded:
    """Read the answer to FF CA 00 00 00: the identifier and a status of two bytes."""
    if len(body) < 2:
        return Refusal("bad_frame", "an answer has at least its status")
    content, status = body[:-2], body[-2:]
    if status == b"\x6a\x81":
        return Refusal("unsupported", "the card has no identifier that can be read this way")
    if status == b"\x63\x00":
        return Refusal("failed", "the card was taken away too soon")
    if status != b"\x90\x00":
        return Refusal("failed", f"the reader answered {status.hex()}")
    return _uid(content)


def _uid(uid: bytes) -> Decoded:
    if len(uid) not in _UID_BYTES:
        return Refusal("bad_length", f"an identifier of {len(uid)} bytes does not exist")
    if len(uid) == 4 and uid[0] == _RANDOM_ID:
        return Refusal("random_uid", "the card makes up a new identifier each time")
    if uid[0] == _CASCADE_TAG or len(set(uid)) == 1:
        return Refusal("bad_frame", "the identifier is not one of a card")
    text = uid.hex().upper()
    return Label(text=text, symbology="iso14443a-uid", payload=text, number=text)


def read_wiegand(body: bytes, bits: int) -> Decoded:
    """Read a Wiegand number of 26, 34 or 37 bits (HID's H10301, the 34-bit form, H10304).

    The first bit makes the first half even, the last bit the second half odd; on 37 bits the halves
    share the middle bit.
    """
    if bits not in _WIEGAND_FACILITY_BITS:
        return Refusal("bad_length", f"no known format has {bits} bits")
    whole = int.from_bytes(body, "big") >> (len(body) * 8 - bits)
    data_bits = bits - 2
    half = -(-data_bits // 2)
    data = (whole >> 1) & ((1 << data_bits) - 1)
    upper = data >> (data_bits - half)
    lower = data & ((1 << half) - 1)
    if (upper.bit_count() + (whole >> (bits - 1))) % 2 or (lower.bit_count() + whole) % 2 == 0:
        return Refusal("bad_parity", "a parity bit is wrong")
    facility_bits = _WIEGAND_FACILITY_BITS[bits]
    number_bits = data_bits - facility_bits
    facility, number = data >> number_bits, data & ((1 << number_bits) - 1)
    payload = f"{data:0{-(-data_bits // 4)}X}"
    return Label(
        text=payload,
        symbology=f"wiegand{bits}",
        payload=payload,
        number=f"{facility}-{number}",
        details={"facility": facility, "number": number},
    )


_WIEGAND_FACILITY_BITS = {26: 8, 34: 16, 37: 16}
