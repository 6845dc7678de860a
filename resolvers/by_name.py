"""Objects by the names that people type, for commands."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from maestro.db.rows import Row
from maestro.documents.ids import plain
from maestro.errors import InvalidInput, NotFound
from maestro.ids import Kind, encode, uuid_of
from maestro.invocation import command
from resolvers.context import Context

_PROJECTS: Final = (
    "SELECT id, slug AS name FROM project WHERE organization_id = $1 AND slug = ANY($2) AND deleted_at IS NULL"
)
_ACCOUNTS: Final = "SELECT id, name FROM service_account WHERE organization_id = $1 AND name = ANY($2)"
_KEYS: Final = """
    SELECT id, prefix AS name FROM api_key WHERE organization_id = $1 AND starts_with(prefix, $2) AND revoked_at IS NULL
"""
_DOCUMENTS: Final = """
    SELECT DISTINCT d.id FROM document d LEFT JOIN document_client c ON c.document_id = d.id
    WHERE d.organization_id = $1 AND (c.alias = $2 OR starts_with(d.sha256, $2))
"""

_ENDS: Final = """
    SELECT id FROM {table} WHERE organization_id = $1 AND replace(id::text, '-', '') LIKE '%' || $2
    ORDER BY id DESC LIMIT 2
"""
LATEST: Final = "latest"
_NEWEST: Final = """
    SELECT id FROM backup WHERE organization_id = $1 AND kind = 'FULL' AND state IN ('SUCCEEDED', 'PARTIAL')
        AND removed_at IS NULL{more} ORDER BY created_at DESC, id DESC LIMIT 1
"""
_COMPLETE: Final = _NEWEST.format(more="")
_PROVED: Final = _NEWEST.format(more=" AND verified_at IS NOT NULL")
_DONE: Final = """
    SELECT id FROM restore WHERE organization_id = $1 AND state = 'SUCCEEDED' AND NOT is_dry_run
    ORDER BY created_at DESC, id DESC LIMIT 1
"""
_SCHEDULES: Final = "SELECT id, name FROM job_schedule WHERE organization_id = $1 AND name = ANY($2)"
_CONNECTORS: Final = (
    "SELECT id, name FROM connector WHERE organization_id = $1 AND name = ANY($2) AND deleted_at IS NULL"
)
_ENDING: Final = re.compile("[0-9a-f]{1,32}")


async def project_ids(ctx: Context, slugs: Sequence[str]) -> list[str]:
    """Return the ids of projects outside the trash; NotFound."""
    found = await _found(ctx, _PROJECTS, slugs, noun="project with the slug")
    return [encode(Kind.Project, found[slug]) for slug in slugs]


async def project_id(ctx: Context, text: str) -> str:
    """Return the id of the project outside the trash that has a slug, or whose id it is; NotFound."""
    if text.startswith(f"{Kind.Project.value}_"):
        uuid_of(Kind.Project, text)
        return text
    return (await project_ids(ctx, [text]))[0]


async def service_account_id(ctx: Context, name: str) -> str:
    """Return the id of a service account; NotFound."""
    return encode(
        Kind.ServiceAccount, (await _found(ctx, _ACCOUNTS, [name], noun="service account with the name"))[name]
    )


async def api_key_id(ctx: Context, text: str) -> str:
    """Return the id of the key that begins with a text, or whose id it is; NotFound, InvalidInput for several keys."""
    if text.startswith(f"{Kind.ApiKey.value}_"):
        uuid_of(Kind.ApiKey, text)
        return text
    rows: list[Row] = await ctx.db.fetch_sql(_KEYS, ctx.organization_id, text)
    if not rows:
        raise NotFound(
            "There is no API key in use that begins so.", hint="`python -m app key list` shows how they begin."
        )
    if len(rows) > 1:
        raise InvalidInput(f"{len(rows)} API keys begin so.", hint="Type more of it, or its id.")
    return encode(Kind.ApiKey, rows[0].id)


async def document_id(ctx: Context, text: str) -> str:
    """Return the id of the document whose hash begins with a text, or that requests name so, or whose id it is.

    NotFound, InvalidInput for several documents.
    """
    if text.startswith(f"{Kind.PersistedDocument.value}_"):
        uuid_of(Kind.PersistedDocument, text)
        return text
    rows: list[Row] = await ctx.db.fetch_sql(_DOCUMENTS, ctx.organization_id, plain(text))
    if not rows:
        raise NotFound("There is no such document.", hint="`python -m app persist list --all` shows all of them.")
    if len(rows) > 1:
        raise InvalidInput(f"{len(rows)} documents begin so.", hint="Type more of the hash.")
    return encode(Kind.PersistedDocument, rows[0].id)


async def job_id(ctx: Context, text: str) -> str:
    """Return the id of the job whose id ends with a text, or is it; NotFound, InvalidInput for several jobs."""
    return await _by_ending(ctx, Kind.Job, text)


async def backup_id(ctx: Context, text: str, *, is_proved: bool = False) -> str:
    """Return the id of the backup whose id ends with a text, or is it.

    `latest` is the newest one that is complete, and with `is_proved` the newest that was proved good. NotFound,
    InvalidInput for several backups.
    """
    if text == LATEST:
        return await _newest(ctx, Kind.Backup, _PROVED if is_proved else _COMPLETE)
    return await _by_ending(ctx, Kind.Backup, text)


async def restore_id(ctx: Context, text: str) -> str:
    """Return the id of the restore whose id ends with a text, or is it, and of the last that was done for `latest`.

    NotFound, InvalidInput for several restores.
    """
    return await _newest(ctx, Kind.Restore, _DONE) if text == LATEST else await _by_ending(ctx, Kind.Restore, text)


async def profile_id(ctx: Context, text: str) -> str:
    """Return the id of the profile whose id ends with a text, or is it; NotFound, InvalidInput for several."""
    return await _by_ending(ctx, Kind.Profile, text)


async def schedule_id(ctx: Context, text: str) -> str:
    """Return the id of the schedule that has a name, or whose id it is; NotFound."""
    if text.startswith(f"{Kind.JobSchedule.value}_"):
        uuid_of(Kind.JobSchedule, text)
        return text
    return encode(Kind.JobSchedule, (await _found(ctx, _SCHEDULES, [text], noun="schedule with the name"))[text])


async def connector_id(ctx: Context, text: str) -> str:
    """Return the id of the connector that has a name, or whose id it is; NotFound."""
    if text.startswith(f"{Kind.Connector.value}_"):
        uuid_of(Kind.Connector, text)
        return text
    return encode(Kind.Connector, (await _found(ctx, _CONNECTORS, [text], noun="connector with the name"))[text])


async def sync_plan_id(ctx: Context, text: str) -> str:
    """Return the id of the plan of a sync whose id ends with a text, or is it; NotFound, InvalidInput for several."""
    return await _by_ending(ctx, Kind.SyncPlan, text, listing="sync plans")


async def sync_run_id(ctx: Context, text: str) -> str:
    """Return the id of the sync whose id ends with a text, or is it; NotFound, InvalidInput for several."""
    return await _by_ending(ctx, Kind.SyncRun, text, listing="sync list")


async def _newest(ctx: Context, kind: Kind, sql: str) -> str:
    rows = await ctx.db.fetch_sql(sql, ctx.organization_id)
    if not rows:
        raise NotFound(f"There is no {kind.value} yet.", hint=f"{command(f'{kind.value} list')} shows what there is.")
    return encode(kind, rows[0].id)


async def _by_ending(ctx: Context, kind: Kind, text: str, *, listing: str | None = None) -> str:
    if text.startswith(f"{kind.value}_"):
        uuid_of(kind, text)
        return text
    rows, noun = list[Row](), kind.value.replace("_", " ")
    if _ENDING.fullmatch(text.lower()):
        rows = await ctx.db.fetch_sql(_ENDS.format(table=kind.value), ctx.organization_id, text.lower())
    if not rows:
        raise NotFound(
            f"There is no {noun} whose id ends with {text!r}.",
            hint=f"{command(listing or f'{kind.value} list')} shows them.",
        )
    if len(rows) > 1:
        raise InvalidInput(f"The ids of several {noun}s end with {text!r}.", hint="Type more of it.")
    return encode(kind, rows[0].id)


async def _found(ctx: Context, sql: str, names: Sequence[str], *, noun: str) -> dict[str, UUID]:
    found = {row.name: row.id for row in await ctx.db.fetch_sql(sql, ctx.organization_id, list(names))}
    missing = [name for name in names if name not in found]
    if missing:
        raise NotFound(f"There is no {noun} {missing[0]!r}.")
    return found
