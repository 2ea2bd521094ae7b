"""Which profiles fit a USB device. Pure."""

from collections.abc import Iterable

from tessera.devices.profile_schema import ReaderProfile


def matching_profiles(vendor_product: str, profiles: Iterable[ReaderProfile]) -> list[str]:
    """Name the profiles for a device; those that name its product before those for any product."""
    vendor = vendor_product.partition(":")[0]
    if not vendor:
        return []
    exact = [profile.name for profile in profiles if vendor_product in profile.usb]
    wide = [profile.name for profile in profiles if f"{vendor}:*" in profile.usb]
    return sorted(exact) + sorted(set(wide) - set(exact))
