"""The letters that stand before a code, by maker; they contradict each other.

`A` is UPC or EAN for Zebra, UPC-A for Datalogic's US set and EAN-8 for its EU set, so the scheme is
part of the reader's profile and never guessed from the data.
"""

from collections.abc import Mapping

_AIM_FAMILIES = {
    "A": "code39",
    "F": "codabar",
    "G": "code93",
    "H": "code11",
    "I": "itf",
    "L": "pdf417",
    "M": "msi",
    "R": "d2of5",
    "S": "d2of5",
    "U": "maxicode",
    "e": "gs1-databar",
}
_AIM_EXACT = {
    "]C0": "code128",
    "]C1": "gs1-128",
    "]C2": "code128",
    "]C4": "isbt128",
    "]E0": "ean13",
    "]E3": "ean13+",
    "]E4": "ean8",
    "]Q3": "gs1-qr",
    "]Q4": "gs1-qr",
    "]X0": "isbn",
    "]d2": "gs1-datamatrix",
    "]d5": "gs1-datamatrix",
    "]z1": "gs1-aztec",
    "]z4": "gs1-aztec",
}
_AIM_RANGES = {
    "Q": ("qr", "012456"),
    "d": ("datamatrix", "0123456"),
    "z": ("aztec", "0123456789ABC"),
}


def aim_symbology(aim: str) -> str:
    """Give the symbology of an AIM identifier such as `]E0`; `generic` where it is unknown."""
    if aim in _AIM_EXACT:
        return _AIM_EXACT[aim]
    letter, modifier = aim[1], aim[2]
    if letter in _AIM_RANGES:
        name, modifiers = _AIM_RANGES[letter]
        return name if modifier in modifiers else "generic"
    if letter in _AIM_FAMILIES and modifier.isalnum():
        return _AIM_FAMILIES[letter]
    return "generic"


_ZEBRA = {
    "A": "upc/ean",
    "B": "code39",
    "C": "codabar",
    "D": "code128",
    "E": "code93",
    "F": "itf",
    "G": "d2of5",
    "H": "code11",
    "J": "msi",
    "K": "gs1-128",
    "L": "isbn",
    "M": "trioptic",
    "N": "coupon",
    "R": "gs1-databar",
    "S": "matrix2of5",
    "T": "composite",
    "U": "chinese2of5",
    "V": "korean3of5",
    "X": "pdf417",
    "z": "aztec",
    "P00": "datamatrix",
    "P01": "qr",
    "P02": "maxicode",
    "P0G": "gs1-datamatrix",
    "P0H": "hanxin",
    "P0Q": "gs1-qr",
    "P0X": "signature",
}

_HONEYWELL = {
    "c": "upca",
    "d": "ean13",
    "D": "ean8",
    "E": "upce",
    "a": "codabar",
    "b": "code39",
    "e": "itf",
    "f": "d2of5",
    "g": "msi",
    "h": "code11",
    "i": "code93",
    "j": "code128",
    "I": "gs1-128",
    "m": "matrix2of5",
    "r": "pdf417",
    "R": "micropdf417",
    "s": "qr",
    "w": "datamatrix",
    "x": "maxicode",
    "y": "gs1-databar",
    "{": "gs1-databar",
    "}": "gs1-databar",
    "z": "aztec",
    "<": "code32",
    "=": "trioptic",
    "H": "hanxin",
}

# GS1-128 has no letter in the US set: its labels come without one and stay unknown there.
_DATALOGIC_US = {
    "A": "upca",
    "F": "ean13",
    "FF": "ean8",
    "E": "upce",
    "#": "code128",
    "*": "code39",
    "%": "codabar",
    "S": "codabar",
    "&": "code93",
    "CE": "code11",
    "e": "itf",
    "i": "itf",
    "f": "isbt128",
    "@": "msi",
    "P": "pdf417",
    "mP": "micropdf417",
    "QR": "qr",
    "Dm": "datamatrix",
    "Az": "aztec",
    "MC": "maxicode",
    "R4": "gs1-databar",
    "RL": "gs1-databar",
    "RX": "gs1-databar",
    "I": "isbn",
}

_DATALOGIC_EU = {
    "A": "ean8",
    "B": "ean13",
    "C": "upca",
    "D": "upce",
    "J": "ean8+",
    "K": "ean8+",
    "L": "ean13+",
    "M": "ean13+",
    "N": "itf",
    "O": "d2of5",
    "P": "d2of5",
    "R": "codabar",
    "S": "codabar",
    "T": "code128",
    "U": "code93",
    "V": "code39",
    "W": "code39",
    "X": "code32",
    "Z": "msi",
    "b": "code11",
    "e": "itf",
    "f": "isbt128",
    "k": "gs1-128",
    "r": "pdf417",
    "t": "gs1-databar",
    "u": "gs1-databar",
    "v": "gs1-databar",
    "wD": "datamatrix",
    "Dm": "datamatrix",
    "QR": "qr",
    "!": "aztec",
    "MC": "maxicode",
}

# What has no letter of NCR's own comes with its AIM identifier.
_NCR = {
    "A": "upca",
    "E": "upce",
    "F": "ean13",
    "FF": "ean8",
    "B1": "code39",
    "B2": "itf",
    "B3": "code128",
    "N": "codabar",
}

CODE_IDS: Mapping[str, Mapping[str, str]] = {
    "zebra": _ZEBRA,
    "honeywell": _HONEYWELL,
    "datalogic-us": _DATALOGIC_US,
    "datalogic-eu": _DATALOGIC_EU,
    "ncr": _NCR,
}
