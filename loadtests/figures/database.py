"""How many statements the common queries cost, and how long PostgreSQL works on them, on a generated organisation."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np

from app.database import database
from app.server import opened
from loadtests.figures.ingest import EXPERIMENT, LOG, PROJECT, RUN
from loadtests.figures.results import Figure
from loadtests.figures.server import command
from maestro.access import SignInMethod, Viewer, grants_of
from maestro.db.engine import Database
from maestro.db.tables.enums import Role
from maestro.runtime import Runtime
from maestro.settings import Settings
from ops.compaction import compact
from resolvers.context import Context
from resolvers.setup import ensure_owner
from schema import schema

RUNS: Final = 100_000
LONG: Final = 1_000_000
ROUNDS: Final = 7
BATCH: Final = 20_000
PAGE: Final = """query ($filter: RunFilter) { runs(first: 20, filter: $filter) { nodes {
  name params { key value } metricSummaries { key { name } last } createdBy { name } } } }"""
WIDE: Final = """query ($filter: RunFilter) { runs(first: 1000, filter: $filter) { nodes {
  id number name status startedAt endedAt durationMs createdAt updatedAt version } } }"""
SEARCH: Final = """query { runs(
  first: 20, filterText: "metrics.accuracy > 0.9", sort: [{ metric: "accuracy", direction: DESC }]
) { nodes { id } } }"""
SORTED: Final = """query { runs(
  first: 20, sort: [{ metric: "accuracy", direction: DESC }]
) { nodes { id } } }"""
SAMPLED: Final = """query ($id: ID!) { run(id: $id) {
  series { sampled(buckets: 500) { x min max mean exact coverage } } } }"""
WORDS: Final = """query { runs(first: 20, filterText: "text MATCHES 'run-00777'") { nodes { id } } }"""
NEWEST: Final = "query { runs(first: 50) { nodes { id name } } }"


async def _owner(runtime: Runtime) -> Viewer:
    owner = await ensure_owner(runtime.db)
    grants = grants_of([(Role.OWNER, None)])
    return Viewer(owner.user_id, owner.organization_id, "Owner", None, SignInMethod.SESSION, grants)


async def _recorded(ctx: Context, query: str) -> tuple[int, list[tuple[str, tuple[Any, ...]]]]:
    """Run an operation and return how many statements it took, and those that read."""
    seen: list[tuple[str, tuple[Any, ...]]] = []
    plain = ctx.db.fetch_sql

    async def fetch(sql: str, /, *arguments: Any) -> Any:
        seen.append((sql, arguments))
        return await plain(sql, *arguments)

    ctx.db.fetch_sql = fetch  # type: ignore[method-assign] # only here, to see what is asked
    try:
        before = ctx.db.statements_run
        await ask(ctx, query)
    finally:
        del ctx.db.fetch_sql
    return ctx.db.statements_run - before, seen


async def _database_ms(db: Database, statements: list[tuple[str, tuple[Any, ...]]]) -> float:
    """Return the median time that PostgreSQL works on statements, as EXPLAIN ANALYZE tells it."""
    totals = []
    for _ in range(ROUNDS):
        total = 0.0
        for sql, arguments in statements:
            (row,) = await db.fetch_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *arguments)
            total += row[0][0]["Planning Time"] + row[0][0]["Execution Time"]
        totals.append(total)
    return statistics.median(totals)


def measure(folder: Path, runs: int = RUNS) -> list[Figure]:
    """Generate the organisation if the folder has none, and ask the common questions."""
    command(folder, "seed", "--if-empty", "--scale", str(runs))
    settings = Settings(data_dir=folder)

    async def work(url: str) -> list[Figure]:
        async with opened(settings, url) as runtime:
            return [*await _reads(runtime, runs), *await _long_series(runtime)]

    with database(settings) as url:
        return asyncio.run(work(url))


async def _reads(runtime: Runtime, runs: int) -> list[Figure]:
    ctx = Context(runtime, await _owner(runtime))
    page, _ = await _recorded(ctx, PAGE)
    wide, _ = await _recorded(ctx, WIDE)
    _, search = await _recorded(ctx, SEARCH)
    _, ordered = await _recorded(ctx, SORTED)
    _, newest = await _recorded(ctx, NEWEST)
    _, words = await _recorded(ctx, WORDS)
    searched = await _database_ms(ctx.db, search)
    sorted_ms = await _database_ms(ctx.db, ordered)
    listed = await _database_ms(ctx.db, newest)
    found = await _database_ms(ctx.db, words)
    # The same statements under a role that sees every row, which costs what they cost without row-level security.
    free = [await _database_ms(runtime.db, statements) for statements in (search, newest, words)]
    return [
        Figure("statements of a page of 20 runs with params, metrics and user", page, "", at_most=6),
        Figure("statements of 1,000 runs with 10 scalars each", wide, "", at_most=2),
        Figure(f"{runs:,} runs filtered and sorted by a metric, in the database", searched, "ms", at_most=30),
        Figure(f"{runs:,} runs sorted by a metric that no filter demands, in the database", sorted_ms, "ms"),
        Figure(f"newest 50 of {runs:,} runs, in the database", listed, "ms", at_most=1),
        Figure(f"20 of {runs:,} runs by a word, in the database", found, "ms"),
        Figure("filtered and sorted: with row-level security to without", searched / free[0], "x"),
        Figure("newest 50: with row-level security to without", listed / free[1], "x"),
        Figure("by a word: with row-level security to without", found / free[2], "x"),
    ]


async def _long_series(runtime: Runtime) -> list[Figure]:
    """Log a long noisy series, pack it, and read it for a plot."""
    viewer = await _owner(runtime)
    run = await _new_run(runtime, viewer)
    before = await _block_bytes(runtime.db)
    await _log(runtime, viewer, run)
    await compact(runtime.db)
    size = await _block_bytes(runtime.db) - before
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await ask(Context(runtime, viewer), SAMPLED, id=run)
        took.append((time.perf_counter() - started) * 1000)
    return [
        Figure(f"{LONG:,} noisy points to 500 buckets, whole operation", statistics.median(took), "ms", at_most=30),
        Figure(
            f"{LONG:,} noisy points at rest, with tables' and indexes' overhead", size / LONG, "B/point", at_most=10
        ),
    ]


async def _new_run(runtime: Runtime, viewer: Viewer) -> str:
    project = await ask(Context(runtime, viewer), PROJECT, name=f"Figures {uuid4().hex[:8]}")
    given = {"project": project["createProject"]["project"]["id"]}
    experiment = await ask(Context(runtime, viewer), EXPERIMENT, **given)
    given = {"experiment": experiment["createExperiment"]["experiment"]["id"]}
    run: str = (await ask(Context(runtime, viewer), RUN, **given))["createRun"]["run"]["id"]
    return run


async def _log(runtime: Runtime, viewer: Viewer, run: str) -> None:
    values = np.random.default_rng(7).normal(size=LONG).cumsum()
    for seq in range(LONG // BATCH):
        part = slice(seq * BATCH, (seq + 1) * BATCH)
        steps = list(range(part.start, part.stop))
        metric = {"key": "walk", "steps": steps, "values": values[part].tolist()}
        given = {"runId": run, "writerId": "figures", "seq": seq, "metrics": [metric]}
        await ask(Context(runtime, viewer), LOG, input=given)


async def _block_bytes(db: Database) -> int:
    (row,) = await db.fetch_sql("SELECT pg_total_relation_size('metric_block') AS size")
    size: int = row.size
    return size


async def ask(context: Context, query: str, **variables: Any) -> Any:
    """Run an operation that must succeed."""
    answer = await schema.execute(query, variable_values=variables, context_value=context)
    if answer.errors:
        raise RuntimeError(answer.errors)
    return answer.data
