"""What goes over from the present database to the one that takes its place: jobs, what is out, and a word in the log.

A restore brings data back. The work of the server itself goes on: its jobs, schedules, backups and channels are those
of now, since a job that the backup saw running must not run again, and the restore is a job too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.cache.tags import CacheTag
from maestro.cache.versions import EVERYBODY
from ops.restores.copying import Passage
from ops.restores.revoking import keep_revoked

OPERATIONAL: Final = ("job_schedule", "job", "job_event", "backup", "restore", "notification_channel")
"""The tables of the server's own work, each after those that it refers to."""
OF_THE_SERVER: Final[Mapping[str, str]] = {
    "job": "organization_id = {home}, idempotency_key = NULL, schedule_id = NULL",
    "job_event": "organization_id = {home}",
    "backup": "organization_id = {home}",
    "restore": "organization_id = {home}",
}
"""What a new server knows of its own backups and restores moves to the first organisation of the backup."""
RESTORED: Final = "restore"
ROLLED_BACK: Final = "rollbackRestore"
OPERATOR: Final = "the server's operator"

_ORGANIZATIONS: Final = "SELECT id FROM organization ORDER BY created_at, id"
_ANSWERS: Final = """
    SELECT organization_id, key, operation, input_hash, result_id, created_at FROM idempotency_key
    WHERE organization_id = ANY($1) AND result_id IN (
        SELECT id FROM job UNION ALL SELECT id FROM job_schedule UNION ALL SELECT id FROM backup
        UNION ALL SELECT id FROM restore UNION ALL SELECT id FROM notification_channel
    )
"""
_KEEP_ANSWER: Final = """
    INSERT INTO idempotency_key (organization_id, key, operation, input_hash, result_id, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, key) DO UPDATE SET operation = excluded.operation,
        input_hash = excluded.input_hash, result_id = excluded.result_id, created_at = excluded.created_at
"""
# The queue knows nothing of them, and what they were about to do was done long ago or is not wanted any more.
_STRANDED: Final = """
    UPDATE job SET state = 'CANCELLED', ended_at = now(), dispatched_at = coalesce(dispatched_at, now()),
        error_message = 'It was under way when the backup was made, and was ended by the restore.',
        updated_at = now(), version = version + 1
    WHERE state IN ('QUEUED', 'RUNNING', 'CANCELLING') AND organization_id <> ALL($1) AND id <> ALL($2)
"""
_HEADS: Final = "SELECT organization_id, seq || ':' || encode(hash, 'hex') AS head FROM audit_head"
_TOLD: Final = """
    SELECT organization_id FROM audit_entry WHERE operation = $1 AND target_id = $2
        AND before->>'auditHead' IS NOT DISTINCT FROM $3::jsonb->>organization_id::text
"""
_TELL: Final = """
    INSERT INTO audit_entry (id, organization_id, actor_id, actor_kind, actor_label, operation, target_type, target_id,
        is_allowed, reason, before, after)
    VALUES ($1, $2, $3, $4, $5, $6, 'Restore', $7, true, $8, $9, $10)
"""
_REASON: Final = (
    "The database was exchanged for another one; what was logged since is in the database that was replaced."
)
_VERSIONS: Final = "SELECT tag, max(version) AS version FROM data_version GROUP BY tag"
# No version comes again that has stood for other data, in neither of the two databases.
_MOVE_ON: Final = """
    INSERT INTO data_version AS known (organization_id, tag, version)
    SELECT $1, tag, greatest(least + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    FROM unnest($2::text[], $3::bigint[]) AS given (tag, least) ORDER BY tag
    ON CONFLICT (organization_id, tag) DO UPDATE SET version = greatest(known.version + 1, excluded.version)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """On which occasion one database takes the place of another: told in the audit log of each organisation."""

    restore_id: UUID
    operation: str = RESTORED
    actor_id: UUID | None = None
    actor_kind: str | None = None
    actor_label: str = OPERATOR
    """Who did it; told in the first organisation alone, since the others do not know them."""
    details: Mapping[str, Any] | None = None
    """What the log should say of it, such as the id of the backup and its time."""
    since: datetime | None = None
    """On the way back: when the database that comes back was replaced."""


@dataclass(slots=True)
class Carrying:
    """Carries everything over; the `carry` of a swap."""

    occasion: Occasion
    _mark: int | None = field(default=None, init=False)
    """What was carried over before is older than this."""

    async def __call__(self, present: Any, coming: Any, *, is_last: bool) -> None:
        """Make the coming database fit to take the place of the present one; the last time in all its parts."""
        between = Passage(present, coming)
        async with present.transaction(isolation="repeatable_read", readonly=True), coming.transaction():
            known = [row.id for row in await present.fetch(_ORGANIZATIONS)]
            there = [row.id for row in await coming.fetch(_ORGANIZATIONS)]
            shared = [key for key in known if key in frozenset(there)]
            mark = await between.watermark()
            await carry_work(between, shared, mark=self._mark if is_last else None)
            moved = []
            if known and there and known[0] not in shared:
                moved = await carry_home(between, known[0], there[0])
            await coming.execute(_STRANDED, shared, moved)
            if is_last:
                await keep_revoked(between, since=self.occasion.since)
                await move_versions(between)
                await tell(between, self.occasion, there)
        self._mark = None if is_last else mark


async def carry_work(between: Passage, organizations: Sequence[UUID], *, mark: int | None = None) -> None:
    """Make the server's own work in some organisations what it is in the present database.

    After it was done before, only what is newer than a watermark of then is looked at.
    """
    differences = {
        table: await between.differing(table, organizations)
        if mark is None
        else await between.newer(table, organizations, mark=mark)
        for table in OPERATIONAL
    }
    for table in reversed(OPERATIONAL):
        await between.remove(table, differences[table][1])
    for table in OPERATIONAL:
        await between.bring(table, differences[table][0])
    answers = await between.present.fetch(_ANSWERS, organizations)
    await between.coming.executemany(_KEEP_ANSWER, [tuple(row) for row in answers])


async def carry_home(between: Passage, old: UUID, new: UUID) -> list[UUID]:
    """Move what a new server knows of its backups from its first organisation to that of the coming database.

    A server that was just set up has a first organisation of its own, which the backup does not have; the restore that
    it runs would be lost with it. Return the ids of the jobs that were moved.
    """
    moved: list[UUID] = []
    for table, change in OF_THE_SERVER.items():
        keys, _ = await between.differing(table, [old])
        await between.bring(table, keys, changed=change.format(home=f"'{new}'"))
        moved = keys if table == "job" else moved
    return moved


async def move_versions(between: Passage) -> None:
    """Let nothing that any process keeps of the present database be taken for still so."""
    found = {row.tag: row.version for row in await between.present.fetch(_VERSIONS)}
    tags = sorted({tag.value for tag in CacheTag} | found.keys())
    await between.coming.execute(_MOVE_ON, EVERYBODY, tags, [found.get(tag, 0) for tag in tags])


async def tell(between: Passage, occasion: Occasion, organizations: Sequence[UUID]) -> None:
    """Append to each organisation's log that its data was exchanged, and where the log of the present database ends."""
    heads = {str(row.organization_id): row.head for row in await between.present.fetch(_HEADS)}
    done = {row[0] for row in await between.coming.fetch(_TOLD, occasion.operation, occasion.restore_id, heads)}
    target, after = occasion.restore_id, dict(occasion.details or {})
    entries = []
    for organization in organizations:
        who = _who(occasion, is_first=organization == organizations[0])
        end = _end(heads.get(str(organization)))
        entries.append((uuid7(), organization, *who, occasion.operation, target, _REASON, end, after))
    entries = [entry for entry in entries if entry[1] not in done]
    await between.coming.executemany(_TELL, entries)


def _who(occasion: Occasion, *, is_first: bool) -> tuple[UUID | None, str | None, str]:
    if not is_first:
        return None, None, OPERATOR
    return occasion.actor_id, occasion.actor_kind, occasion.actor_label


def _end(head: str | None) -> dict[str, str] | None:
    return None if head is None else {"auditHead": head}
