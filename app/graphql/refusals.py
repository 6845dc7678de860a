"""Requests that are refused before anything runs, with the status and the headers that HTTP has for them."""

from collections.abc import Mapping

from maestro.errors import BadRequest, MaestroError


class Refused(Exception):
    """A request that never becomes an operation; a malformed one could be read, and has not the form of a request."""

    is_malformed = False

    def __init__(self, status: int, error: MaestroError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers or {}


def malformed(error: BadRequest) -> Refused:
    """Refuse what can be read and is no request."""
    refused = Refused(400, error)
    refused.is_malformed = True
    return refused


def needs_post() -> Refused:
    """Refuse a mutation by GET: whatever follows a link must not change anything."""
    error = BadRequest("A mutation cannot be sent by GET.", hint="Send it by POST.")
    return Refused(405, error, {"allow": "POST"})


def not_acceptable() -> Refused:
    """Refuse a client that takes none of our forms."""
    error = BadRequest(
        "No answer has a media type that the Accept header takes.",
        hint="Accept application/graphql-response+json or application/json.",
    )
    return Refused(406, error)


def needs_stream() -> Refused:
    """Refuse a subscription whose client takes one answer only."""
    error = BadRequest(
        "A subscription has many answers, and the Accept header takes one only.",
        hint="Accept text/event-stream or multipart/mixed;subscriptionSpec=1.0, or use graphql-transport-ws.",
    )
    return Refused(406, error)
