"""Loader of places: in which project a node lies, whatever its kind."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import any_, select

from dataloaders.base import KEYS, ORGANIZATION, Loader, Loaders
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Artifact, Connector, RegisteredModel
from maestro.errors import NotFound
from maestro.ids import Kind

Node = tuple[Kind, UUID]

CONTAINERS: Final[Mapping[Kind, tuple[str, Kind]]] = {
    Kind.ModelVersion: ("model_id", Kind.RegisteredModel),
    Kind.ModelAlias: ("model_id", Kind.RegisteredModel),
    Kind.ArtifactVersion: ("artifact_id", Kind.Artifact),
    Kind.SyncPlan: ("source_id", Kind.Connector),
    Kind.SyncRun: ("connector_id", Kind.Connector),
    Kind.ConnectorCheck: ("connector_id", Kind.Connector),
    Kind.ConnectorQuery: ("connector_id", Kind.Connector),
}
"""What names its project only by what it lies in: by which column, and what that is."""


def _projects(table: type[Artifact | Connector | RegisteredModel]) -> Statement:
    c = table.__table__.c
    return Statement(select(c.id, c.project_id).where(c.id == any_(KEYS), c.organization_id == ORGANIZATION))


class ProjectByContainer(Loader[Node, UUID | None]):
    """The projects of what other nodes lie in; None for a connector of the whole organisation."""

    # It tells nothing of the container but where it is, to whoever has a row of what lies in it.
    needs = None
    statements: Final = {
        Kind.RegisteredModel: _projects(RegisteredModel),
        Kind.Artifact: _projects(Artifact),
        Kind.Connector: _projects(Connector),
    }

    async def fetch(self, keys: Sequence[Node]) -> list[UUID | Exception | None]:
        """Return the project of each container, one statement a kind."""
        asked: dict[Kind, list[UUID]] = defaultdict(list)
        for kind, key in keys:
            asked[kind].append(key)
        found: dict[Node, UUID | None] = {}
        for kind, ids in asked.items():
            rows = await self.rows(self.statements[kind], keys=ids)
            found |= {(kind, row.id): row.project_id for row in rows}
        return [found[key] if key in found else NotFound(f"There is no such {key[0].name}.") for key in keys]


async def project_of(loaders: Loaders, kind: Kind, row: Row) -> UUID | None:
    """Return the project in which a node lies, None for the whole organisation; no statement where its row names it."""
    if kind in CONTAINERS:
        column, container = CONTAINERS[kind]
        return await loaders[ProjectByContainer].load((container, row[column]))
    place: UUID | None = row.get("id" if kind is Kind.Project else "project_id")
    return place
