"""What central does not do, as an error that becomes a Refusal on the wire.

Owns: the stable codes and their HTTP status. Must never: tell a stranger more than they brought.
"""

from starlette.exceptions import HTTPException

from tessera.core.errors import TesseraError


class Refused(TesseraError):
    """A request that is not served. `code` is stable; `retry_after_s` over 0: come back later."""

    def __init__(
        self, message: str, *, code: str, status: int, hint: str = "", retry_after_s: int = 0
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.status = status
        self.retry_after_s = retry_after_s


def bad_signature() -> Refused:
    """The request is not signed by a register that central knows."""
    return Refused(
        "the request is not signed by a register that central knows",
        hint="enrol this register: tessera central register add gives a code",
        code="bad_signature",
        status=401,
    )


def replayed() -> Refused:
    """The request has been here before."""
    return Refused(
        "this request has been received before",
        hint="sign each attempt anew",
        code="replayed_request",
        status=401,
    )


def revoked(register_id: str) -> Refused:
    """The register may not speak any more."""
    return Refused(
        f"register {register_id} was revoked",
        hint="enrol it again with a new code, if it is still yours",
        code="register_revoked",
        status=403,
    )


def expired(register_id: str) -> Refused:
    """The register's certificate has run out."""
    return Refused(
        f"the certificate of register {register_id} has expired",
        hint="enrol it again with a new code: tessera central register add --again",
        code="certificate_expired",
        status=403,
    )


def renewed_by_another(register_id: str) -> Refused:
    """The key that signs was replaced already, by another one than the one that is asked for."""
    return Refused(
        f"the key of register {register_id} was renewed already, by another machine or disk",
        hint="find the copy; then enrol the right one: tessera central register add --again",
        code="renewed_by_another",
        status=409,
    )


def not_yours(audience: str) -> Refused:
    """A stream of somebody else."""
    return Refused(
        f"{audience} is not for this register",
        hint="a register reads its own stream and its store's",
        code="wrong_audience",
        status=403,
    )


def generation_changed(generation: str) -> Refused:
    """The cursor belongs to central's life before it was restored."""
    return Refused(
        f"central is in generation {generation} now",
        hint="begin the feed anew, and send again what is not acknowledged",
        code="generation_changed",
        status=409,
    )


def unreadable(what: str) -> Refused:
    """A request that is not in the documented form."""
    return Refused(what, hint="see docs/sync.md for its form", code="malformed", status=400)


def too_large(limit: int) -> Refused:
    """A body over its limit."""
    return Refused(
        f"the body is over {limit} bytes",
        hint="send less at once; a batch of records may be halved",
        code="too_large",
        status=413,
    )


def not_served(method: str, path: str, error: HTTPException) -> Refused:
    """A method and path that central has no route for; 404 or 405."""
    return Refused(
        f"{method} {path[:80]} is not served here",
        hint="this is a Tessera central; docs/api.md lists its addresses",
        code="method_not_allowed" if error.status_code == 405 else "not_found",
        status=error.status_code,
    )


def failed() -> Refused:
    """A fault of ours; what was sent may or may not have been stored."""
    return Refused(
        "central failed inside",
        hint="send it again later; central's log says more",
        code="central_failed",
        status=500,
    )


def unknown(what: str) -> Refused:
    """Something that central does not have."""
    return Refused(what, code="not_found", status=404)


def busy(retry_after_s: int) -> Refused:
    """Too much waits to be booked."""
    return Refused(
        "central has more waiting than it can book soon",
        hint="come back later; nothing is lost",
        code="busy",
        status=503,
        retry_after_s=retry_after_s,
    )


def database_went_back(do: str, retry_after_s: int) -> Refused:
    """The register was told of more than this database knows."""
    return Refused(
        "this central's database is older than what this register was told of it",
        hint=f"nothing is lost; at central: {do}",
        code="database_went_back",
        status=503,
        retry_after_s=retry_after_s,
    )


def image_needed(audience: str, floor: int) -> Refused:
    """The cursor stands before what is kept of the stream."""
    return Refused(
        f"{audience} is kept from {floor} on",
        hint="load its image, then go on from there",
        code="image_needed",
        status=410,
    )


def image_not_needed(audience: str) -> Refused:
    """The stream from its beginning is the shorter way."""
    return Refused(
        f"{audience} has no image",
        hint="read the feed from its beginning",
        code="image_not_needed",
        status=404,
    )


def image_too_large(audience: str, retry_after_s: int) -> Refused:
    """Its stream is no longer whole, and no image can hold it."""
    return Refused(
        f"the image for {audience} is too large to be served",
        hint="at central: `tessera central status`; this register goes on with what it has",
        code="image_too_large",
        status=503,
        retry_after_s=retry_after_s,
    )


def image_building(audience: str, retry_after_s: int) -> Refused:
    """An image is being made."""
    return Refused(
        f"the image for {audience} is being made",
        hint="ask again; nothing is lost meanwhile",
        code="image_building",
        status=503,
        retry_after_s=retry_after_s,
    )
