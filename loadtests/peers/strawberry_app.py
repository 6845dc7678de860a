"""A peer: Strawberry with the ORM of SQLAlchemy and DataLoaders, as the documentation of both tells.

`python -m loadtests.peers.strawberry_app` listens on a free port and prints its address; `PEER_CACHES` adds
Strawberry's own caches of parsed and of validated documents.
"""

import os
import socket
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import strawberry
import uvicorn
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import aliased
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types import Info

from maestro.db import tables

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
POOL: Final = int(os.environ.get("PEER_POOL", "12"))
Sessions = async_sessionmaker[AsyncSession]


class Loaders:
    """The loaders of one request; each takes a session for itself, since one cannot be used by two at a time."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.users: DataLoader[UUID, tables.User | None] = DataLoader(self._users)
        self.params: DataLoader[UUID, list[tables.Param]] = DataLoader(self._params)
        self.metrics: DataLoader[UUID, list[tuple[str, float | None]]] = DataLoader(self._metrics)
        self.experiments: DataLoader[tuple[UUID, int], list[tables.Experiment]] = DataLoader(self._experiments)
        self.runs: DataLoader[tuple[UUID, int], list[tables.Run]] = DataLoader(self._runs)
        self.points: DataLoader[tuple[UUID, int], list[tables.MetricHot]] = DataLoader(self._points)

    async def _users(self, keys: list[UUID]) -> list[tables.User | None]:
        async with self.sessions() as session:
            found = {one.id: one for one in await session.scalars(select(tables.User).where(tables.User.id.in_(keys)))}
        return [found.get(key) for key in keys]

    async def _params(self, keys: list[UUID]) -> list[list[tables.Param]]:
        table = tables.Param
        async with self.sessions() as session:
            found = await session.scalars(select(table).where(table.run_id.in_(keys)).order_by(table.run_id, table.key))
        return grouped(keys, found, lambda one: one.run_id)

    async def _metrics(self, keys: list[UUID]) -> list[list[tuple[str, float | None]]]:
        series, key = tables.MetricSeries, tables.MetricKey
        wanted = select(series, key.name).join(key, key.id == series.key_id).where(series.run_id.in_(keys))
        async with self.sessions() as session:
            found = (await session.execute(wanted.order_by(series.run_id, key.name))).all()
        groups = grouped(keys, found, lambda row: row[0].run_id)
        return [[(name, one.v_last) for one, name in group] for group in groups]

    async def _experiments(self, keys: list[tuple[UUID, int]]) -> list[list[tables.Experiment]]:
        return await self._firsts(keys, tables.Experiment, tables.Experiment.project_id)

    async def _runs(self, keys: list[tuple[UUID, int]]) -> list[list[tables.Run]]:
        return await self._firsts(keys, tables.Run, tables.Run.experiment_id)

    async def _firsts(self, keys: list[tuple[UUID, int]], table: type[T], parent: Any) -> list[list[T]]:
        """Load the newest rows of each parent in one statement."""
        key: Any = table.id  # type: ignore[attr-defined] # every table has one
        place = func.row_number().over(partition_by=parent, order_by=key.desc())
        parents, most = [one for one, _ in keys], max(first for _, first in keys)
        ranked = select(table, place.label("place")).where(parent.in_(parents)).subquery()
        of: Any = aliased(table, ranked)
        wanted = select(of).where(ranked.c.place <= most).order_by(getattr(of, parent.key), of.id.desc())
        async with self.sessions() as session:
            found = await session.scalars(wanted)
        groups = grouped(parents, found, lambda one: getattr(one, parent.key))
        return [group[:first] for group, (_, first) in zip(groups, keys, strict=True)]

    async def _points(self, keys: list[tuple[UUID, int]]) -> list[list[tables.MetricHot]]:
        table = tables.MetricHot
        async with self.sessions() as session:
            return [
                [*await session.scalars(select(table).where(table.series_id == key).order_by(table.step).limit(first))]
                for key, first in keys
            ]


def grouped(keys: Sequence[K], rows: Iterable[Any], key_of: Callable[[Any], K]) -> list[list[Any]]:
    """Put rows to the keys that they belong to, in the order of the keys."""
    groups: dict[K, list[Any]] = {key: [] for key in keys}
    for row in rows:
        groups[key_of(row)].append(row)
    return [groups[key] for key in keys]


AnyInfo = Info[dict[str, Any], None]


def loaders(info: AnyInfo) -> Loaders:
    """Return the loaders of a request."""
    found: Loaders = info.context["loaders"]
    return found


@strawberry.type
class User:
    """Who made a run."""

    id: UUID
    name: str


@strawberry.type
class Param:
    """An input of a run."""

    key: str
    text: str


@strawberry.type
class Metric:
    """The latest value of a metric."""

    name: str
    last: float | None


@strawberry.type
class Point:
    """One value of a series."""

    step: int
    value: float


@strawberry.type
class Series:
    """A metric of a run."""

    id: UUID

    @strawberry.field
    async def points(self, info: AnyInfo, first: int) -> list[Point]:
        found = await loaders(info).points.load((self.id, first))
        return [Point(step=one.step, value=one.value) for one in found]


@strawberry.type
class Run:
    """One execution."""

    id: UUID
    number: int
    name: str
    status: str
    notes: str
    version: int
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime
    created_by_id: strawberry.Private[UUID | None]

    @strawberry.field
    async def created_by(self, info: AnyInfo) -> User | None:
        found = None if self.created_by_id is None else await loaders(info).users.load(self.created_by_id)
        return None if found is None else User(id=found.id, name=found.name)

    @strawberry.field
    async def params(self, info: AnyInfo) -> list[Param]:
        return [Param(key=one.key, text=one.text) for one in await loaders(info).params.load(self.id)]

    @strawberry.field
    async def metrics(self, info: AnyInfo) -> list[Metric]:
        return [Metric(name=name, last=last) for name, last in await loaders(info).metrics.load(self.id)]


RUN: Final = (
    "id", "number", "name", "status", "notes", "version", "started_at", "ended_at", "created_at", "updated_at",
    "created_by_id",
)  # fmt: skip


def run_of(row: tables.Run) -> Run:
    """Return a row as the schema's type."""
    return Run(**{name: getattr(row, name) for name in RUN})


@strawberry.type
class Experiment:
    """A set of runs."""

    id: UUID
    name: str

    @strawberry.field
    async def runs(self, info: AnyInfo, first: int) -> list[Run]:
        return [run_of(one) for one in await loaders(info).runs.load((self.id, first))]


@strawberry.type
class Project:
    """What a team works on."""

    id: UUID
    name: str
    description: str

    @strawberry.field
    async def experiments(self, info: AnyInfo, first: int) -> list[Experiment]:
        return [Experiment(id=one.id, name=one.name) for one in await loaders(info).experiments.load((self.id, first))]


def project_of(row: tables.Project) -> Project:
    """Return a row as the schema's type."""
    return Project(id=row.id, name=row.name, description=row.description)


First = Annotated[int, strawberry.argument(description="How many.")]


@strawberry.type
class Query:
    """What can be asked for."""

    @strawberry.field
    async def project(self, info: AnyInfo, id: UUID) -> Project | None:  # noqa: A002 -- the API's name
        async with loaders(info).sessions() as session:
            found = await session.get(tables.Project, id)
        return None if found is None else project_of(found)

    @strawberry.field
    async def projects(self, info: AnyInfo, first: First) -> list[Project]:
        async with loaders(info).sessions() as session:
            found = await session.scalars(select(tables.Project).order_by(tables.Project.id.desc()).limit(first))
        return [project_of(one) for one in found]

    @strawberry.field
    async def runs(self, info: AnyInfo, first: First) -> list[Run]:
        async with loaders(info).sessions() as session:
            found = await session.scalars(select(tables.Run).order_by(tables.Run.id.desc()).limit(first))
        return [run_of(one) for one in found]

    @strawberry.field
    async def series(self, info: AnyInfo, id: UUID) -> Series | None:  # noqa: A002 -- the API's name
        async with loaders(info).sessions() as session:
            found = await session.get(tables.MetricSeries, id)
        return None if found is None else Series(id=found.id)


class Endpoint(GraphQL[dict[str, Any], None]):
    """The endpoint, whose context holds the loaders of a request."""

    def __init__(self, schema: strawberry.Schema, sessions: Sessions) -> None:
        super().__init__(schema, graphql_ide=None)
        self._sessions = sessions

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        """Give each request loaders of its own."""
        return {"request": request, "response": response, "loaders": Loaders(self._sessions)}


def create_app(url: str, *, has_caches: bool) -> Starlette:
    """Make the application for a database, with Strawberry's own caches or without."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), pool_size=POOL, max_overflow=0)
    schema = strawberry.Schema(Query, extensions=[ParserCache, ValidationCache] if has_caches else [])
    endpoint = Endpoint(schema, async_sessionmaker(engine, expire_on_commit=False))
    return Starlette(routes=[Route("/graphql", endpoint)])


def main() -> None:
    """Serve until the process is ended."""
    app = create_app(os.environ["PEER_DATABASE_URL"], has_caches="PEER_CACHES" in os.environ)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]} ", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run([listener])


if __name__ == "__main__":
    main()
