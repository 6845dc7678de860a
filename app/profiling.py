"""What a process that has the schema can be profiled for, and for how long it listens."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from app.graphql.refusals import Refused
from app.graphql.running import IsSubscription, Outcome, Runner
from app.process_profiles import TAKERS, taker
from maestro.db.rows import Row
from maestro.db.tables.enums import ProfileKind
from maestro.effort import within
from maestro.errors import ProfileFailed
from maestro.profiles import ProcessRole, Question, process_name
from maestro.requests import OperationRequest
from maestro.runtime import Runtime
from ops.profiling.agent import Agent, Process
from ops.profiling.files import Found, json_file, text_file
from ops.profiling.statements import MS, Recording, as_text, explained
from resolvers.context import Context
from schema import schema

QUERIES: Final = "GET"
"""The method by which nothing but queries is run."""


@asynccontextmanager
async def profiled(runtime: Runtime, role: ProcessRole) -> AsyncIterator[None]:
    """Let this process be profiled during the block."""

    async def statements(row: Row) -> Found:
        question = runtime.questions.take(row.id)
        if question is None:
            raise ProfileFailed("The operation is not known here any more.", hint="Start the profile anew.")
        return await _statements(runtime, question)

    takers = {**TAKERS, ProfileKind.OPERATIONS: taker(ProfileKind.OPERATIONS), ProfileKind.STATEMENTS: statements}
    agent = Agent(runtime.db, runtime.events, process=Process(process_name(), role), takers=takers)
    async with agent.listening():
        yield


async def _statements(runtime: Runtime, question: Question) -> Found:
    """Run a query as whoever asked for it, and tell of its statements."""
    asker: Context = question.asker
    # What is kept of answers would hide what they cost.
    ctx = Context(replace(runtime, cache=None), asker.viewer, credentials=asker.credentials, client=asker.client)
    await ctx.still_permitted_here()
    recording = Recording()
    with within(recording):
        outcome = await _run(ctx, question)
    found = await explained(runtime.db, recording)
    pages = [one["buffers"] for one in found if "buffers" in one]
    buffers = {name: sum(one[name] for one in pages) for name in ("hit", "read")}
    summary: dict[str, Any] = {
        "operation": ctx.operation_name,
        "statements": recording.statements,
        "batches": recording.batches,
        "sql_ms": round(recording.sql_seconds * MS, 3),
        "errors": _codes(outcome.answer),
        "buffers": buffers,
        "overhead": {"what": "each statement was run once more, to be explained"},
    }
    told = (
        f"{ctx.operation_name or 'The operation'}: {recording.statements} statements in {summary['sql_ms']} ms, for "
        f"{recording.batches} batches of loaders; {buffers['hit']:,} pages were in memory, "
        f"{buffers['read']:,} were read."
    )
    files = [
        text_file("statements.txt", as_text(told, found)),
        json_file("statements.json", {**summary, "list": found}),
    ]
    return Found(summary, files)


async def _run(ctx: Context, question: Question) -> Outcome:
    asked = OperationRequest(
        text=question.document, variables=question.variables, operation_name=question.operation_name
    )
    try:
        outcome = await Runner(schema).run(ctx, asked, method=QUERIES)
    except (Refused, IsSubscription) as error:
        raise ProfileFailed("Nothing but a query is run once more.") from error
    if "data" not in outcome.answer:
        # A message may hold values, and a job's error is read by many.
        codes = ", ".join(_codes(outcome.answer)) or "no code"
        raise ProfileFailed(f"The operation was refused: {codes}.", hint="Send it by itself to read why.")
    return outcome


def _codes(answer: Mapping[str, Any]) -> list[str]:
    """Return the codes of the errors in an answer, each once."""
    errors = answer.get("errors") or ()
    return sorted({str((error.get("extensions") or {}).get("code", "INTERNAL_SERVER_ERROR")) for error in errors})
