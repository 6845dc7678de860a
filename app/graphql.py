"""The GraphQL endpoint: Strawberry's view with a context an operation, coded errors and time limits."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.schema import BaseSchema
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from app.answers import answer_of, error_response
from app.limiting import answered
from app.middleware import turned_out
from app.sockets import PATIENCE, Guest, Handler, TextSocket
from maestro.errors import Unavailable
from resolvers.context import Context

METHODS = ("GET", "POST")
_NO_NUMBER: Final = re.compile(r"-?(NaN|Infinity|\d+(\.\d+)?[eE])")
"""What people write for a number that JSON does not have, or that is too large for one."""


class Endpoint(GraphQL[Context | Guest, None]):
    """`/graphql` over HTTP and graphql-transport-ws."""

    graphql_transport_ws_handler_class = Handler
    websocket_adapter_class = TextSocket

    def __init__(self, schema: BaseSchema) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            keep_alive=False,
            connection_init_wait_timeout=PATIENCE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is wrong with its form is told as GraphQL errors too."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = await turned_out(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            _require_json(request)
            response = await self.run(request)
        except HTTPException as error:
            response = _refusal(request, error)
        except TimeoutError:
            limit = request.app.state.runtime.settings.operation_timeout.total_seconds()
            response = error_response(504, Unavailable.code, f"The operation took longer than {limit:g} s.")
        await (await answered(request, response))(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context | Guest:  # noqa: ARG002 -- Strawberry's signature
        """Make the context of one operation; the middleware has found out who is asking, if not on every socket."""
        runtime, viewer, shown = request.app.state.runtime, request.state.viewer, request.state.credentials
        if viewer is None:
            return Guest(runtime, replace(shown, session=None))
        request.state.operation = Context(runtime, viewer, credentials=shown.lasting(viewer))
        return cast("Context", request.state.operation)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:  # noqa: ARG002 -- Strawberry's signature
        """Let in what the middleware has let through: it has looked at the origin, and knows more of the server."""
        return True

    def should_render_graphql_ide(self, request: object) -> bool:  # noqa: ARG002 -- Strawberry's signature
        """Answer every GET as GraphQL: the query editor has an address of its own."""
        return False

    async def execute_operation(self, request: Request, *arguments: Any, **given: Any) -> Any:
        """Run an operation, and cancel it when it takes too long."""
        limit = request.app.state.runtime.settings.operation_timeout
        async with asyncio.timeout(limit.total_seconds()):
            return await super().execute_operation(request, *arguments, **given)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:  # noqa: ARG002 -- Strawberry's signature
        """Shape an answer: data, coded errors, extensions."""
        return cast("GraphQLHTTPResponse", answer_of(result))

    def parse_json(self, data: str | bytes) -> Any:
        """Read a body, or the variables of a GET; HTTPException unless it holds an object, or a batch."""
        try:
            content = self.decode_json(data)
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, _not_json(error)) from error
        if not isinstance(content, dict | list):
            raise HTTPException(400, "A JSON object is expected")
        return content

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON; NaN and infinities are none."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str | bytes:
        """Write an answer; WebSocket messages go through here too."""
        return orjson.dumps(data, default=_plain)


def _not_json(error: orjson.JSONDecodeError) -> str:
    place = f"line {error.lineno}, column {error.colno}"
    advice = ". Write NaN and infinities as strings" if _NO_NUMBER.match(error.doc, error.pos) else ""
    return f"The body is not JSON at {place}: {error.msg}{advice}"


def _require_json(request: Request) -> None:
    # A page of another site can send a form or plain text with the user's cookie, but not this type unasked.
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if request.method == "POST" and media_type != "application/json":
        raise HTTPException(415, "The body must be application/json")


def _refusal(request: Request, error: HTTPException) -> Response:
    needs_post = request.method == "GET" and isinstance(error.__cause__, InvalidOperationTypeError)
    status = 405 if needs_post else error.status_code
    response = error_response(status, "BAD_REQUEST", f"{error.reason.rstrip('.')}.")
    if status == 405:  # noqa: PLR2004 -- Method Not Allowed
        response.headers["allow"] = "POST" if needs_post else ", ".join(METHODS)
    return response


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
