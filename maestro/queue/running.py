"""Running one job: its row begun, its steps run and tried again, its end written and told."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Any, Final
from uuid import UUID

from maestro import log_context, tracing
from maestro.db.engine import Database
from maestro.db.patience import patiently
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.db.tables.enums import JobState
from maestro.errors import CrashedTooOften, PartlyDone, Unavailable
from maestro.queue import durable, records
from maestro.queue.failures import error_of, failure_of, plain
from maestro.queue.records import Attempt, Outcome, Verdict
from maestro.queue.reports import Reports
from maestro.queue.work import Ended, Follower, JobSpec, Partial, Step, Work
from maestro.settings import Settings
from maestro.spans import ERROR, SpanKind, Value, spanned
from maestro.telemetry import jobs as families
from maestro.vault import Vault

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all jobs of a worker are run with; `db` belongs to the loop that they run on."""

    settings: Settings
    db: Database
    vault: Vault
    owner_url: str | None
    worker: str
    jobs: Mapping[str, JobSpec]
    followers: Sequence[Follower]
    reports: Reports


class Run:
    """One run of a job, as its function sees it: a `JobRun`."""

    def __init__(self, attempt: Attempt, organization_id: UUID, around: Surroundings) -> None:
        self.this = attempt
        self.job_id = attempt.job_id
        self.attempt = attempt.number
        self.organization_id = organization_id
        self._around = around
        self.work: Work
        self.kind = ""

    async def step(self, name: str, function: Step, /, *arguments: Any) -> Any:
        """Run a step unless it has been run already, and return its result or raise its error."""
        kept = await durable.step(name, lambda: self._tried(name, function, arguments))
        if "failure" in kept:
            raise error_of(kept["failure"])
        return kept["value"]

    async def event(self, level: str, message: str, **details: Any) -> None:
        """Add an event to the job's history, once."""

        async def write() -> dict[str, Any]:
            await self.tell(level, message, **details)
            return {}

        await durable.step("event", write)

    async def tell(self, level: str, message: str, **details: Any) -> None:
        """Add an event from within a step; whoever runs the step again adds it again."""

        async def write() -> None:
            async with self._around.db.transaction() as tx:
                await records.add_event(tx, self.job_id, level, message, plain(details))

        try:
            await patiently(write)
        except (*CONNECTION_LOST, StatementFailed):
            logger.warning("An event of the job %s was not written: %s", self.job_id, message, exc_info=True)

    async def _tried(self, name: str, function: Step, arguments: Sequence[Any]) -> dict[str, Any]:
        settings = self._around.settings
        for number in count(1):
            try:
                told: dict[str, Value] = {"maestro.job.kind": self.kind, "maestro.job.step": name}
                with spanned(f"step {name}", told | {"maestro.job.try": number}):
                    value = plain(await function(self.work, *arguments))
            except Exception as error:  # noqa: BLE001 -- whatever a step raises is what the job has to deal with
                failure = failure_of(error)
            else:
                families.STEPS.add((self.kind, "done"))
                return {"value": value}
            is_last = not failure["isRetryable"] or number >= settings.job_attempts
            families.STEPS.add((self.kind, "failed" if is_last else "retried"))
            families.FAILURES.add((self.kind, failure["code"]))
            if is_last:
                return {"failure": failure}
            pause = pause_before(number, settings.job_backoff.total_seconds())
            await self.tell(
                "WARNING",
                f"The step {name!r} has failed and is tried again: {failure['message']}",
                code=failure["code"],
                tried=number,
                of=settings.job_attempts,
                pauseSeconds=pause,
            )
            await asyncio.sleep(pause)
        raise AssertionError


def pause_before(number: int, first_s: float) -> float:
    """Return the pause before a step is tried again for the nth time: doubled each time, give or take a quarter."""
    longest: float = min(first_s * 2.0 ** (number - 1), LONGEST_PAUSE_S)
    return round(longest * random.uniform(0.75, 1.25), 3)  # noqa: S311 -- no secret


async def run_job(around: Surroundings, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run a job as the queue has kept it, and return how it has ended, to be kept as well."""
    attempt = Attempt(UUID(given["id"]), given["attempt"], around.worker)
    run = Run(attempt, UUID(given["organization_id"]), around)
    run.kind = given["kind"]
    log_context.work_on(run.organization_id, run.job_id)
    tracing.begin()
    # However long it takes: to give up would be to fail a job that has done nothing wrong.
    verdict, before = await patiently(
        lambda: records.begin(around.db, attempt, most_crashes=around.settings.job_crashes), patience_s=inf
    )
    report = around.reports.open(attempt, before)
    run.work = Work(
        job_id=attempt.job_id,
        organization_id=run.organization_id,
        settings=around.settings,
        db=around.db,
        vault=around.vault,
        progress=report,
        event=run.tell,
        owner_url=around.owner_url,
    )
    try:
        return await _counted(run, _carried_out(around, run, given, verdict=verdict), origin=given.get("traceparent"))
    finally:
        around.reports.close(attempt)


async def _counted(run: Run, running: Awaitable[dict[str, Any]], *, origin: str | None) -> dict[str, Any]:
    told: dict[str, Value] = {
        "maestro.job.kind": run.kind,
        "maestro.job.id": run.job_id.hex,
        "maestro.job.attempt": run.attempt,
    }
    with spanned(f"job {run.kind}", told, kind=SpanKind.CONSUMER, link=origin) as found:
        ended = await _counted_only(run.kind, running)
        found["maestro.job.state"] = ended["state"]
        if ended["state"] == JobState.FAILED:
            found[ERROR] = (ended.get("failure") or {}).get("code", JobState.FAILED.value)
        return ended


async def _counted_only(kind: str, running: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    key, began = (kind,), time.perf_counter()
    families.STARTED.add(key)
    families.RUNNING.add(1, key)
    try:
        ended = await running
    except durable.Cancelled:
        families.ENDED.add((kind, JobState.CANCELLED.value))
        raise
    else:
        families.ENDED.add((kind, ended["state"]))
        return ended
    finally:
        families.RUNNING.add(-1, key)
        families.DURATION.observe(time.perf_counter() - began, key)


async def _carried_out(around: Surroundings, run: Run, given: Mapping[str, Any], *, verdict: Verdict) -> dict[str, Any]:
    if verdict is Verdict.LEAVE:
        outcome = Outcome(JobState.CANCELLED)
        await _end(around, run, outcome)
        return outcome.plain()
    try:
        outcome = await _outcome(around, run, given) if verdict is Verdict.RUN else _crashed()
    except durable.Cancelled:
        outcome = Outcome(JobState.CANCELLED)
        if await _end(around, run, outcome):
            await _follow(around.followers, run.work, _ended(run, given, outcome))
        raise
    await _end(around, run, outcome)

    async def follow() -> dict[str, Any]:
        await _follow(around.followers, run.work, _ended(run, given, outcome))
        return {}

    if around.followers:
        await durable.step("follow", follow)
    return outcome.plain()


def _crashed() -> Outcome:
    error = CrashedTooOften(
        "The worker has died too often while it ran this job.",
        hint="Look into the log of the workers and of the system, such as for memory that ran out, then try it again.",
    )
    return Outcome(JobState.FAILED, failure=failure_of(error))


async def _outcome(around: Surroundings, run: Run, given: Mapping[str, Any]) -> Outcome:
    spec = around.jobs.get(given["kind"])
    if spec is None:
        return Outcome(JobState.FAILED, failure=failure_of(Unavailable("No worker of this version does such jobs.")))
    try:
        found = await spec.function(run, given["input"])
    except Exception as error:  # noqa: BLE001 -- whatever a job raises is how it ends
        return Outcome(JobState.FAILED, failure=failure_of(error))
    if isinstance(found, Partial):
        return Outcome(JobState.PARTIAL, plain(found.result), failure_of(PartlyDone(found.message)))
    return Outcome(JobState.SUCCEEDED, plain(found))


async def _end(around: Surroundings, run: Run, outcome: Outcome) -> bool:
    """Write the end; when that is not to be done, the queue still knows it, and whoever reconciles writes it."""
    last = around.reports.end(run.this)
    try:
        return await patiently(lambda: records.finish(around.db, run.this, outcome, last=last))
    except (*CONNECTION_LOST, StatementFailed):
        logger.exception("The end of the job %s was not written", run.job_id)
        return False


def _ended(run: Run, given: Mapping[str, Any], outcome: Outcome) -> Ended:
    failure = outcome.failure or {}
    return Ended(
        job_id=run.job_id,
        organization_id=run.organization_id,
        kind=given["kind"],
        state=outcome.state.value,
        input=given["input"],
        result=outcome.result,
        error_code=failure.get("code"),
        error_message=failure.get("message"),
    )


async def _follow(followers: Sequence[Follower], work: Work, ended: Ended) -> None:
    for follower in followers:
        try:
            await follower(work, ended)
        except Exception:
            logger.exception("A follower of the job %s has failed", ended.job_id)
