"""A trace id for every request: the caller's, or a new one; told in the answer's head, its errors and the log."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maestro import tracing

TRACE_ID: Final = "x-trace-id"


class Traced:
    """Takes the trace id of the header `traceparent`, where there is one as W3C Trace Context has it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a socket under a trace id."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        with tracing.traced(tracing.id_in(traceparent_of(scope))) as trace_id:
            header = (TRACE_ID.encode(), trace_id.encode())

            async def send_traced(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [*message["headers"], header]}
                await send(message)

            await self.app(scope, receive, send_traced if scope["type"] == "http" else send)


def traceparent_of(scope: Scope) -> str | None:
    """Return the header `traceparent`; of several none counts."""
    values = [value for name, value in scope["headers"] if name == b"traceparent"]
    return values[0].decode("latin-1") if len(values) == 1 else None
