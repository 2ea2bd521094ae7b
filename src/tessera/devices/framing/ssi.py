"""Zebra's Simple Serial Interface: packets with length, opcode, source, status and checksum.

    length · opcode · source · status · data … · checksum (2 bytes, two's complement of the sum)

The length counts itself but not the checksum. A packet counts only if its checksum holds; after a
bad one the next byte is tried as a beginning, so that noise or a lost byte costs one packet at the
most. The host acknowledges every packet of decoded data and asks again for a bad one. A packet that
repeats the last one with the retransmit bit set is acknowledged and marked, never scanned twice.

Source: Symbol SE-923 integration guide, chapter "SSI"; SE955 integration guide, 10-9 ff.
"""

from tessera.devices.framing.frame import (
    MAX_FRAME_BYTES,
    NS_PER_MS,
    Control,
    Frame,
    FrameError,
    FrameOutcome,
)

CMD_ACK, CMD_NAK, DECODE_DATA = 0xD0, 0xD1, 0xF3
_RETRANSMIT, _CONTINUATION = 0x01, 0x02
_HEADER_BYTES, _CHECKSUM_BYTES = 4, 2
_SOURCE_DECODER = 0
_IDLE_MS = 100

# The host is source 4. NAK reason 1 is "resend".
HOST_ACK = bytes.fromhex("04d00400ff28")
HOST_NAK_RESEND = bytes.fromhex("05d1040001ff25")

# SE-923 guide, table of bar code types; the same numbers stand in Zebra's later guides.
SSI_SYMBOLOGIES = {
    0x01: "code39",
    0x02: "codabar",
    0x03: "code128",
    0x04: "d2of5",
    0x05: "iata2of5",
    0x06: "itf",
    0x07: "code93",
    0x08: "upca",
    0x09: "upce",
    0x0A: "ean8",
    0x0B: "ean13",
    0x0C: "code11",
    0x0E: "msi",
    0x0F: "gs1-128",
    0x10: "upce",
    0x11: "pdf417",
    0x13: "code39",
    0x15: "trioptic",
    0x16: "isbn",
    0x18: "codabar",
    0x19: "isbt128",
    0x1A: "micropdf417",
    0x1B: "datamatrix",
    0x1C: "qr",
    0x20: "code32",
    0x25: "maxicode",
    0x2C: "qr",
    0x2D: "aztec",
    0x30: "gs1-databar",
    0x31: "gs1-databar",
    0x32: "gs1-databar",
}


def ssi_packet(opcode: int, *, source: int, status: int = 0, content: bytes = b"") -> bytes:
    """Build one packet with its checksum; `content` holds at most 251 bytes."""
    packet = bytes([_HEADER_BYTES + len(content), opcode, source, status]) + content
    return packet + _checksum(packet)


def _checksum(packet: bytes) -> bytes:
    return (-sum(packet) & 0xFFFF).to_bytes(2, "big")


class SsiFramer:
    """Cuts SSI packets, joins those of one message and says what to answer."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._last_ns = 0
        self._in_garbage = False
        self._parts = bytearray()
        self._parts_raw = bytearray()
        self._overlong = False
        self._last_packet = b""

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take what arrived and give the packets that it completed."""
        self._buffer += chunk
        if chunk:
            self._last_ns = now_ns
        outcomes: list[FrameOutcome] = []
        self._cut(outcomes)
        return outcomes

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Give up an unfinished packet; a whole one behind it is still found."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return []
        outcomes: list[FrameOutcome] = []
        if self._buffer and not self._in_garbage:
            left = bytes(self._buffer)
            outcomes.append(FrameError("timeout", "a packet stopped in the middle", left))
            self._in_garbage = True
        while self._buffer:
            del self._buffer[0]
            self._cut(outcomes)
        self._in_garbage = self._overlong = False
        self._parts.clear()
        self._parts_raw.clear()
        return outcomes

    def deadline_ns(self) -> int | None:
        """Give the time at which an unfinished packet or message is given up."""
        if not (self._buffer or self._parts_raw or self._in_garbage or self._overlong):
            return None
        return self._last_ns + _IDLE_MS * NS_PER_MS

    def _cut(self, outcomes: list[FrameOutcome]) -> None:
        while self._buffer:
            if not _may_begin(self._buffer):
                self._skip(outcomes, "bad_frame", "bytes that begin no packet", b"")
                continue
            whole = self._buffer[0] + _CHECKSUM_BYTES
            if len(self._buffer) < whole:
                return
            packet = bytes(self._buffer[:whole])
            if packet[-_CHECKSUM_BYTES:] != _checksum(packet[:-_CHECKSUM_BYTES]):
                self._skip(outcomes, "bad_checksum", "the checksum is wrong", HOST_NAK_RESEND)
                continue
            del self._buffer[:whole]
            self._in_garbage = False
            outcomes.extend(self._packet(packet))

    def _skip(self, outcomes: list[FrameOutcome], code: str, message: str, reply: bytes) -> None:
        # One stretch of garbage is one error, however many bytes are tried as beginnings.
        if not self._in_garbage:
            outcomes.append(FrameError(code, message, bytes(self._buffer), reply))
            self._in_garbage = True
        del self._buffer[0]

    def _packet(self, packet: bytes) -> list[FrameOutcome]:
        opcode, status = packet[1], packet[3]
        if opcode == CMD_ACK:
            return [Control("ack", packet)]
        if opcode == CMD_NAK:
            return [Control("nak", packet)]
        if opcode != DECODE_DATA:
            return [Control(f"opcode_{opcode:02x}", packet, HOST_ACK)]
        content = packet[_HEADER_BYTES:-_CHECKSUM_BYTES]
        repeated = bool(status & _RETRANSMIT) and content == self._last_packet
        self._last_packet = content
        if repeated:
            return [Control("resent", packet, HOST_ACK)]
        return self._join(packet, content, more=bool(status & _CONTINUATION))

    def _join(self, packet: bytes, content: bytes, *, more: bool) -> list[FrameOutcome]:
        if self._overlong:
            # The rest of a message that was given up has no type and is no message of its own.
            self._overlong = more
            return [Control("part", packet, HOST_ACK)]
        if self._is_too_long(content, packet):
            self._overlong = more
            self._parts.clear()
            self._parts_raw.clear()
            return [FrameError("too_long", f"more than {MAX_FRAME_BYTES} bytes", b"", HOST_ACK)]
        # Only the first packet of a message carries the type of the code.
        self._parts += content
        self._parts_raw += packet
        if more:
            return [Control("part", packet, HOST_ACK)]
        message, raw = bytes(self._parts), bytes(self._parts_raw)
        self._parts.clear()
        self._parts_raw.clear()
        if not message:
            return [FrameError("bad_frame", "decoded data without a type", raw, HOST_ACK)]
        symbology = SSI_SYMBOLOGIES.get(message[0], "generic")
        return [Frame(message[1:], raw, symbology=symbology, reply=HOST_ACK)]

    def _is_too_long(self, content: bytes, packet: bytes) -> bool:
        # Packets without content make no message longer, and may still come for ever.
        return (
            len(self._parts) + len(content) > MAX_FRAME_BYTES
            or len(self._parts_raw) + len(packet) > 2 * MAX_FRAME_BYTES
        )


def _may_begin(buffer: bytearray) -> bool:
    """Tell whether the bytes could be the beginning of a packet from a decoder."""
    if buffer[0] < _HEADER_BYTES:
        return False
    return len(buffer) < 3 or buffer[2] == _SOURCE_DECODER
