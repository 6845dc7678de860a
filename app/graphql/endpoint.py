"""The application behind `/graphql`."""

import asyncio

from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from strawberry.schema import BaseSchema

from app.graphql.exchange import Exchange
from app.graphql.presence import Presence
from app.graphql.running import Runner
from app.middleware import turned_out


class Endpoint:
    """GraphQL over HTTP."""

    def __init__(self, schema: BaseSchema) -> None:
        self.stopping = asyncio.Event()
        """Set when the server is about to stop: streams would go on for ever."""
        self._runner = Runner(schema)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless its client goes before."""
        request = Request(scope, receive)
        exchange = Exchange(self._runner, request, self.stopping)
        # Only a body can have taken long enough for its sender to be turned out meanwhile.
        response = await turned_out(request) if request.method == "POST" else exchange.refused()
        if response is None:
            async with Presence(receive) as client:
                response = await exchange.response()
            if response is None or client.is_lost:
                return
        await response(scope, receive, send)
