"""The image of an audience on the wire: its manifest, and the lines that its file is made of.

A file is one gzip member over lines, each the JSON of an `ImageLine` ended by a line feed: a head,
members in the order of their ids, cards in the order of their hashes, balances in the order of
member and account, then feed rows as a segment would hold them, then one `end`. The order is part
of the format: whoever loads it appends. Owns: shapes and limits. Must never: decide anything.
"""

from typing import Annotated

import msgspec

from tessera.sync.wire import Audience, Count, Digest, Id, Int64, Message, ShortText

IMAGE_FORMAT = 1
IMAGE_BYTES_MAX = 2_147_483_648
"""Largest image, compressed."""
IMAGE_UNPACKED_MAX = 17_179_869_184
LINE_BYTES_MAX = 8_388_608
LINE_ROWS_MAX = 2_000
"""Rows of one line, which is one transaction of whoever loads it."""

Digest16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Short = Annotated[str, msgspec.Meta(max_length=64)]
Day = Annotated[str, msgspec.Meta(min_length=10, max_length=10)]
Names = Annotated[str, msgspec.Meta(max_length=8_192)]


class ImageManifest(Message, frozen=True, kw_only=True):
    """What an image is: the state of `audience`, not older than its segment `number`.

    `hash` and `size` are of the file as it is served, `unpacked` of its lines. A size of 0 is an
    image without a file: the stream goes on after `number`, and nothing before it is needed.
    """

    generation: Id
    audience: Audience
    number: Count
    format: Count
    hash: Digest
    size: Annotated[int, msgspec.Meta(ge=0, le=IMAGE_BYTES_MAX)]
    unpacked: Annotated[int, msgspec.Meta(ge=0, le=IMAGE_UNPACKED_MAX)]
    members: Count = 0
    cards: Count = 0
    balances: Count = 0
    built_ms: Count = 0


class SignedImage(Message, frozen=True, kw_only=True):
    """A manifest as served: `manifest` is its canonical JSON, `signature` central's."""

    manifest: Annotated[str, msgspec.Meta(max_length=4_096)]
    signature: Annotated[str, msgspec.Meta(max_length=128)]


MemberLine = tuple[
    Count,  # number within the image, from 1
    Id,
    Count,  # version
    Short,  # status
    Short,  # tier
    ShortText,  # display name
    Short,  # language
    Names,  # segments: a JSON list of text, or empty
    Names,  # entitlements, likewise
    Day | None,  # joined
    Short,  # birthday
    Annotated[int, msgspec.Meta(ge=0, le=1)],  # staff
    Int64,  # visits
    Int64,  # lifetime spend
    Int64,  # spend of the period
    Day | None,  # last visit
]
CardLine = tuple[
    Digest16,
    Count,  # number of its member within the image
    Count,  # key id
    Count,  # version
    Annotated[int, msgspec.Meta(ge=0, le=1)],  # 1: works
]
BalanceLine = tuple[Id, Id, Int64, Count, Count]
"""Member, account, points, leased, version."""


class ImageHead(Message, frozen=True, kw_only=True, tag="head"):
    """The first line: what the manifest says, too, so that no two images are the same file."""

    generation: Id
    audience: Audience
    number: Count


class ImageMembers(Message, frozen=True, kw_only=True, tag="members"):
    """Members."""

    rows: tuple[MemberLine, ...]


class ImageCards(Message, frozen=True, kw_only=True, tag="cards"):
    """Cards by their keyed hash, in base64."""

    rows: tuple[CardLine, ...]


class ImageBalances(Message, frozen=True, kw_only=True, tag="balances"):
    """Accounts."""

    rows: tuple[BalanceLine, ...]


class ImageRows(Message, frozen=True, kw_only=True, tag="rows"):
    """Feed rows of every other kind, each as in a segment; unknown kinds are passed over."""

    rows: tuple[msgspec.Raw, ...]


class ImageEnd(Message, frozen=True, kw_only=True, tag="end"):
    """The last line; the counts are the manifest's."""

    members: Count
    cards: Count
    balances: Count


ImageLine = ImageHead | ImageMembers | ImageCards | ImageBalances | ImageRows | ImageEnd
ImageContent = ImageMembers | ImageCards | ImageBalances | ImageRows
