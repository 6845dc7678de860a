"""The messages of graphql-transport-ws, read and checked, and the codes with which a socket is closed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

import orjson

from maestro.errors import BadRequest
from maestro.requests import MOST_BRACKETS, MOST_COMMAS, OperationRequest, is_too_dense, request_of

PROTOCOL: Final = "graphql-transport-ws"
LONGEST_REASON: Final = 123
"""Bytes of a reason: a control frame has room for no more."""


class CloseCode(IntEnum):
    """Why the server closes a socket: codes of the protocol from 4400 on, those of WebSockets below."""

    GOING_AWAY = 1012
    TOO_LARGE = 1009
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITS = 4429
    TERMINATED = 4499
    INTERNAL = 4500


class Closing(Exception):
    """The server ends the socket; the reason is safe to show."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        # A character that does not fit as a whole is left out.
        self.reason = reason.encode()[:LONGEST_REASON].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Init:
    """`connection_init`: the payload may say who is asking."""

    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    """`ping`, to be answered with the same payload."""

    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pong:
    """`pong`: the peer is there."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """`subscribe`: an operation of any kind, under an id of the client's."""

    id: str
    request: OperationRequest


@dataclass(frozen=True, slots=True)
class Complete:
    """`complete`: the client does not want more of an operation."""

    id: str


Message: TypeAlias = Init | Ping | Pong | Subscribe | Complete
KINDS: Final[dict[type[Message], str]] = {
    Init: "connection_init",
    Ping: "ping",
    Pong: "pong",
    Subscribe: "subscribe",
    Complete: "complete",
}
"""What the protocol calls them."""


def message_of(frame: str) -> Message:
    """Return the message in a frame; Closing with 4400 for what has not the protocol's form."""
    content = _content(frame)
    match content.get("type"):
        case "connection_init":
            return Init(_payload(content))
        case "ping":
            return Ping(_payload(content))
        case "pong":
            _payload(content)
            return Pong()
        case "subscribe":
            return Subscribe(_id(content), _request(content))
        case "complete":
            return Complete(_id(content))
    raise malformed("The type of the message is none of the protocol's for clients.")


def _content(frame: str) -> Mapping[str, Any]:
    data = frame.encode()
    if is_too_dense(data):
        raise Closing(
            CloseCode.TOO_LARGE, f"A message holds {MOST_BRACKETS:,} lists and objects, and {MOST_COMMAS:,} values."
        )
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise malformed("The message is not JSON.") from None
    if not isinstance(content, dict):
        raise malformed("The message is not a JSON object.")
    return content


def malformed(reason: str) -> Closing:
    """Return the end of a socket on which something came that is no message."""
    return Closing(CloseCode.BAD_REQUEST, reason)


def _payload(content: Mapping[str, Any]) -> Mapping[str, Any]:
    payload = content.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise malformed("payload has to be a JSON object, or null.")
    return payload or {}


def _id(content: Mapping[str, Any]) -> str:
    found = content.get("id")
    if not isinstance(found, str) or not found:
        raise malformed("id has to be a text that is not empty.")
    return found


def _request(content: Mapping[str, Any]) -> OperationRequest:
    payload = content.get("payload")
    if not isinstance(payload, dict):
        raise malformed("payload has to be a JSON object.")
    try:
        request = request_of(payload)
    except BadRequest as error:
        raise malformed(error.message) from error
    # The protocol asks for the text; one that is registered may be named instead.
    if request.text is None and request.document_id is None and not request.extensions:
        raise malformed("payload has no query.")
    return request
