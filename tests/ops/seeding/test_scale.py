from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
import pytest

from maestro.db.engine import Database
from maestro.errors import Conflict
from maestro.points import decode, pack_bins, summarise
from ops.seeding.generated import Plan, make_project, title
from ops.seeding.scale import ScaleStats, generate
from resolvers.setup import ensure_owner
from tests.fixtures.databases import Databases

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUNS = 301


@dataclass(frozen=True)
class Generated:
    """A generated organisation and what its generation told."""

    db: Database
    stats: ScaleStats
    reports: list[tuple[int, int, str]]


@pytest.fixture(scope="module")
async def generated(databases: Databases) -> AsyncIterator[Generated]:
    reports: list[tuple[int, int, str]] = []
    async with databases.new(template="maestro") as url:
        db = Database(url, pool_size=3, system_role="none")
        stats = await generate(
            db, await ensure_owner(db), RUNS, now=NOW, progress=lambda *report: reports.append(report)
        )
        yield Generated(db, stats, reports)
        await db.close()


def plan(runs: int) -> Plan:
    return Plan(runs=runs, organization_id=uuid4(), user_ids=(uuid4(),), end_ms=1_772_000_000_000)


async def test_every_run_has_ten_params_and_eight_series(generated: Generated) -> None:
    rows = await generated.db.fetch_sql(
        "SELECT (SELECT count(*) FROM param WHERE run_id = r.id) AS params, "
        "(SELECT count(*) FROM metric_series WHERE run_id = r.id) AS series FROM run r"
    )
    assert [tuple(row) for row in rows] == [(10, 8)] * RUNS


async def test_the_statistics_are_what_is_stored(generated: Generated) -> None:
    (points,) = await generated.db.fetch_sql("SELECT sum(n)::bigint AS n FROM metric_block")
    assert generated.stats == ScaleStats(projects=4, runs=RUNS, series=8 * RUNS, points=points.n)
    assert 48 * RUNS < points.n < 52 * RUNS


async def test_summaries_headers_and_bins_are_those_of_the_points(generated: Generated) -> None:
    rows = await generated.db.fetch_sql(
        "SELECT b.*, s.v_last AS last, s.last_mark, s.step_first, s.step_last, s.n AS total, s.v_sum AS sum "
        "FROM metric_series s JOIN metric_block b ON b.series_id = s.id"
    )
    assert len(rows) == 8 * RUNS
    for row in rows:
        points = decode(row.codec, row.data)
        told = summarise(points)
        assert {name: row[name] for name in told.__slots__} == pytest.approx(
            {name: getattr(told, name) for name in told.__slots__}, nan_ok=True
        )
        assert bytes(row.bins) == pack_bins(points)
        last = (told.v_last, None) if np.isfinite(told.v_last) else (None, "NaN")
        assert (row["last"], row.last_mark) == last
        assert (row.step_first, row.step_last, row.total, row.sum) == (told.step0, told.step1, told.n, told.v_sum)


async def test_runs_are_numbered_in_their_projects_in_the_order_of_their_start(generated: Generated) -> None:
    rows = await generated.db.fetch_sql(
        "SELECT p.last_run_number, array_agg(r.number ORDER BY r.started_at, r.number) AS numbers, "
        "count(DISTINCT r.experiment_id) AS experiments "
        "FROM run r JOIN project p ON p.id = r.project_id GROUP BY p.id"
    )
    assert sorted(row.last_run_number for row in rows) == [75, 75, 75, 76]
    for row in rows:
        assert row.numbers == list(range(1, row.last_run_number + 1))
        assert row.experiments == 5


async def test_no_run_ends_within_the_last_hour(generated: Generated) -> None:
    (row,) = await generated.db.fetch_sql("SELECT max(ended_at) AS at FROM run")
    assert (NOW - row["at"]).total_seconds() >= 3600


async def test_a_higher_learning_rate_than_the_best_makes_runs_fail(generated: Generated) -> None:
    (row,) = await generated.db.fetch_sql("""
        SELECT avg(p.number) FILTER (WHERE r.status = 'FAILED') AS failed,
            avg(p.number) FILTER (WHERE r.status = 'FINISHED') AS finished,
            count(*) FILTER (WHERE r.status = 'FAILED') AS failures
        FROM run r JOIN param p ON p.run_id = r.id AND p.key = 'learning_rate'
    """)
    assert row.failed > 5 * row.finished
    assert 0 < row.failures < RUNS / 4


async def test_progress_counts_every_run(generated: Generated) -> None:
    assert [done for done, _, _ in generated.reports] == [0, 76, 151, 226, RUNS]
    assert {total for _, total, _ in generated.reports} == {RUNS}


async def test_generating_again_is_refused_and_changes_nothing(generated: Generated) -> None:
    with pytest.raises(Conflict, match="already has projects"):
        await generate(generated.db, await ensure_owner(generated.db), RUNS, now=NOW, progress=lambda *_: None)
    (row,) = await generated.db.fetch_sql('SELECT count(*) AS runs, (SELECT count(*) FROM "user") AS people FROM run')
    assert tuple(row) == (RUNS, 21)


class Interrupted(Exception):
    """Raised where a generation is to stop."""


async def interrupt(db: Database, runs: int) -> None:
    def stop(done: int, _total: int, _what: str) -> None:
        if done:
            raise Interrupted

    with pytest.raises(Interrupted):
        await generate(db, await ensure_owner(db), runs, now=NOW, progress=stop)


async def test_an_interrupted_generation_is_completed_by_the_same_one(db: Database) -> None:
    await interrupt(db, 120)
    (before,) = await db.fetch_sql("SELECT count(*) AS runs, min(project_id::text) AS project FROM run")
    stats = await generate(
        db, await ensure_owner(db), 120, now=datetime(2026, 5, 1, tzinfo=UTC), progress=lambda *_: None
    )
    (after,) = await db.fetch_sql("SELECT count(*) AS runs, max(ended_at) AS last FROM run")
    (kept,) = await db.fetch_sql("SELECT count(*) AS runs FROM run WHERE project_id = $1", UUID(before.project))
    assert (before.runs, kept.runs) == (60, 60)
    assert (stats.projects, stats.runs, after.runs) == (2, 120, 120)
    assert after.last < NOW
    assert (await db.fetch_sql("SELECT settings FROM organization"))[0].settings == {}


async def test_an_interrupted_generation_is_not_completed_by_another_one(db: Database) -> None:
    await interrupt(db, 120)
    with pytest.raises(Conflict, match="The generation of 120 runs was interrupted") as refusal:
        await generate(db, await ensure_owner(db), 200, now=NOW, progress=lambda *_: None)
    assert "--scale 120" in str(refusal.value.hint)
    assert (await db.fetch_sql("SELECT count(*) AS n FROM run"))[0].n == 60


def test_a_project_is_the_same_whenever_it_is_made() -> None:
    one, other = (make_project(plan(150), 1) for _ in range(2))
    assert [row[-3:] for row in one.of("param")] == [row[-3:] for row in other.of("param")]
    assert [row[-1] for row in one.of("metric_block")] == [row[-1] for row in other.of("metric_block")]


@pytest.mark.parametrize(
    ("runs", "projects"), [(1, 1), (100, 1), (101, 2), (20_000, 200), (100_000, 200), (1_000_000, 2000)]
)
def test_projects_grow_before_there_are_more_than_200(runs: int, projects: int) -> None:
    made = plan(runs)
    assert made.projects == projects
    assert sum(map(made.size, range(projects))) == runs
    assert max(map(made.size, range(projects))) <= 500


def test_no_two_projects_have_the_same_name() -> None:
    assert len({title(project) for project in range(2000)}) == 2000
