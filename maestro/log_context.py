"""For whom, and within which job, something is done: what the log tells beside the trace id, carried by the context."""

from contextvars import ContextVar
from typing import Final, Protocol
from uuid import UUID

from maestro.db.tables.enums import ActorKind
from maestro.ids import Kind, encode


class Acting(Protocol):
    """Somebody who acts in an organisation."""

    @property
    def organization_id(self) -> UUID:
        """In which organisation."""
        ...

    @property
    def actor_id(self) -> UUID:
        """Who."""
        ...

    @property
    def actor_kind(self) -> ActorKind:
        """What they are."""
        ...


_acting: Final[ContextVar[Acting | None]] = ContextVar("acting", default=None)
_job: Final[ContextVar[tuple[UUID, UUID] | None]] = ContextVar("job", default=None)


def act_for(somebody: Acting | None) -> None:
    """Say for whom is done what follows in this task; what was made of it is made when something is logged."""
    _acting.set(somebody)


def work_on(organization_id: UUID, job_id: UUID) -> None:
    """Say within which job of which organisation is done what follows in this task."""
    _job.set((organization_id, job_id))


def told() -> dict[str, str]:
    """Return what is known of it, by the names of members of a record; ids as the schema has them."""
    found: dict[str, str] = {}
    if (job := _job.get()) is not None:
        found = {"organizationId": encode(Kind.Organization, job[0]), "jobId": encode(Kind.Job, job[1])}
    if (somebody := _acting.get()) is not None:
        kind = Kind.User if somebody.actor_kind is ActorKind.USER else Kind.ServiceAccount
        found["organizationId"] = encode(Kind.Organization, somebody.organization_id)
        found["actorId"] = encode(kind, somebody.actor_id)
        found["actorKind"] = somebody.actor_kind.value
    return found
