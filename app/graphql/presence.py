"""Whether a client is still there: what it has asked for is cancelled, with its SQL, as soon as it is not."""

import asyncio
from types import TracebackType
from typing import Final, Self

from starlette.types import Receive

PATIENCE_S: Final = 0.05
"""Nothing that ends sooner is worth a look at the client."""


async def gone(receive: Receive) -> None:
    """Return when the client has gone, or has been answered."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Presence:
    """Cancels what runs in its block when the client goes; `is_lost` tells so afterwards."""

    def __init__(self, receive: Receive) -> None:
        self.is_lost = False
        self._receive = receive
        self._deadline = asyncio.timeout(None)
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to look after a while."""
        await self._deadline.__aenter__()
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Look no longer; what was cancelled for the client's going ends here."""
        self._timer.cancel()
        if self._watch is not None:
            # Not waited for: a wait here could be cancelled in place of what was watched.
            self._watch.cancel()
        try:
            await self._deadline.__aexit__(kind, error, trace)
        except TimeoutError:
            if not self._deadline.expired():
                raise
            self.is_lost = True
        return self.is_lost

    def _begin(self) -> None:
        self._watch = asyncio.create_task(self._wait(), name="presence")

    async def _wait(self) -> None:
        await gone(self._receive)
        self._deadline.reschedule(asyncio.get_running_loop().time())
