"""Search over everything that has a name, in one statement."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from dataloaders.conditions import prefix_query
from maestro.db.engine import Database
from maestro.errors import InvalidInput
from maestro.ids import Kind, decode

_NUMBER: Final = re.compile(r"#([0-9]{1,18})")
MOST_RANKED: Final = 5000
"""How many matches of one type are ranked at most; words that match more than that do not tell much."""


class SearchType(StrEnum):
    """What can be searched for; the value is the kind of its ids."""

    PROJECT = Kind.Project.value
    EXPERIMENT = Kind.Experiment.value
    RUN = Kind.Run.value
    MODEL = Kind.RegisteredModel.value
    ARTIFACT = Kind.Artifact.value
    CONNECTOR = Kind.Connector.value


@dataclass(frozen=True, slots=True)
class Place:
    """Where a type's texts are; the two of them make the document of the table's search index."""

    table: str
    body: str


PLACES: Final = {
    SearchType.PROJECT: Place("project", "description"),
    SearchType.EXPERIMENT: Place("experiment", "description"),
    SearchType.RUN: Place("run", "notes"),
    SearchType.MODEL: Place("registered_model", "description"),
    SearchType.ARTIFACT: Place("artifact", "description"),
    SearchType.CONNECTOR: Place("connector", "description"),
}


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found; `score` is 1 for what was named exactly, less for what only holds the words."""

    kind: Kind
    id: UUID
    score: float


async def find(
    db: Database, organization_id: UUID, *, text: str, types: Collection[SearchType], size: int
) -> list[Hit]:
    """Return what a text names or what has all its words: the best first, of equals the newest."""
    arguments: list[Any] = [organization_id, size]
    branches = _branches(text, types, arguments)
    if not branches:
        return []
    sql = (
        f"SELECT kind, id, max(score) AS score FROM ({' UNION ALL '.join(branches)}) hit "  # noqa: S608 -- texts of ours
        "GROUP BY kind, id ORDER BY score DESC, id DESC LIMIT $2"
    )
    return [Hit(Kind(row.kind), row.id, row.score) for row in await db.fetch_sql(sql, *arguments)]


def _branches(text: str, types: Collection[SearchType], arguments: list[Any]) -> list[str]:
    """Return the queries whose union answers a text; what they need is added to the arguments."""
    if pasted := _pasted(text):
        kind, key = pasted
        arguments.append(key)
        return [_by_id(one) for one in types if one.value == kind]
    branches = []
    if SearchType.RUN in types:
        arguments.append(text)
        branches.append(_runs_by(f"external_id = ${len(arguments)}"))
        if number := _NUMBER.fullmatch(text):
            arguments.append(int(number[1]))
            branches.append(_runs_by(f"number = ${len(arguments)}"))
    arguments += [text.lower(), prefix_query(text)]
    return [*branches, *(_by_words(one, name=len(arguments) - 1, words=len(arguments)) for one in types)]


def _pasted(text: str) -> tuple[Kind, UUID] | None:
    try:
        return decode(text)
    except InvalidInput:
        return None


def _by_id(wanted: SearchType) -> str:
    table = PLACES[wanted].table
    return (
        f"SELECT '{wanted}' AS kind, id, 1.0::float8 AS score FROM {table} "  # noqa: S608 -- texts of ours
        "WHERE id = $3 AND organization_id = $1 AND deleted_at IS NULL"
    )


def _runs_by(condition: str) -> str:
    # The indexes on what identifies a run start with its project.
    return (
        f"(SELECT '{SearchType.RUN}' AS kind, run.id, 1.0::float8 AS score "  # noqa: S608 -- texts of ours
        "FROM project JOIN run ON run.project_id = project.id "
        f"WHERE project.organization_id = $1 AND run.{condition} AND run.deleted_at IS NULL "
        "ORDER BY run.id DESC LIMIT $2)"
    )


def _by_words(wanted: SearchType, *, name: int, words: int) -> str:
    place = PLACES[wanted]
    query = f"to_tsquery('simple', ${words})"
    return (
        f"(SELECT '{wanted}' AS kind, id, (CASE WHEN lower(name) = ${name} THEN 1.0 "  # noqa: S608 -- texts of ours
        f"WHEN starts_with(lower(name), ${name}) THEN 0.8 WHEN to_tsvector('simple', name) @@ {query} THEN 0.6 "
        f"ELSE 0.4 END)::float8 AS score FROM (SELECT id, name FROM {place.table} WHERE organization_id = $1 "
        f"AND deleted_at IS NULL AND to_tsvector('simple', name || ' ' || {place.body}) @@ {query} "
        f"LIMIT {MOST_RANKED}) found ORDER BY score DESC, id DESC LIMIT $2)"
    )
