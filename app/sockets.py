"""GraphQL over graphql-transport-ws with the answers that HTTP gives: a context an operation, coded errors, limits."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from graphql import GraphQLError, GraphQLSyntaxError, OperationType, get_operation_ast, parse
from starlette.websockets import WebSocketDisconnect
from starlette.websockets import WebSocketDisconnected as SocketClosed
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types.execution import PreExecutionError

from app.answers import answer_of, told
from maestro.errors import Unavailable
from resolvers.context import Context

Running: TypeAlias = Operation[Context, None]


class TextSocket(ASGIWebSocketAdapter):
    """Sends text: browsers' clients do not read the binary frames that bytes would become."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message."""
        try:
            await self.ws.send_text(self.view.encode_json_string(message))
        except (WebSocketDisconnect, SocketClosed) as gone:
            raise WebSocketDisconnected from gone


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket and the operations that run on it."""

    @property
    def context(self) -> Context:
        """A new context at every reading, for every operation: loaders must not repeat what an earlier one has read."""
        return replace(self._first_context)

    @context.setter
    def context(self, context: Context) -> None:
        self._first_context = context

    async def handle_message(self, message: Any) -> None:
        """Act on a message; what has not the protocol's form closes the socket with 4400."""
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def run_operation(self, operation: Running) -> None:
        """Run an operation, and cancel a query or a mutation that takes too long."""
        limit = self.context.runtime.settings.operation_timeout.total_seconds()
        try:
            async with asyncio.timeout(None if _is_subscription(operation) else limit):
                await super().run_operation(operation)
        except GraphQLSyntaxError as error:
            await self._refuse(operation, [error])
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
    definition = get_operation_ast(parse(operation.query), operation.operation_name)
    return definition is not None and definition.operation is OperationType.SUBSCRIPTION
