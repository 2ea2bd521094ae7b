"""What a transport offers to the reading loop, and how it says that a device is gone.

A port is opened, read and closed by one thread only; others may `cancel` a waiting read.
"""

from typing import Protocol

from tessera.core.errors import TesseraError


class PortUnavailable(TesseraError):
    """The device cannot be opened now; it is tried again later."""

    code = "port_unavailable"


class PortLost(TesseraError):
    """The device went away while it was open."""

    code = "port_lost"


class PortEnded(TesseraError):
    """The input is at its end and will not come back: a file, standard input."""

    code = "port_ended"


class Port(Protocol):
    """An open device."""

    @property
    def device(self) -> str:
        """The device's present name, for people."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Give what arrived, b"" after the time-out. PortLost where the device is gone."""
        ...

    def write(self, content: bytes) -> None:
        """Send an answer. PortLost where the device is gone."""
        ...

    def cancel(self) -> None:
        """Wake a waiting read; the one call that another thread may make."""
        ...

    def close(self) -> None:
        """Let the device go."""
        ...


class PortOpener(Protocol):
    """Finds the device and opens it; remembers which one it was."""

    def open(self) -> Port:
        """Open the device. PortUnavailable with a hint where that fails."""
        ...
