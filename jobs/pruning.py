"""PRUNE: backups that no rule keeps are removed, or those that somebody names."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from connectors.stores.locations import location_of
from jobs.means import destination_of
from jobs.registry import job
from maestro import job_inputs
from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables.enums import JobKind, JobState
from maestro.ids import Kind, encode
from maestro.job_inputs import PruneInput
from maestro.queue.work import SINGLE, JobRun, Work
from ops.backups import records
from ops.backups.pruning import prune
from ops.backups.retention import Held, Rule, Verdict, judge, policy_of

LIVE: Final = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING})
FAILED: Final = frozenset({JobState.FAILED, JobState.CANCELLED})
WHY: Final = {
    Rule.MAKING: "it is being made",
    Rule.PROTECTED: "it is protected",
    Rule.LAST_VERIFIED: "it is the last one that was proved good",
    Rule.LAST: "it is one of the latest",
    Rule.DAYS: "it is not old",
    Rule.DAILY: "it is the last of its day",
    Rule.WEEKLY: "it is the last of its week",
    Rule.MONTHLY: "it is the last of its month",
}
NAMED: Final = "somebody wants it removed"
NO_RULE: Final = "no rule keeps it"


@job(JobKind.PRUNE, queue=SINGLE)
async def prune_backups(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Remove backups; the result tells of each whether it stays and why, and how many bytes were freed."""
    asked = job_inputs.read(PruneInput, given)
    done: dict[str, Any] = await run.step("prune", remove, asked.stored())
    return done


async def remove(work: Work, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the files of the backups that go, and the files of artifacts that no other backup needs."""
    rows = await records.present(work.db)
    named = None if asked["backup_ids"] is None else [UUID(one) for one in asked["backup_ids"]]
    verdicts = {one.id: one for one in _verdicts(work, rows)}
    going = [row for row in rows if (row.id in named if named is not None else not verdicts[row.id].is_kept)]
    if not asked["dry_run"] and named is None:
        await records.expire(work.db, {row.id: _expiry(work, row, verdicts[row.id]) for row in rows})
    freed = await _removed(work, rows, going, is_dry_run=asked["dry_run"])
    told = [_told(row, verdicts[row.id], is_going=row in going, is_named=named is not None) for row in rows]
    return {"isDryRun": asked["dry_run"], "freedBytes": freed, "backups": told}


async def _removed(work: Work, rows: list[Row], going: list[Row], *, is_dry_run: bool) -> int:
    """Remove backups from each store in which some lie, and return how many bytes that has freed."""
    freed = 0
    making = [row.id for row in rows if row.state in LIVE]
    here = location_of(work.settings)
    for location in sorted({row.location or here for row in rows} | {here}):
        gone = [row.id for row in going if (row.location or here) == location]
        async with destination_of(work, location=location) as source:
            receipt = await prune(source.store, gone, making=making, is_dry_run=is_dry_run, progress=work.progress)
        freed += receipt.size_bytes
        if not is_dry_run:
            await records.remove(work.db, gone)
    return freed


def _verdicts(work: Work, rows: list[Row]) -> list[Verdict]:
    # One that has failed has nothing that could be kept.
    whole = [row for row in rows if row.state not in FAILED]
    held = [
        Held(
            id=row.id,
            created_at=row.created_at,
            is_verified=row.verified_at is not None,
            is_protected=row.is_protected,
            is_whole=row.state not in LIVE,
        )
        for row in whole
    ]
    failed = [Verdict(row.id, ()) for row in rows if row.state in FAILED]
    return [*judge(held, policy_of(work.settings), now=now()), *failed]


def _expiry(work: Work, row: Row, verdict: Verdict) -> Any:
    """Return from when on a backup may go by what is known now; None for one that more than its age keeps."""
    if any(rule is not Rule.DAYS for rule in verdict.rules):
        return None
    return row.created_at + timedelta(days=work.settings.backup_keep_days)


def _told(row: Row, verdict: Verdict, *, is_going: bool, is_named: bool) -> dict[str, Any]:
    why = WHY[verdict.rules[0]] if verdict.rules else NO_RULE
    return {
        "id": encode(Kind.Backup, row.id),
        "createdAt": row.created_at.isoformat(),
        "isKept": not is_going,
        "why": NAMED if is_going and is_named else why,
    }
