"""Rows of jobs and what belongs to them, and the mutations that tests send."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.tables.enums import Role
from maestro.events import Event, publish, topic
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api, viewer_as

NOON: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def add(api: Api, table: str, **values: Any) -> UUID:
    """Insert a row of the viewer's organisation and return its key."""
    row = {"id": uuid7(), "organization_id": api.viewer.organization_id, **values}
    places = ", ".join(f"${i + 1}" for i in range(len(row)))
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())
    key: UUID = row["id"]
    return key


async def new_backup(api: Api, **values: Any) -> UUID:
    """Insert a backup that was proved good unless told otherwise."""
    return await add(api, "backup", **{"kind": "FULL", "state": "SUCCEEDED", "verified_at": NOON, **values})


async def change(api: Api, job: UUID, *events: str, **values: Any) -> None:
    """Change a job as its worker does, with events, and tell of it."""
    async with api.runtime.db.transaction() as tx:
        for column, value in values.items():
            await tx.fetch_sql(f"UPDATE job SET {column} = $2 WHERE id = $1", job, value)
        for message in events:
            sql = "INSERT INTO job_event (id, organization_id, job_id, message) VALUES ($1, $2, $3, $4)"
            await tx.fetch_sql(sql, uuid7(), api.viewer.organization_id, job, message)
        await publish(tx, [Event(topic(Kind.Job, job))])


async def rows(api: Api, table: str) -> list[dict[str, Any]]:
    """The rows of a table, the first one first."""
    return [dict(row) for row in await api.runtime.db.fetch_sql(f"SELECT * FROM {table} ORDER BY id")]


def acting_as(api: Api, role: Role) -> Api:
    """The same person with another role."""
    return Api(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id))


async def refused(api: Api, code: str, query: str, **variables: Any) -> dict[str, Any]:
    """Send an operation that must be refused with a code and change nothing, and return the error."""
    before = await api.state()
    (error,) = await api.errors(query, **variables)
    assert error["extensions"]["code"] == code, error
    assert await api.state() == before
    told: dict[str, Any] = error
    return told


def job_id(key: UUID) -> str:
    return encode(Kind.Job, key)
