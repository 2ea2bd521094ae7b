"""Input that is not a device: standard input, and a wire inside this process.

Standard input serves scripts and pipes (`port = "stdin:"`); the wire (`port = "sim://NAME"`) serves
training and tests without a pseudo-terminal.
"""

import os
import queue
import select
import sys
import threading

from tessera.devices.port import Port, PortEnded, PortLost, PortUnavailable

_READ_BYTES = 4096


class DescriptorPort:
    """An open file descriptor that is read until its end."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._wake_read, self._wake_write = os.pipe()

    @property
    def device(self) -> str:
        """What is read, for people."""
        return self._name

    def read(self, timeout_s: float) -> bytes:
        """Give what came; PortEnded at the end of the input."""
        ready, _, _ = select.select([self._descriptor, self._wake_read], [], [], timeout_s)
        if self._descriptor not in ready:
            return b""
        content = os.read(self._descriptor, _READ_BYTES)
        if not content:
            raise PortEnded(f"{self._name} is at its end")
        return content

    def write(self, content: bytes) -> None:
        """Answers go nowhere."""

    def cancel(self) -> None:
        """Wake the reading thread."""
        os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Let go; the descriptor itself belongs to the process."""
        os.close(self._wake_read)
        os.close(self._wake_write)


class StandardInputOpener:
    """Opens standard input, once."""

    def open(self) -> Port:
        """Give standard input as a port."""
        return DescriptorPort(sys.stdin.fileno(), "standard input")


class SimulatedWire:
    """A wire inside this process: what is typed at one end is read at the other.

    `plugged_in` may be changed at any time; unplugging loses what was not read.
    """

    def __init__(self) -> None:
        self._content: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.plugged_in = True
        self.answers = bytearray()

    def type_scan(self, label: str, suffix: str = "\r") -> None:
        """Type a label, code id included, and the suffix."""
        self.type_bytes((label + suffix).encode())

    def type_bytes(self, content: bytes) -> None:
        """Put bytes on the wire."""
        self._content.put(content)

    def unplug(self) -> None:
        """Pull the cable."""
        self.plugged_in = False
        self._content.put(None)

    def take(self, timeout_s: float) -> bytes | None:
        """Give the next bytes, b"" when none came, None where somebody wants to be heard."""
        try:
            return self._content.get(timeout=timeout_s)
        except queue.Empty:
            return b""

    def wake(self) -> None:
        """Make a waiting `take` return."""
        self._content.put(None)


_wires: dict[str, SimulatedWire] = {}
_wires_lock = threading.Lock()


def simulated_wire(name: str) -> SimulatedWire:
    """Give the wire of a name; the same one for both ends."""
    with _wires_lock:
        return _wires.setdefault(name, SimulatedWire())


class SimulatedPort:
    """The reading end of a wire."""

    def __init__(self, name: str, wire: SimulatedWire) -> None:
        self._name = name
        self._wire = wire

    @property
    def device(self) -> str:
        """The wire's address."""
        return f"sim://{self._name}"

    def read(self, timeout_s: float) -> bytes:
        """Give what was typed; PortLost where the wire was pulled."""
        content = self._wire.take(timeout_s)
        if content is None and not self._wire.plugged_in:
            raise PortLost(f"{self.device} went away: unplugged", hint="plug it in again")
        return content or b""

    def write(self, content: bytes) -> None:
        """Keep an answer for the typing end."""
        self._wire.answers += content

    def cancel(self) -> None:
        """Wake the reading thread."""
        self._wire.wake()

    def close(self) -> None:
        """Nothing is held."""


class SimulatedPortOpener:
    """Opens the wire of a `sim://NAME` address."""

    def __init__(self, locator: str) -> None:
        self._name = locator.removeprefix("sim://")

    def open(self) -> Port:
        """Give the reading end. PortUnavailable while the wire is pulled."""
        wire = simulated_wire(self._name)
        if not wire.plugged_in:
            raise PortUnavailable(f"sim://{self._name} is not there", hint="plug it in again")
        return SimulatedPort(self._name, wire)
