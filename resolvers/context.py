"""What a resolver works with: who is asking, what they may do, the database, and the loaders of this request."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from dataloaders.base import Loaders, forbidden
from execution.policy import Policy
from execution.prepared import Prepared
from maestro.access import Permission, Viewer
from maestro.access.door import Credentials
from maestro.db.engine import Database
from maestro.documents.known import KnownDocument
from maestro.documents.usage import Client
from maestro.errands import ErrandDesk
from maestro.errors import Unauthenticated
from maestro.rate_limits import Receipt
from maestro.runtime import Runtime
from resolvers.actions import Action


@dataclass(slots=True)
class Context:
    """One operation of one viewer; `db` shows them what is theirs and nothing else."""

    runtime: Runtime
    viewer: Viewer
    operation_name: str | None = None
    """What the client calls the operation."""
    credentials: Credentials | None = field(default=None, repr=False)
    """What the viewer has shown, to be looked at again while an operation lasts."""
    client: Client | None = None
    """What the client says it is."""
    document: KnownDocument | None = field(default=None, init=False)
    """The registered document that the request means."""
    left: str | None = field(default=None, init=False)
    """The hash under which the text is to be kept for automatic persisted queries, once it is found to be valid."""
    cost: int = field(default=0, init=False)
    """What the operation was charged in objects."""
    prepared: Prepared | None = field(default=None, init=False, repr=False)
    """The document that is run, once it was parsed."""
    action: Action | None = field(default=None, init=False)
    """The mutation that is being carried out."""
    receipt: Receipt | None = field(default=None, init=False)
    """What the operation was charged, once it was."""
    policy: Policy | None = field(default=None, init=False)
    """How long the answer may be kept and what makes it stale, once that is known."""
    deadline: asyncio.Timeout | None = field(default=None, init=False, repr=False)
    """When the operation is cancelled; None where nobody cancels it."""
    warnings: list[dict[str, Any]] = field(default_factory=list, init=False)
    """What the client should know beside the answer; goes out as `extensions.warnings`."""
    looked_at: float = field(default_factory=time.monotonic, init=False)
    """When it was begun to read what is there now, by `time.monotonic`."""
    _takes_turns: bool = field(default=False, init=False)
    db: Database = field(init=False)
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self._bind()

    def allow(self, seconds: float) -> None:
        """Let the operation last so many seconds from now on, where it would be cancelled earlier."""
        if self.deadline is None or (when := self.deadline.when()) is None:
            return
        self.deadline.reschedule(max(when, asyncio.get_running_loop().time() + seconds))

    def take_turns(self) -> None:
        """Leave most connections to others from now on: for what lasts, of which there may be thousands."""
        self._takes_turns = True
        self._bind()

    async def still_permitted(self) -> None:
        """Look again at who is asking, and see from now on what they may see by now. Unauthenticated when nobody is.

        Costs a statement every few seconds, and one after each change of somebody's access.
        """
        if self.credentials is None:
            return
        access = self.runtime.access
        if self._takes_turns and not access.is_known(self.credentials):
            async with self.runtime.db.turns:
                self._see(await access.viewer(self.credentials))
        else:
            self._see(await access.viewer(self.credentials))

    async def still_permitted_here(self) -> None:
        """Look again as `still_permitted`, but stay in the organisation: the operation may have switched the session.

        NotFound when the viewer does not belong to it any more.
        """
        if self.credentials is None:
            return
        viewer = await self.runtime.access.viewer(self.credentials)
        if viewer is not None and viewer.organization_id != self.organization_id:
            here = replace(self.credentials, organization=str(self.organization_id))
            viewer = await self.runtime.access.viewer(here)
        self._see(viewer)

    def _see(self, viewer: Viewer | None) -> None:
        if viewer is None:
            raise Unauthenticated("You are not signed in any more.", hint="Sign in again, or send another API key.")
        if viewer != self.viewer:
            self.viewer = viewer
            self._bind()

    def _bind(self) -> None:
        self.db = self.runtime.db.within(self.viewer.scope, in_turn=self._takes_turns)
        desk = ErrandDesk(self.runtime.errands, self.runtime.settings.browse_timeout.total_seconds())
        self.loaders = Loaders(self.db, self.viewer, self.runtime.cache, desk=desk)

    @property
    def organization_id(self) -> UUID:
        """The organisation in which the request acts."""
        return self.viewer.organization_id

    def require(self, permission: Permission, project_id: UUID | None = None) -> None:
        """Raise Forbidden unless the viewer may do something in a project; without one, in the whole organisation."""
        if not self.viewer.grants.allow(permission, project_id):
            raise forbidden(self.viewer, permission)

    def require_somewhere(self, permission: Permission) -> None:
        """Raise Forbidden unless the viewer may do something in some place: which one, the writer looks at."""
        if not self.viewer.grants.allow_somewhere(permission):
            raise forbidden(self.viewer, permission)
