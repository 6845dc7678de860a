"""The viewer's own sessions in the schema."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.sessions
from execution.declare import column, computed
from maestro.db.tables.enums import SignInWay
from maestro.ids import Kind, encode, uuid_of
from schema.guards import mutation
from schema.nodes import RowBacked


@strawberry.type(description="A browser in which the viewer is signed in.")
class Session(RowBacked):
    """A session's row; no node, since nobody but its person ever finds it."""

    row: strawberry.Private[Any]

    way: SignInWay = column("How they signed in.")
    address: str | None = column("The IP address from which they signed in.")
    user_agent: str = column("What the browser calls itself.")
    created_at: datetime = column("When they signed in.")
    last_seen_at: datetime = column("When it was last used, to the minute.")
    expires_at: datetime = column("When it ends by itself.")
    is_current: bool = column("Whether the request comes in it.")

    @computed("id", description="Identifies the session.")
    def id(self) -> strawberry.ID:
        """Return the global id."""
        return strawberry.ID(encode(Kind.Session, self.row.id))


@strawberry.type(description="A link that signs the viewer in elsewhere, once.")
class SignInLink:
    """The only answer with the link in it."""

    path: str = strawberry.field(
        description="The path to open at the server's address, in another browser, say. It is shown this once."
    )
    expires_at: datetime = strawberry.field(description="Until when it can be used.")


async def viewer_sessions(info: Info[Any, Any]) -> list[Session]:
    """Return the viewer's sessions; no loader does, since the database shows them to the door alone."""
    return [Session(row=row) for row in await resolvers.sessions.shown(info.context)]


@strawberry.type
class SessionMutations:
    """Root fields."""

    @mutation(
        None,
        description="End one of the viewer's own sessions at once, and the sign-in links that nobody has used; in a "
        "session only. Answers its id.",
    )
    async def revoke_session(
        self, info: Info[Any, Any], id: Annotated[strawberry.ID, strawberry.argument(description="The Session's id.")]
    ) -> strawberry.ID:
        """Revoke one."""
        ended = await resolvers.sessions.revoke(info.context, uuid_of(Kind.Session, id))
        return strawberry.ID(encode(Kind.Session, ended))

    @mutation(
        None,
        description="End all of the viewer's sessions but the one in which the request comes, and the sign-in links "
        "that nobody has used. Answers the ids of the sessions.",
    )
    async def revoke_other_sessions(self, info: Info[Any, Any]) -> list[strawberry.ID]:
        """Revoke the others."""
        ended = await resolvers.sessions.revoke_others(info.context)
        return [strawberry.ID(encode(Kind.Session, one)) for one in ended]

    @mutation(
        None,
        description="Make a link that signs the viewer in elsewhere, once, within a day; in a session only.",
    )
    async def create_sign_in_link(self, info: Info[Any, Any]) -> SignInLink:
        """Make a link."""
        made = await resolvers.sessions.create_link(info.context)
        return SignInLink(path=f"/sign-in?token={made.token}", expires_at=made.expires_at)
