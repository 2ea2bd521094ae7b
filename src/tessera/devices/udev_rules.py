"""The udev rules that let the agent, and no modem manager, open the readers. Pure.

The group is Tessera's own: on some systems membership of `dialout` is not enough, and it opens more
than is needed.
"""

from collections.abc import Iterable

from tessera.devices.port_choice import FoundPort
from tessera.devices.profile_schema import ReaderProfile

GROUP = "tessera"
_HEAD = f"""\
# Readers of the Tessera agent: the group {GROUP} may open them, ModemManager leaves them alone.
# Made by `tessera devices udev`. To use: copy to /etc/udev/rules.d/60-tessera-readers.rules, then
#   groupadd --system {GROUP}; udevadm control --reload; udevadm trigger
"""
_TYPING = f"""\
# The keyboard that does not exist, on which the agent types codes for a POS (codes_to = "keyboard")
KERNEL=="uinput", SUBSYSTEM=="misc", GROUP="{GROUP}", MODE="0660", OPTIONS+="static_node=uinput"
"""


def rules_for_profiles(profiles: Iterable[ReaderProfile]) -> str:
    """Give one rule for each USB identity that a profile names."""
    titles: dict[str, str] = {}
    for profile in profiles:
        for identity in profile.usb:
            titles.setdefault(identity, profile.title)
    blocks = [_HEAD]
    for identity in sorted(titles):
        vendor, _, product = identity.partition(":")
        match = f'ATTRS{{idVendor}}=="{vendor}"'
        if product != "*":
            match += f', ATTRS{{idProduct}}=="{product}"'
        blocks.append(f"# {titles[identity]}\n" + _rules(match))
    blocks.append(_TYPING)
    return "\n".join(blocks)


def rules_for_port(port: FoundPort, *, name: str) -> str:
    """Give the rule for one device, with a name of its own under /dev/tessera."""
    vendor, _, product = port.vendor_product.partition(":")
    match = f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'
    if port.serial_number:
        match += f', ATTRS{{serial}}=="{port.serial_number}"'
    return _HEAD + "\n" + _rules(match, link=f"tessera/{name}")


def _rules(match: str, link: str = "") -> str:
    access = f'GROUP="{GROUP}", MODE="0660"'
    symlink = f', SYMLINK+="{link}"' if link else ""
    return (
        f'SUBSYSTEM=="usb", {match}, ENV{{ID_MM_DEVICE_IGNORE}}="1"\n'
        f'SUBSYSTEM=="tty", {match}, ENV{{ID_MM_PORT_IGNORE}}="1", {access}{symlink}\n'
        f'SUBSYSTEM=="input", KERNEL=="event*", {match}, {access}\n'
        f'SUBSYSTEM=="hidraw", {match}, {access}\n'
    )
