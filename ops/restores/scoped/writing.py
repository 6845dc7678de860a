"""Writing a copy: every row and its place in the log in one transaction, which shows all of it or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.access.door import TOPIC
from maestro.db import blobs
from maestro.db.engine import Transaction
from maestro.db.rows import UniqueViolation
from maestro.db.tables.enums import ActorKind, Role
from maestro.events import Event, publish
from ops.restores.scoped import checking, counting, files
from ops.restores.scoped.catalogue import PROJECT, table_of
from ops.restores.scoped.checking import Growth
from ops.restores.scoped.counting import Counted
from ops.restores.scoped.results import Files
from ops.restores.scoped.route import Route
from ops.restores.scoped.scope import BLOB
from ops.restores.scoped.selection import Renamed, Selection
from ops.restores.scoped.streaming import stream, watched

_BIND: Final = "SELECT set_config('maestro.organization', $1, true)"
_STAGE: Final = "CREATE TEMPORARY TABLE copied_blob (LIKE blob) ON COMMIT DROP"
_KEEP: Final = "INSERT INTO blob SELECT * FROM copied_blob ON CONFLICT DO NOTHING"
_RENAME: Final = "UPDATE project SET name = $2, slug = $3 WHERE id = $1"
_OWN: Final = """
    INSERT INTO membership (id, organization_id, user_id, role, created_by_id) VALUES ($1, $2, $3, $4, $3)
"""
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_RECORD: Final = """
    INSERT INTO audit_entry (id, organization_id, actor_id, actor_kind, actor_label, operation, target_type, target_id,
        is_allowed, after)
    SELECT $1, $2, u.id, $4, coalesce(nullif(u.email, ''), u.name), $5, $6, $7, true, $8 FROM "user" u WHERE u.id = $3
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be copied, and how much of it there is."""

    route: Route
    counted: Counted
    found: Files
    growth: Growth

    @property
    def selection(self) -> Selection:
        """How rows of the one end become those of the other."""
        return self.route.selection


async def write(work: Work) -> dict[str, str]:
    """Write every row, compare it with what it was made from, and return a checksum by table.

    NameTaken and QuotaExceeded for what has changed meanwhile, VerificationFailed.
    """
    into = work.selection.into
    async with work.route.target.transaction() as tx:
        # Versions are counted for this organisation alone, and at the end: until then nobody waits for this.
        await tx.fetch_sql(_BIND, str(into.organization_id))
        await blobs.hold(tx, into.organization_id)
        await files.replace_vanished(work.route)
        await _copy_rows(work, tx)
        if work.selection.is_project:
            await _name_project(work, tx)
        work.route.progress("Comparing rows")
        sums = await counting.verify(work.route, tx, work.counted.rows)
        if not work.selection.is_project:
            await _found_organization(work, tx)
        await _record(work, tx)
    return sums


async def _copy_rows(work: Work, tx: Transaction) -> None:
    total, done = work.counted.total, 0
    for table in work.selection.tables:
        work.route.progress("Copying rows", done, total, unit="rows")
        columns = [column.name for column in table_of(table).c]
        # A name in an index would make whoever wants the same one wait until all of this is done.
        hidden = _hidden(work.selection) if table == PROJECT and work.selection.is_project else None
        query = work.selection.query(table, hidden)
        if table == BLOB:
            await tx.fetch_sql(_STAGE)
        async with watched(work.route.target, tx, work.route.progress, done=done, total=total):
            place = "copied_blob" if table == BLOB else table
            done += await stream(work.route.source, tx, query, table=place, columns=columns)
        if table == BLOB:
            await tx.fetch_sql(_KEEP)
    work.route.progress("Copying rows", total, total, unit="rows")


def _hidden(selection: Selection) -> Renamed:
    """Return a name that nobody else wants, for as long as the project is not complete."""
    return Renamed(str(selection.into.project_id), str(selection.into.project_id))


async def _name_project(work: Work, tx: Transaction) -> None:
    """Give the project its name and see once more that it fits into the organisation."""
    into, renamed = work.selection.into, work.selection.renamed
    for conflict in await checking.project_conflicts(tx, work.selection):
        raise conflict
    try:
        await tx.fetch_sql(_RENAME, into.project_id, renamed.name, renamed.slug)
    except UniqueViolation as error:
        raise checking.name_taken(work.selection, "slug" if "slug" in str(error) else "name") from None
    for conflict in await checking.quota_conflicts(tx, into.organization_id, work.growth, is_in=True):
        raise conflict


async def _found_organization(work: Work, tx: Transaction) -> None:
    """Give the organisation to whoever restores it."""
    into, person = work.selection.into, work.route.wanted.restorer_id
    await tx.fetch_sql(_ONE_AT_A_TIME, f"organizations of {person}")
    for conflict in await checking.organization_conflicts(tx, person, work.selection):
        raise conflict
    await tx.fetch_sql(_OWN, uuid7(), into.organization_id, person, Role.OWNER)
    await publish(tx, [Event(TOPIC)])


async def _record(work: Work, tx: Transaction) -> None:
    """Tell the log of the organisation where the copy came from; of a new one this is the first entry."""
    scope, into, renamed = work.selection.scope, work.selection.into, work.selection.renamed
    noun = "Project" if work.selection.is_project else "Organization"
    key: UUID = into.project_id or into.organization_id
    after: Mapping[str, Any] = {
        "name": renamed.name,
        "slug": renamed.slug,
        "copyOf": str(scope.project_id or scope.organization_id),
        **work.route.wanted.origin,
    }
    actor = work.route.wanted.restorer_id, ActorKind.USER.value
    await tx.fetch_sql(_RECORD, uuid7(), into.organization_id, *actor, f"restore{noun}", noun, key, after)
