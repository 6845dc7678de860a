"""Loaders of artifacts, their versions, files and aliases, and of the runs on either side of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from sqlalchemy import Boolean, Integer, Select, Text, and_, bindparam, func, literal_column, not_, or_, select, true

from dataloaders.base import KEYS, ORGANIZATION, ById, Grouped, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Artifact, ArtifactAlias, ArtifactEntry, ArtifactVersion, Base, LineageEdge, Run
from maestro.db.tables.enums import ArtifactState, LineageKind
from maestro.filters import KeySpace, Space, ValueType
from maestro.ids import Kind

T = TypeVar("T")

MOST_LINKED: Final = 1000
"""How many runs or versions a lineage list answers at most, the newest first."""

ARTIFACTS = Catalogue(
    table=Artifact,
    document=literal_column("to_tsvector('simple', artifact.name || ' ' || artifact.description)"),
    fields={
        "id": Listed(ValueType.ID, "The artifact's id.", Artifact.id, kind=Kind.Artifact),
        "project": Listed(ValueType.ID, "The project that it belongs to.", Artifact.project_id, kind=Kind.Project),
        "name": Listed(ValueType.STRING, "The artifact's name.", Artifact.name),
        "type": Listed(ValueType.STRING, "What kind of files it holds.", Artifact.type),
        "description": Listed(ValueType.STRING, "What it is.", Artifact.description),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", Artifact.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", Artifact.updated_at),
    },
    spaces=(KeySpace(Space.TAGS, ValueType.STRING, "The artifact's tags."),),
)

VERSIONS = Catalogue(
    table=ArtifactVersion,
    document=literal_column("to_tsvector('simple', coalesce(artifact_version.digest, ''))"),
    fields={
        "id": Listed(ValueType.ID, "The version's id.", ArtifactVersion.id, kind=Kind.ArtifactVersion),
        "run": Listed(
            ValueType.ID, "The run that produced it.", ArtifactVersion.run_id, is_nullable=True, kind=Kind.Run
        ),
        "number": Listed(ValueType.INTEGER, "The version's number.", ArtifactVersion.number),
        "state": Listed(ValueType.ENUM, "Whether it can be read.", ArtifactVersion.state, values=tuple(ArtifactState)),
        "digest": Listed(ValueType.STRING, "The digest of its files.", ArtifactVersion.digest, is_nullable=True),
        "sizeBytes": Listed(ValueType.INTEGER, "Its size in bytes.", ArtifactVersion.size_bytes),
        "fileCount": Listed(ValueType.INTEGER, "The number of its files.", ArtifactVersion.file_count),
        "createdAt": Listed(ValueType.DATETIME, "When it was opened.", ArtifactVersion.created_at),
        "committedAt": Listed(
            ValueType.DATETIME, "When it was sealed.", ArtifactVersion.committed_at, is_nullable=True
        ),
    },
)


class ArtifactById(ById):
    """Artifacts by their id."""

    needs = Permission.ARTIFACT_READ
    table = Artifact


class Artifacts(ListLoader):
    """The organisation's artifacts."""

    needs = Permission.ARTIFACT_READ
    catalogue = ARTIFACTS


class ArtifactsByProject(ListLoader):
    """A project's artifacts."""

    needs = Permission.ARTIFACT_READ
    catalogue = ARTIFACTS
    scope = "project_id"


class ArtifactVersionById(ById):
    """Artifact versions by their id."""

    needs = Permission.ARTIFACT_READ
    table = ArtifactVersion


class VersionsByArtifact(ListLoader):
    """An artifact's versions."""

    needs = Permission.ARTIFACT_READ
    catalogue = VERSIONS
    scope = "artifact_id"


class AliasesByArtifact(Grouped):
    """An artifact's aliases by name."""

    needs = Permission.ARTIFACT_READ
    table = ArtifactAlias
    key = "artifact_id"
    order = ("name",)


class AliasesByVersion(Grouped):
    """The aliases that point at a version, by name."""

    needs = Permission.ARTIFACT_READ
    table = ArtifactAlias
    key = "version_id"
    order = ("name",)


_WANTED = func.unnest(KEYS).table_valued("key").render_derived(name="wanted")
_LIMIT = bindparam("limit", type_=Integer)


def _for_each_key(query: Select[Any]) -> Statement:
    """Compile a query that names `_WANTED.c.key` to run once a key, so that its limit holds for each of them."""
    each = query.lateral("each")
    return Statement(select(_WANTED.c.key.label("_key"), *each.c).select_from(_WANTED.join(each, true())))


class LatestVersion(Loader[tuple[UUID, bool], Row | None]):
    """An artifact's newest version, never a deleted one; the key's flag demands that it be committed."""

    needs = Permission.ARTIFACT_READ
    statement = _for_each_key(
        select(*ArtifactVersion.__table__.c)
        .where(
            ArtifactVersion.artifact_id == _WANTED.c.key,
            ArtifactVersion.organization_id == ORGANIZATION,
            or_(
                ArtifactVersion.state == ArtifactState.COMMITTED,
                and_(not_(bindparam("committed", type_=Boolean)), ArtifactVersion.state != ArtifactState.DELETED),
            ),
        )
        .order_by(ArtifactVersion.number.desc())
        .limit(1)
    )

    async def fetch(self, keys: Sequence[tuple[UUID, bool]]) -> list[Row | Exception | None]:
        """Return the version of each (artifact, flag), None where there is none; one statement a flag."""
        found: dict[tuple[UUID, bool], Row] = {}
        for committed, artifacts in _by_request(keys).items():
            for row in await self.rows(self.statement, keys=artifacts, committed=committed):
                found[row["_key"], committed] = row
        return [found.get(key) for key in keys]


@dataclass(frozen=True, slots=True)
class Files:
    """Which files of a version: those under a prefix, by path, after a path."""

    limit: int
    prefix: str = ""
    after: str = ""


class EntriesByVersion(Loader[tuple[UUID, Files], list[Row]]):
    """A version's files by path."""

    needs = Permission.ARTIFACT_READ
    statement = _for_each_key(
        select(*ArtifactEntry.__table__.c)
        .where(
            ArtifactEntry.version_id == _WANTED.c.key,
            ArtifactEntry.organization_id == ORGANIZATION,
            ArtifactEntry.path > bindparam("after", type_=Text),
            func.starts_with(ArtifactEntry.path, bindparam("prefix", type_=Text)),
        )
        .order_by(ArtifactEntry.path)
        .limit(_LIMIT)
    )

    async def fetch(self, keys: Sequence[tuple[UUID, Files]]) -> list[list[Row] | Exception]:
        """Return the files of each (version, request), one statement for all that share a request."""
        found: dict[tuple[UUID, Files], list[Row]] = {key: [] for key in keys}
        for files, versions in _by_request(keys).items():
            wanted = {"limit": files.limit, "prefix": files.prefix, "after": files.after}
            for row in await self.rows(self.statement, keys=versions, **wanted):
                found[row["_key"], files].append(row)
        return [found[key] for key in keys]


def _linked(table: type[Base], *, near: str, far: str, kind: LineageKind) -> Statement:
    """Compile the lookup of what lies at the far ends of the arrows whose near ends are the keys."""
    arrow, columns = LineageEdge.__table__.c, table.__table__.c
    in_use = [columns.deleted_at.is_(None)] if "deleted_at" in columns else []
    return _for_each_key(
        select(*columns)
        .join_from(LineageEdge.__table__, table.__table__, arrow[far] == columns.id)
        .where(
            arrow[near] == _WANTED.c.key,
            arrow.kind == kind,
            arrow.organization_id == ORGANIZATION,
            columns.organization_id == ORGANIZATION,
            *in_use,
        )
        .order_by(arrow.id.desc())
        .limit(_LIMIT)
    )


class _VersionsByRun(Loader[UUID, list[Row]]):
    """Versions that lineage ties to a run, the newest ties first, at most 1,000."""

    needs = Permission.ARTIFACT_READ
    statement: ClassVar[Statement]

    async def fetch(self, keys: Sequence[UUID]) -> list[list[Row] | Exception]:
        """Return the versions of each run."""
        found: dict[UUID, list[Row]] = {key: [] for key in keys}
        for row in await self.rows(self.statement, keys=list(found), limit=MOST_LINKED):
            found[row["_key"]].append(row)
        return [found[key] for key in keys]


class UsedByRun(_VersionsByRun):
    """The artifact versions that a run read."""

    needs = Permission.ARTIFACT_READ
    statement = _linked(ArtifactVersion, near="to_id", far="from_id", kind=LineageKind.USED)


class ProducedByRun(_VersionsByRun):
    """The artifact versions that a run wrote."""

    needs = Permission.ARTIFACT_READ
    statement = _linked(ArtifactVersion, near="from_id", far="to_id", kind=LineageKind.PRODUCED)


class RunsByUsedVersion(Loader[tuple[UUID, int], list[Row]]):
    """The runs that read a version, the newest readers first; the key says how many at most."""

    needs = Permission.EXPERIMENT_READ
    statement = _linked(Run, near="from_id", far="to_id", kind=LineageKind.USED)

    async def fetch(self, keys: Sequence[tuple[UUID, int]]) -> list[list[Row] | Exception]:
        """Return the runs of each version, one statement for all that share a limit."""
        found: dict[tuple[UUID, int], list[Row]] = {key: [] for key in keys}
        for limit, versions in _by_request(keys).items():
            for row in await self.rows(self.statement, keys=versions, limit=limit):
                found[row["_key"], limit].append(row)
        return [found[key] for key in keys]


def _by_request(keys: Iterable[tuple[UUID, T]]) -> dict[T, list[UUID]]:
    """Gather the ids that are asked for with the same request, each once."""
    asked: dict[T, dict[UUID, None]] = defaultdict(dict)
    for key, request in keys:
        asked[request][key] = None
    return {request: list(ids) for request, ids in asked.items()}
