"""A simulated serial scanner on a real pseudo-terminal, for the demo, training and tests.

The reading side sees an ordinary serial port. `link` gives it a name that stays while the
pseudo-terminal's own name changes with every plugging in.
"""

import os
import tty
from pathlib import Path
from types import TracebackType
from typing import Self


class SimulatedScanner:
    """A scanner that types what it is told to; starts plugged in."""

    def __init__(self, *, link: Path | None = None, suffix: str = "\r") -> None:
        self._link = link
        self._suffix = suffix
        self._master: int | None = None
        self.device = ""
        self.plug_in()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    @property
    def port(self) -> str:
        """The name to open: the link where there is one, else the pseudo-terminal's own."""
        return str(self._link) if self._link else self.device

    def type_scan(self, label: str) -> None:
        """Type a label, code id included, as the scanner does: followed by its suffix."""
        self.type_bytes((label + self._suffix).encode())

    def type_bytes(self, content: bytes) -> None:
        """Put bytes on the wire as they are."""
        assert self._master is not None, "the simulated scanner is unplugged"
        while content:
            content = content[os.write(self._master, content) :]

    def replies(self, size: int = 4096) -> bytes:
        """Give what the reading side sent; waits for at least one byte."""
        assert self._master is not None, "the simulated scanner is unplugged"
        return os.read(self._master, size)

    def unplug(self) -> None:
        """Pull the cable: the reading side gets an error at once."""
        if self._master is not None:
            os.close(self._master)
        self._master = None
        if self._link:
            self._link.unlink(missing_ok=True)

    def plug_in(self) -> None:
        """Plug it in, under another name of its own as the kernel likes it."""
        assert self._master is None, "the simulated scanner is plugged in already"
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.device = os.ttyname(slave)
        # The settings stay with the master; a slave held here would make the port look taken.
        os.close(slave)
        if self._link:
            self._link.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._link.with_name(self._link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.device)
            fresh.replace(self._link)
