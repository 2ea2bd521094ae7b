"""Which of the ports that are plugged in is the one that is meant.

A device is known by its USB serial number, or where it has none by the USB socket it sits in; never
by a name such as `ttyACM0`, which the kernel gives to whoever comes next. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tessera.devices.port import PortUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPort:
    """A serial port that is there now. USB fields are empty for ports that are not USB."""

    device: str
    description: str = ""
    vendor_product: str = ""
    serial_number: str = ""
    usb_path: str = ""
    maker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortIdentity:
    """What a device is recognised by; empty fields are not looked at."""

    vendor_product: str = ""
    serial_number: str = ""
    usb_path: str = ""

    def __str__(self) -> str:
        named = (
            ("id", self.vendor_product),
            ("serial", self.serial_number),
            ("path", self.usb_path),
        )
        return "usb:" + ",".join(f"{name}={value}" for name, value in named if value)


def parse_identity(locator: str) -> PortIdentity:
    """Read `usb:serial=…`, `usb:path=1-1.2`, `usb:id=05e0:1701` or several of them by comma.

    ValueError with a sentence where it is malformed.
    """
    names = {"id": "vendor_product", "serial": "serial_number", "path": "usb_path"}
    given: dict[str, str] = {}
    for part in locator.removeprefix("usb:").split(","):
        name, equals, value = part.partition("=")
        if name not in names or not equals or not value:
            raise ValueError(
                f"'{part}' is none of id=05e0:1701, serial=NUMBER and path=1-1.2 (port '{locator}')"
            )
        given[names[name]] = value.lower() if name == "id" else value
    return PortIdentity(**given)


def identity_of(port: FoundPort) -> PortIdentity | None:
    """Give what the port will be recognised by when it comes back; None where it is not USB."""
    if port.serial_number:
        return PortIdentity(vendor_product=port.vendor_product, serial_number=port.serial_number)
    if port.usb_path:
        return PortIdentity(vendor_product=port.vendor_product, usb_path=port.usb_path)
    return None


def choose_port(identity: PortIdentity, found: Sequence[FoundPort]) -> str:
    """Give the device that the identity names. PortUnavailable where none or several fit."""
    fitting = [port for port in found if _fits(identity, port)]
    if len(fitting) == 1:
        return fitting[0].device
    if not fitting:
        raise PortUnavailable(
            f"no device {identity} is plugged in",
            hint="plug the reader in, or see what is there with 'tessera devices list'",
        )
    names = ", ".join(sorted(port.device for port in fitting))
    raise PortUnavailable(
        f"{len(fitting)} devices are {identity}: {names}",
        hint="tell them apart with usb:serial=… or usb:path=… from 'tessera devices list'",
    )


def _fits(identity: PortIdentity, port: FoundPort) -> bool:
    wanted = (identity.vendor_product, identity.serial_number, identity.usb_path)
    there = (port.vendor_product, port.serial_number, port.usb_path)
    return all(not want or want == have for want, have in zip(wanted, there, strict=True))
