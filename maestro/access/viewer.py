"""Who is asking, in which organisation, and what they may do there."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from maestro.access.grants import Grants
from maestro.db.engine import Scope
from maestro.db.tables.enums import ActorKind


class SignInMethod(StrEnum):
    """How a request shows who is asking."""

    SESSION = "SESSION"
    API_KEY = "API_KEY"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who is signed in, with what they may do in the organisation in which the request acts."""

    actor_id: UUID
    organization_id: UUID
    name: str
    email: str | None
    method: SignInMethod
    grants: Grants
    actor_kind: ActorKind = ActorKind.USER
    api_key_id: UUID | None = None
    session_id: UUID | None = None
    address: str | None = None
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scope", Scope(self.organization_id, self.grants.visible_projects))

    @property
    def user_id(self) -> UUID | None:
        """The person; None for a service account."""
        return self.actor_id if self.actor_kind is ActorKind.USER else None

    @property
    def service_account_id(self) -> UUID | None:
        """The service account; None for a person."""
        return self.actor_id if self.actor_kind is ActorKind.SERVICE_ACCOUNT else None
