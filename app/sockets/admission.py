"""Who is behind a socket: shown with the handshake, or with the first message, since pages cannot add headers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.websockets import WebSocket

from app.clients import client_of
from app.middleware.credentials import bearer
from app.sockets.protocol import CloseCode, Closing
from maestro.access import Viewer
from maestro.access.door import Credentials
from maestro.db.absence import absence_of
from maestro.db.rows import CONNECTION_LOST
from maestro.documents.usage import Client
from maestro.errors import NotFound, Unauthenticated
from maestro.runtime import Runtime
from resolvers.context import Context


@dataclass(frozen=True, slots=True)
class Admitted:
    """A viewer, and what they have shown, by which they are looked at again."""

    viewer: Viewer
    credentials: Credentials = field(repr=False)
    client: Client | None = None
    """What the client says it is, in the handshake's headers or by the same names in the first message."""

    async def context(self, runtime: Runtime) -> Context:
        """Make the context of an operation; Closing with 4403 for who is not signed in any more.

        One of CONNECTION_LOST while nobody can tell.
        """
        found = Context(runtime, self.viewer, credentials=self.credentials, client=self.client)
        try:
            await found.still_permitted()
        except (Unauthenticated, NotFound):
            raise _forbidden() from None
        return found


async def admitted(websocket: WebSocket, payload: Mapping[str, Any]) -> Admitted:
    """Return whom a key in the first message's payload names, or else the handshake; `organization` chooses one.

    Closing with 4403 for nobody, and for an organisation that is not theirs; with 1013 while the database is away.
    """
    named = {name.lower(): value for name, value in payload.items() if isinstance(value, str)}
    shown = _shown(websocket, named)
    try:
        viewer = await websocket.app.state.runtime.access.viewer(shown)
    except NotFound:
        raise _forbidden() from None
    except CONNECTION_LOST as error:
        raise Closing(CloseCode.TRY_AGAIN_LATER, absence_of(error).message) from None
    if viewer is None:
        raise _forbidden()
    return Admitted(viewer, shown.lasting(viewer), client_of({**websocket.headers, **named}))


def _shown(websocket: WebSocket, named: Mapping[str, str]) -> Credentials:
    viewer: Viewer | None = websocket.state.viewer
    shown: Credentials = websocket.state.credentials
    shown = replace(shown, session=None) if viewer is None else shown.lasting(viewer)
    if "authorization" in named:
        shown = Credentials(bearer(named["authorization"]), None, shown.organization, shown.address)
    return replace(shown, organization=named.get("organization", shown.organization))


def _forbidden() -> Closing:
    return Closing(CloseCode.FORBIDDEN, "Forbidden")
