"""A page of the feed, with central's signed word that this is how things stand now.

Owns: the statement of each page. Must never: read the head after the segments, or sign for another
register's request.
"""

from tessera.central import refusals
from tessera.central.opening import Central
from tessera.store.central import feed, feed_floor, register_book
from tessera.sync.feed_wire import FeedPage, Segment
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_STATEMENT, RequestSignature
from tessera.sync.wire import Statement


def feed_page(
    central: Central,
    audience: str,
    *,
    generation: str,
    after: int,
    limit: int,
    request: RequestSignature,
) -> FeedPage:
    """Segments after a number, at most `limit`.

    Refused when the generation is another by now, or the stream is not kept back to `after`.
    """
    with central.engines.reader.begin() as tx:
        state = register_book.read_central(tx)
        assert state is not None
        if generation not in {"", state.generation}:
            raise refusals.generation_changed(state.generation)
        floor = feed_floor.read_floor(tx, audience, state.generation)
        if after < floor.segments_after:
            raise refusals.image_needed(audience, floor.segments_after)
        head = feed.audience_head(tx, audience, state.generation)
        found = feed.read_segments(tx, audience, state.generation, after=after, limit=limit)
    central.keys.follow(state.key_public)
    head = max(head, found[-1].number if found else 0)
    now_ms = central.now_ms()
    statement = encoded(
        Statement(
            nonce=request.nonce.hex(),
            register=request.register,
            generation=state.generation,
            audience=audience,
            head=head,
            root=central.roots.newest(),
            central_ms=now_ms,
        )
    )
    return FeedPage(
        generation=state.generation,
        audience=audience,
        head=head,
        central_ms=now_ms,
        segments=tuple(
            Segment(number=row.number, body=row.body.decode(), signature=row.signature.hex())
            for row in found
        ),
        statement=statement.decode(),
        statement_signature=central.keys.signing.sign(PURPOSE_STATEMENT, statement).hex(),
    )
