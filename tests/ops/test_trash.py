"""Emptying the trash: what is past its time goes for good, and nothing else."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.local import LocalBlobs
from maestro.db.engine import Database, Scope
from maestro.db.rows import StatementFailed
from maestro.db.tables import Base
from maestro.ids import Kind, encode, uuid_of
from ops import removal
from ops.trash import TABLES, purge
from tests.fixtures.artifacts import stored
from tests.fixtures.filling import fill
from tests.fixtures.graphql import Api
from tests.fixtures.tracking import new_experiment, new_run
from tests.fixtures.working import Worked, execute, throw_away, work
from tests.schema.metric_texts import log, metric

AT_ONCE = timedelta(0)
STUMBLE = "UPDATE run SET name = 'stumble' WHERE name = '5'"
TRIP = """
CREATE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.name = 'stumble' THEN RAISE EXCEPTION 'stumbled'; END IF;
    RETURN OLD;
END
$$
"""
WIRE = "CREATE TRIGGER trip BEFORE DELETE ON run FOR EACH ROW EXECUTE FUNCTION trip()"


async def counts(api: Api) -> dict[str, int]:
    """How many rows each table has that is not empty."""
    found = {}
    for name in Base.metadata.tables:
        (row,) = await api.runtime.db.fetch_sql(f'SELECT count(*) AS n FROM "{name}"')
        if row.n and name not in ("audit_entry", "data_version"):
            found[name] = row.n
    return found


def test_whatever_goes_along_is_removed_and_counted() -> None:
    ways = {(part.table, part.column) for parts in removal.PARTS.values() for part in parts}
    for name, table in Base.metadata.tables.items():
        for column in table.c:
            for key in column.foreign_keys:
                if key.column.table.name in removal.PARTS and key.ondelete == "CASCADE":
                    assert (name, column.name) in ways | removal.OTHERWISE
    trashable = {name for name, table in Base.metadata.tables.items() if "purge_at" in table.c}
    assert set(TABLES) == trashable <= set(removal.PARTS)


async def test_a_project_goes_with_all_that_it_holds_and_its_bytes(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    before = await counts(api)
    worked = await work(api, blobs)
    made = {name: n - before.get(name, 0) for name, n in (await counts(api)).items()}
    await throw_away(api, Kind.Project, worked.id)
    dry = await purge(api.runtime.db, blobs, dry_run=True)
    done = await purge(api.runtime.db, blobs, grace=AT_ONCE)
    expected = {name: n for name, n in made.items() if n and name not in ("blob", "points_by_day", "audit_head")}
    assert dict(done.rows) == dict(dry.rows) == expected
    assert (done.objects, done.files.blobs, done.files.bytes) == (1, 1, 22)
    assert (dry.objects, dry.files.blobs, dry.files.bytes) == (1, 1, 22)
    assert done.files.freed_bytes == 22
    assert stored(folder) == []
    assert {name: n for name, n in (await counts(api)).items() if name != "points_by_day"} == {
        **before,
        "audit_head": 1,
    }


async def test_a_dry_run_changes_nothing(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    worked = await work(api, blobs)
    await throw_away(api, Kind.Project, worked.id)
    before, files = await api.state(), stored(folder)
    dry = await purge(api.runtime.db, blobs, dry_run=True)
    assert dry.is_dry_run
    assert dry.document["objects"] == 1
    assert (await api.state(), stored(folder)) == (before, files)


async def test_what_has_time_left_stays(api: Api, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    await throw_away(api, Kind.Run, worked.run, is_due=False)
    before = await api.state()
    done = await purge(api.runtime.db, blobs, grace=AT_ONCE)
    assert (done.objects, dict(done.rows), done.files.blobs) == (0, {}, 0)
    assert await api.state() == before


@pytest.mark.parametrize("kind", [Kind.Experiment, Kind.Run, Kind.RegisteredModel, Kind.Artifact])
async def test_an_object_goes_and_its_neighbours_stay(api: Api, blobs: LocalBlobs, kind: Kind) -> None:
    worked = await work(api, blobs)
    neighbour = await new_run(api, await new_experiment(api, worked.id, "Other"))
    keys = {
        Kind.Experiment: worked.experiment,
        Kind.Run: worked.run,
        Kind.RegisteredModel: worked.model,
        Kind.Artifact: worked.artifact,
    }
    await throw_away(api, kind, keys[kind])
    dry = await purge(api.runtime.db, blobs, dry_run=True)
    done = await purge(api.runtime.db, blobs, grace=AT_ONCE)
    assert dict(dry.rows) == dict(done.rows)
    assert done.objects == 1
    answer = await api(
        "query ($run: ID!, $project: ID!) { run(id: $run) { id } project(id: $project) { id } }",
        run=neighbour,
        project=worked.id,
    )
    assert answer == {"run": {"id": neighbour}, "project": {"id": worked.id}}
    # Nothing that refers to it by a mere id is left either.
    (loose,) = await api.runtime.db.fetch_sql(
        "SELECT (SELECT count(*) FROM metric_hot WHERE series_id NOT IN (SELECT id FROM metric_series)) "
        "+ (SELECT count(*) FROM metric_block WHERE series_id NOT IN (SELECT id FROM metric_series)) AS n"
    )
    assert loose.n == 0


async def test_rows_of_every_table_go(api: Api, blobs: LocalBlobs) -> None:
    await fill(api, "aa", 1_000_000_000)
    for project in await api.runtime.db.fetch_sql("SELECT id FROM project WHERE deleted_at IS NULL"):
        await throw_away(api, Kind.Project, encode(Kind.Project, project.id))
    for table in TABLES:
        await execute(api, f"UPDATE {table} SET purge_at = now(), trashed_with_id = NULL")
    await purge(api.runtime.db, blobs, grace=AT_ONCE)
    left = await counts(api)
    assert not left.keys() & ({*TABLES, "metric_series", "metric_hot", "lineage_edge", "artifact_entry", "blob"})


async def test_another_organization_keeps_what_it_has(api: Api, foreign: Api, folder: Path) -> None:
    blobs = LocalBlobs(folder)
    mine, theirs = await work(api, blobs), await work(foreign, blobs)
    await throw_away(api, Kind.Project, mine.id)
    await throw_away(foreign, Kind.Project, theirs.id)
    done = await purge(api.runtime.db, blobs, organization_id=api.viewer.organization_id, grace=AT_ONCE)
    assert (done.objects, done.organizations) == (1, (api.viewer.organization_id,))
    assert [path.parent.parent.name for path in stored(folder)] == [foreign.viewer.organization_id.hex]
    (left,) = await api.runtime.db.fetch_sql("SELECT organization_id FROM project")
    assert left.organization_id == foreign.viewer.organization_id


async def test_what_is_past_its_time_does_not_come_back(api: Api, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    await throw_away(api, Kind.Run, worked.run)
    before = await api.state()
    (error,) = await api.errors("mutation ($id: ID!) { restoreRun(id: $id) { __typename } }", id=worked.run)
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_stopped_in_between_it_goes_on_the_next_time(api: Api, db: Database, folder: Path) -> None:
    blobs = LocalBlobs(folder)
    worked = await work(api, blobs)
    for number in range(6):
        run = await new_run(api, worked.experiment, name=str(number))
        await log(api, run, 0, metric(range(600)))
    await throw_away(api, Kind.Project, worked.id)
    await execute(api, STUMBLE)
    for statement in (TRIP, WIRE):
        await db.fetch_sql(statement)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal, "BATCH", 2)
        with pytest.raises(StatementFailed, match="stumbled"):
            await purge(api.runtime.db, blobs, grace=AT_ONCE)
    assert 0 < (await counts(api))["run"] < 8
    # Half gone, it does not come back any more.
    (error,) = await api.errors("mutation ($id: ID!) { restoreProject(id: $id) { __typename } }", id=worked.id)
    assert error["extensions"]["code"] == "CONFLICT"
    await execute(api, "UPDATE run SET name = 'harmless'")
    assert (await purge(api.runtime.db, blobs, grace=AT_ONCE)).objects == 1
    assert stored(folder) == []
    assert "run" not in await counts(api)


async def test_it_is_told_how_far_it_has_come(api: Api, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    await throw_away(api, Kind.Run, worked.run)
    told: list[tuple[Any, ...]] = []
    await purge(api.runtime.db, blobs, progress=lambda *report, unit=None: told.append((*report, unit)))
    assert told[0] == ("Purging", 0, 1, "objects")
    assert told[1] == ("Purging", 1, 1, "objects")
    assert told[2] == ("Freeing bytes", 0, 1, "organizations")


async def test_the_database_lets_nobody_purge_what_they_do_not_see(api: Api, foreign: Api, blobs: LocalBlobs) -> None:
    worked: Worked = await work(api, blobs)
    view = api.runtime.db.within(Scope(foreign.viewer.organization_id))
    assert await removal.remove(view, "run", [uuid_of(Kind.Run, worked.run), uuid4()]) == {}
    assert (await counts(api))["run"] == 2
