"""How answers follow each other in one HTTP response: as server-sent events, or as parts of a multipart body.

Server-sent events are those of the distinct connections mode of the protocol graphql-sse, with lines that end in LF.
Parts are those of Apollo's protocol of subscriptions over HTTP: `payload` is an answer, `errors` what ends the stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.answers import encoded
from app.graphql.negotiation import Form


@dataclass(frozen=True, slots=True)
class Framing:
    """The bytes around answers: what begins a stream, shows that it is alive, and ends it, complete or cut off."""

    begin: bytes
    before: bytes
    after: bytes
    heartbeat: bytes
    complete: bytes
    interrupted: bytes

    def framed(self, answer: Mapping[str, Any]) -> bytes:
        """Return an answer with what stands around it."""
        return self.before + encoded(answer) + self.after


_HEAD: Final = b"\r\ncontent-type: application/json\r\n\r\n"
_NEXT: Final = b"\r\n---"
_GONE: Final = (
    b'{"payload":null,"errors":[{"message":"The server stops.","extensions":{"code":"SERVICE_UNAVAILABLE"}}]}'
)

FRAMINGS: Final = {
    Form.EVENTS: Framing(
        begin=b":\n\n",
        before=b"event: next\ndata: ",
        after=b"\n\n",
        heartbeat=b":\n\n",
        # Browsers' own clients do not tell of an event that has no data.
        complete=b"event: complete\ndata: \n\n",
        # Without an event that completes it, clients connect again.
        interrupted=b"",
    ),
    Form.PARTS: Framing(
        # The boundary stands after each part: only then clients know that they have the whole of it.
        begin=_NEXT,
        before=_HEAD + b'{"payload":',
        after=b"}" + _NEXT,
        heartbeat=_HEAD + b"{}" + _NEXT,
        complete=b"--\r\n",
        interrupted=_HEAD + _GONE + _NEXT + b"--\r\n",
    ),
}
