"""GraphQL over graphql-transport-ws with the answers that HTTP gives: a context an operation, coded errors, limits."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias, cast

from graphql import GraphQLError, GraphQLSyntaxError, OperationType, get_operation_ast, parse
from starlette.websockets import WebSocketDisconnect
from starlette.websockets import WebSocketDisconnected as SocketClosed
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage
from strawberry.types.execution import PreExecutionError

from app.answers import answer_of, told
from app.middleware.credentials import bearer
from execution import bounds
from maestro.access.door import Credentials
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import NotFound, Unauthenticated, Unavailable
from maestro.rate_limits import Bucket
from maestro.runtime import Runtime
from resolvers.context import Context
from schema import TOKENS

PATIENCE: Final = timedelta(seconds=5)
"""A socket that says nothing for so long is closed."""


@dataclass(slots=True)
class Guest:
    """Somebody who has opened a socket and shown nothing yet: pages cannot give a socket headers."""

    runtime: Runtime
    credentials: Credentials


Running: TypeAlias = Operation[Context | Guest, None]


class TextSocket(ASGIWebSocketAdapter):
    """Sends text: browsers' clients do not read the binary frames that bytes would become."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message."""
        try:
            await self.ws.send_text(self.view.encode_json_string(message))
        except (WebSocketDisconnect, SocketClosed) as gone:
            raise WebSocketDisconnected from gone


class Handler(BaseGraphQLTransportWSHandler[Context | Guest, None]):
    """One socket and the operations that run on it."""

    @property
    def context(self) -> Context | Guest:
        """A new context at every reading, for every operation: loaders must not repeat what an earlier one has read."""
        return replace(self._first_context)

    @context.setter
    def context(self, context: Context | Guest) -> None:
        self._first_context = context

    async def handle_message(self, message: Any) -> None:
        """Act on a message; what has not the protocol's form closes the socket with 4400."""
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Let in whoever shows by now, with the handshake or here, who they are; close with 4403 otherwise."""
        payload: Any = message.get("payload") or {}
        if isinstance(payload, dict) and not self.connection_init_received:
            try:
                self.context = await self._admitted(payload)
            except (Unauthenticated, NotFound):
                await self.websocket.close(code=4403, reason="Forbidden")
                return
            except CONNECTION_LOST:
                await self.websocket.close(code=1013, reason="Try again later")
                return
        await super().handle_connection_init(message)

    async def _admitted(self, payload: Mapping[str, object]) -> Context:
        """Return the context of whom a key in the payload names, or else the handshake; `organization` chooses one.

        Unauthenticated for nobody, NotFound for an organisation that is not theirs.
        """
        named = {name.lower(): value for name, value in payload.items() if isinstance(value, str)}
        runtime, shown = self._first_context.runtime, self._first_context.credentials or Credentials()
        if "authorization" in named:
            shown = Credentials(bearer(named["authorization"]), None, shown.organization, shown.address)
        shown = replace(shown, organization=named.get("organization", shown.organization))
        viewer = await runtime.access.viewer(shown)
        if viewer is None:
            raise Unauthenticated("Nobody is signed in.")
        return Context(runtime, viewer, credentials=shown.lasting(viewer))

    async def run_operation(self, operation: Running) -> None:
        """Run an operation, and cancel a query or a mutation that takes too long.

        Whoever is not signed in any more loses the socket.
        """
        context = cast("Context", self._first_context)
        limit = context.runtime.settings.operation_timeout.total_seconds()
        try:
            await context.still_permitted()
        except (Unauthenticated, NotFound):
            await self.websocket.close(code=4403, reason="Forbidden")
            return
        except CONNECTION_LOST:
            gone = Unavailable("The database does not answer.", hint="Try again after a pause.")
            await self._refuse(operation, [GraphQLError(gone.message, original_error=gone)])
            return
        try:
            async with asyncio.timeout(None if _is_subscription(operation) else limit):
                await super().run_operation(operation)
        except GraphQLSyntaxError as error:
            charged = await context.runtime.limiter.charge(context.viewer, {Bucket.REQUESTS: 1})
            limited = charged.refusal and GraphQLError(charged.refusal.message, original_error=charged.refusal)
            await self._refuse(operation, [limited or error])
        except TimeoutError:
            late = Unavailable(f"The operation took longer than {limit:g} s.")
            await self._refuse(operation, [GraphQLError(late.message, original_error=late)])

    async def _send_result_stream(self, operation: Running, result_source: AsyncIterator[Any]) -> None:
        async for result in result_source:
            if isinstance(result, PreExecutionError):
                await self._refuse(operation, result.errors or [])
                return
            await self._send(operation, "next", answer_of(result))

    async def _refuse(self, operation: Running, errors: list[GraphQLError]) -> None:
        await self._send(operation, "error", [told(error) for error in errors])

    async def _send(self, operation: Running, kind: str, payload: Any) -> None:
        message: Any = {"id": operation.id, "type": kind, "payload": payload}
        await operation.send_operation_message(message)


def _is_well_formed(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    if message.get("type") not in ("subscribe", "complete"):
        return True
    return isinstance(message.get("id"), str) and (message["type"] == "complete" or _is_request(message.get("payload")))


def _is_request(payload: Any) -> bool:
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )


def _is_subscription(operation: Running) -> bool:
    # Within the bounds of what is executed: a longer one would hold up everybody else for many seconds.
    bounds.check(operation.query)
    definition = get_operation_ast(parse(operation.query, max_tokens=TOKENS), operation.operation_name)
    return definition is not None and definition.operation is OperationType.SUBSCRIPTION
