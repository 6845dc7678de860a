"""Use cases of registered documents: a client's documents are registered together, each can be retired and restored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, update
from uuid_utils.compat import uuid7

from maestro.db.rows import Row
from maestro.db.tables import PersistedDocument
from maestro.documents.known import TOPIC
from maestro.documents.manifests import Entry, Refusal
from maestro.documents.usage import Client
from maestro.errors import InvalidInput
from maestro.events import Event
from resolvers import document_versions, validation
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing

MOST_TOLD: Final = 50
"""So many refused documents are told of."""

_STORED: Final = """
    SELECT id, sha256, retired_at FROM document WHERE organization_id = $1 AND sha256 = ANY($2)
"""
_ALIASES: Final = """
    SELECT DISTINCT c.alias, d.sha256 FROM document_client c JOIN document d ON d.id = c.document_id
    WHERE c.organization_id = $1 AND c.alias = ANY($2)
"""
_ADD: Final = """
    INSERT INTO document (id, organization_id, sha256, text, name, kind, schema_sha256, created_by_id)
    SELECT given.id, $1, given.sha256, given.text, given.name, given.kind, $2, $3
    FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[]) AS given (id, sha256, text, name, kind)
"""
_VALID_AGAIN: Final = """
    UPDATE document SET schema_sha256 = $2 WHERE organization_id = $1 AND id = ANY($3) AND schema_sha256 <> $2
"""
_ADD_CLIENT: Final = """
    INSERT INTO document_client (organization_id, document_id, name, version, alias)
    SELECT $1, given.document_id, $2, $3, given.alias FROM unnest($4::uuid[], $5::text[]) AS given (document_id, alias)
    ON CONFLICT DO NOTHING
"""
_ROWS: Final = "SELECT * FROM document WHERE organization_id = $1 AND id = ANY($2)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that was found to be valid, with the name and the kind of its operation."""

    entry: Entry
    name: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What has become of a document; `row` is None where it would be new and nothing was written."""

    candidate: Candidate
    is_new: bool
    row: Row | None


@dataclass(frozen=True, slots=True)
class Registering:
    """Documents that are to be registered, valid ones and others, with the schema they were compared with."""

    candidates: Sequence[Candidate]
    refused: Sequence[Refusal]
    schema_sha256: str
    is_dry_run: bool = False


def client_of(given: Mapping[str, Any]) -> Client:
    """Return the client in an input; InvalidInput."""
    name = validation.name(given["name"], field="client.name")
    version = validation.name(given["version"], field="client.version")
    if "@" in name:
        raise InvalidInput("The name of a client has no @.", field="client.name")
    return Client(name, version)


async def register(ctx: Context, client: Client, given: Registering) -> list[Registration]:
    """Register documents for a version of a client, all of them or none; registering again changes nothing.

    InvalidInput with all that is wrong: documents that are not valid, ids that mean another document, and documents
    that were retired.
    """
    async with writing(ctx) as writer:
        # Two registrations at once could give one id to two documents.
        await writer.tx.fetch_sql("SELECT id FROM organization WHERE id = $1 FOR NO KEY UPDATE", ctx.organization_id)
        stored = await _stored(writer, given.candidates)
        refused = [*given.refused, *await _conflicts(writer, given.candidates, stored)]
        if refused:
            raise _refusal(refused)
        new = list({one.entry.sha256: one for one in given.candidates if one.entry.sha256 not in stored}.values())
        writer.adds(client=f"{client.name}@{client.version}", documents=len(given.candidates), added=len(new))
        ids = {sha256: row.id for sha256, row in stored.items()}
        if given.is_dry_run:
            writer.adds(dry_run=True)
        else:
            ids |= await _add(writer, new, given.schema_sha256)
            await _link(writer, client, given, ids=ids)
        rows = {row.id: row for row in await writer.tx.fetch_sql(_ROWS, ctx.organization_id, list(ids.values()))}
        done = [
            Registration(one, one.entry.sha256 not in stored, rows.get(ids.get(one.entry.sha256)))
            for one in given.candidates
        ]
    ctx.runtime.documents.forget()
    return done


async def retire(ctx: Context, key: UUID) -> Row:
    """Let a document run no more, at once and everywhere; one that was retired before stays as it is. NotFound."""
    return await _set(ctx, key, is_retired=True)


async def restore(ctx: Context, key: UUID) -> Row:
    """Let a retired document run again; NotFound."""
    return await _set(ctx, key, is_retired=False)


async def _set(ctx: Context, key: UUID, *, is_retired: bool) -> Row:
    async with writing(ctx) as writer:
        found = await writer.row(PersistedDocument, key, lock=Lock.CHANGE)
        if (found.retired_at is not None) is not is_retired:
            c = PersistedDocument.__table__.c
            who = ctx.viewer.actor_id if is_retired else None
            values = {"retired_at": func.now() if is_retired else None, "retired_by_id": who}
            query = update(PersistedDocument).where(c.id == key, c.organization_id == ctx.organization_id)
            before = found
            (found,) = await writer.tx.fetch(query.values(**values).returning(*c))
            writer.changed(
                PersistedDocument, key, before={"retired_at": before.retired_at}, after={"retired_at": found.retired_at}
            )
        writer.tell(Event(TOPIC))
    ctx.runtime.documents.forget()
    return found


async def _stored(writer: Writer, candidates: Sequence[Candidate]) -> dict[str, Row]:
    hashes = list({one.entry.sha256 for one in candidates})
    rows = await writer.tx.fetch_sql(_STORED, writer.ctx.organization_id, hashes)
    return {row.sha256: row for row in rows}


async def _conflicts(writer: Writer, candidates: Sequence[Candidate], stored: Mapping[str, Row]) -> list[Refusal]:
    ids = [one.entry.id for one in candidates]
    rows = await writer.tx.fetch_sql(_ALIASES, writer.ctx.organization_id, ids)
    taken = {row.alias: row.sha256 for row in rows}
    found = []
    for one in candidates:
        sha256, row = one.entry.sha256, stored.get(one.entry.sha256)
        if taken.get(one.entry.id, sha256) != sha256:
            found.append(Refusal(one.entry.id, ("This id means another document, which is registered.",), one.name))
        elif row is not None and row.retired_at is not None:
            found.append(Refusal(one.entry.id, ("The document was retired; restore it first.",), one.name))
    return found


async def _add(writer: Writer, new: Sequence[Candidate], schema_sha256: str) -> dict[str, UUID]:
    ids = {one.entry.sha256: uuid7() for one in new}
    ctx = writer.ctx
    await writer.tx.fetch_sql(
        _ADD,
        *(ctx.organization_id, schema_sha256, ctx.viewer.actor_id),
        list(ids.values()),
        *(list(ids), [one.entry.text for one in new], [one.name for one in new], [one.kind for one in new]),
    )
    return ids


async def _link(writer: Writer, client: Client, given: Registering, *, ids: Mapping[str, UUID]) -> None:
    organization = writer.ctx.organization_id
    of = [ids[one.entry.sha256] for one in given.candidates]
    await writer.tx.fetch_sql(_VALID_AGAIN, organization, given.schema_sha256, of)
    aliases = [one.entry.id for one in given.candidates]
    await writer.tx.fetch_sql(_ADD_CLIENT, organization, client.name, client.version, of, aliases)
    await document_versions.forget_old(writer, client.name, of)
    writer.tell(Event(TOPIC))


def _refusal(refused: Sequence[Refusal]) -> InvalidInput:
    told = [{"id": one.id, "name": one.name, "problems": list(one.problems)} for one in refused[:MOST_TOLD]]
    count = "One document is" if len(refused) == 1 else f"{len(refused):,} documents are"
    first = refused[0]
    return InvalidInput(
        f"{count} refused, and none is registered. {first.name or first.id}: {first.problems[0]}",
        documents=told,
        refused=len(refused),
        hint="`documents` tells what is wrong with each.",
    )
