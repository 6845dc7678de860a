"""Families of HTTP: requests, WebSockets, and streams of events."""

from typing import Final

from maestro.telemetry.values import SECONDS, Counter, Gauge, Histogram

REQUESTS: Final = Counter(
    "http_requests_total",
    "Requests by route, method and status; `other` for addresses and methods that nothing is at.",
    ["route", "method", "status"],
    most=600,
)
DURATION: Final = Histogram(
    "http_request_duration_seconds",
    "Time from the head of a request to the end of its answer, by route; a stream lasts as long as it is open.",
    ["route"],
    bounds=SECONDS,
)
IN_FLIGHT: Final = Gauge("http_requests_in_flight", "Requests that are being answered.")
SENT: Final = Counter("http_response_bytes_total", "Bytes of the bodies of answers, by route.", ["route"])

SOCKETS: Final = Gauge("websockets_open", "WebSockets that are open.")
SOCKETS_OPENED: Final = Counter("websockets_opened_total", "WebSockets that were opened.")
SOCKETS_CLOSED: Final = Counter(
    "websockets_closed_total",
    "WebSockets by the code with which the server has closed them; `client` where the client went.",
    ["code"],
)
SOCKET_OPERATIONS: Final = Gauge("websocket_operations_open", "Operations that run on WebSockets.")
MESSAGES: Final = Counter(
    "websocket_messages_total",
    "Messages on WebSockets, `in` or `out`, by their type in the protocol; `other` for types that it has not.",
    ["direction", "type"],
)
STREAMS: Final = Gauge("event_streams_open", "Streams of server-sent events, and of multipart answers, that are open.")
STREAMS_OPENED: Final = Counter("event_streams_opened_total", "Such streams that were opened.")
