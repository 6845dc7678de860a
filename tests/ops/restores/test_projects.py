"""A project of a backup, brought back as a new one into an organisation that lives."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from connectors.local import LocalBlobs
from maestro.errors import NameTaken, NotFound, QuotaExceeded
from maestro.ids import Kind, encode, uuid_of
from ops import audit
from ops.restores.scoped import copy_project
from tests.fixtures.artifacts import USE, stored
from tests.fixtures.filling import fill
from tests.fixtures.graphql import Api, with_settings
from tests.fixtures.whole_answers import of_project
from tests.fixtures.working import execute, work
from tests.ops.restores.conftest import BackUp, Store, plain
from tests.schema.metric_texts import log, metric, points_of, series_of

ARROWS = "query ($id: ID!) { lineage(id: $id, direction: BOTH, depth: 1) { edges { kind from to } } }"
RUNS = "query ($id: ID!) { project(id: $id) { runs(sort: {field: NUMBER}) { edges { node { id name } } } } }"
QUOTAS = "UPDATE organization SET quotas = $2 WHERE id = $1"


async def run_named(api: Api, project: str, name: str) -> str:
    """The id of a run of a project."""
    edges = (await api(RUNS, id=project))["project"]["runs"]["edges"]
    (found,) = [edge["node"]["id"] for edge in edges if edge["node"]["name"] == name]
    return str(found)


@with_settings(rate_limit_cost="off")
async def test_a_copy_of_each_project_answers_the_same(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    await fill(api, "aa", 1_000_000_000)
    backup = await back_up()
    projects = await api.runtime.db.fetch_sql("SELECT id FROM project WHERE deleted_at IS NULL ORDER BY id")
    for number, row in enumerate(projects):
        project = encode(Kind.Project, row.id)
        made, copy = await backup.bring_project_back(project, new_name=f"Again {number}", allow_missing_files=True)
        before, after = await of_project(api, project), await of_project(api, copy)
        if project == worked.id:
            assert after == before
            assert (made.cut, made.left_out, made.renamed) == ({}, (), ())
        else:
            # The organisation has a connector of that name already.
            assert [old for old in made.renamed if old not in str(after)] == []
            assert str(after).replace(f" ({made.slug})", "") == str(before)
    assert len(projects) == 4


async def test_the_copy_and_the_original_live_side_by_side(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    backup = await back_up()
    original = await run_named(api, worked.id, "child")
    await log(api, original, 1, metric([700], key="later"))
    _, copy = await backup.bring_project_back(worked.id)
    run = await run_named(api, copy, "child")
    assert "later" not in [one["name"] for one in await series_of(api, run)]
    await log(api, run, 1, metric([800]))
    (loss,) = await series_of(api, run, ["loss"])
    assert [*await points_of(api, loss["id"])] == [1, 2, 800]
    (loss,) = await series_of(api, original, ["loss"])
    assert [*await points_of(api, loss["id"])] == [1, 2]
    # A batch that was stored before the backup is known to the copy as well.
    assert (await log(api, run, 0, metric([1, 2])))["isReplay"]


async def test_what_it_had_from_another_project_it_has_still_where_that_lives(
    api: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    worked, other = await work(api, blobs), await work(api, blobs, "Data")
    await api(USE, run=worked.run, version=other.version)
    backup = await back_up()
    made, copy = await backup.bring_project_back(worked.id)
    run = await run_named(api, copy, "mother")
    edges = (await api(ARROWS, id=run))["lineage"]["edges"]
    assert {"kind": "USED", "from": other.version, "to": run} in edges
    assert (made.cut, made.left_out) == ({}, ())


async def test_what_the_organization_does_not_have_is_cut_and_counted(
    foreign: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    api = (await back_up()).api
    worked, other = await work(api, blobs), await work(api, blobs, "Data")
    await api(USE, run=worked.run, version=other.version)
    key = uuid_of(Kind.ArtifactVersion, worked.version)
    await execute(api, "UPDATE artifact_version SET run_id = $2 WHERE id = $1", key, uuid_of(Kind.Run, other.run))
    made, copy = await (await back_up()).bring_project_back(
        worked.id, into_organization_id=foreign.viewer.organization_id, restorer_id=foreign.viewer.actor_id
    )
    people = {f"{table}.created_by_id" for table in ("project", "experiment", "run", "artifact", "registered_model")}
    assert people <= made.cut.keys()
    assert made.cut["artifact_version.run_id"] == 1
    assert [(one.table, one.rows) for one in made.left_out if one.table == "lineage_edge"] == [("lineage_edge", 1)]
    answer = await foreign(
        "query ($id: ID!) { project(id: $id) { createdBy { id } artifacts { edges { node { "
        "versions { edges { node { state producedBy { id } } } } } } } } }",
        id=copy,
    )
    assert answer["project"]["createdBy"] is None
    (artifact,) = answer["project"]["artifacts"]["edges"]
    (version,) = artifact["node"]["versions"]["edges"]
    assert version["node"] == {"state": "COMMITTED", "producedBy": None}
    run = await run_named(foreign, copy, "mother")
    assert other.version not in str(await foreign(ARROWS, id=run))
    (error,) = await api.errors("query ($id: ID!) { project(id: $id) { id } }", id=copy)
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_files_go_to_the_organization_that_the_project_goes_into(
    foreign: Api, back_up: BackUp, store: Store
) -> None:
    api = (await back_up()).api
    worked = await work(api, store.blobs)
    await work(api, store.blobs, "Speech")
    place = {"into_organization_id": foreign.viewer.organization_id, "restorer_id": foreign.viewer.actor_id}
    backup = await back_up()
    made, _ = await backup.bring_project_back(worked.id, **place)
    assert (made.files.files, made.files.linked, made.rows["blob"]) == (1, 1, 1)
    assert len(stored(store.folder / foreign.viewer.organization_id.hex)) == 1
    again, _ = await backup.bring_project_back(worked.id, new_name="Once more", **place)
    assert (again.files.present, again.files.linked) == (1, 0)
    usage = await foreign.runtime.db.fetch_sql(
        "SELECT count(*) AS n FROM blob WHERE organization_id = $1", foreign.viewer.organization_id
    )
    assert usage[0].n == 1


async def test_a_name_that_is_taken_is_refused_and_a_slug_is_found(
    api: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    worked = await work(api, blobs)
    backup = await back_up()
    before = await api.state()
    for wanted in ({"new_name": "Vision"}, {"new_slug": "vision"}):
        with pytest.raises(NameTaken):
            await backup.bring_project_back(worked.id, **wanted)
        dry = await copy_project(backup.places, backup.project(worked.id, **wanted), dry_run=True)
        assert [one.code for one in dry.conflicts] == ["NAME_TAKEN"]
    assert await api.state() == before
    slugs = [(await backup.bring_project_back(worked.id, new_name=f"Copy {i}"))[0].slug for i in range(2)]
    assert slugs == ["vision-2", "vision-3"]


async def test_a_name_that_somebody_takes_meanwhile_is_not_held_against_them(
    api: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    worked = await work(api, blobs)
    backup = await back_up()

    def take(phase: str, completed: int | None = None, total: int | None = None, **_: Any) -> None:
        if phase == "Copying rows" and completed == total:
            with psycopg.connect(plain(backup.places.target_url)) as connection:
                connection.execute("SET lock_timeout = '2s'")
                connection.execute(
                    "INSERT INTO project (id, organization_id, name, slug) VALUES (%s, %s, 'Again', 'taken')",
                    (uuid4(), api.viewer.organization_id),
                )

    with pytest.raises(NameTaken):
        await copy_project(backup.places, backup.project(worked.id), progress=take)
    (row,) = await api.runtime.db.fetch_sql("SELECT count(*) AS n FROM run")
    assert row.n == 2


async def test_a_quota_that_it_does_not_fit_into_is_told_before_anything_is_made(
    foreign: Api, back_up: BackUp, store: Store
) -> None:
    api = (await back_up()).api
    worked = await work(api, store.blobs)
    await work(foreign, store.blobs, "Theirs")
    backup, place = await back_up(), foreign.viewer.organization_id
    wanted = backup.project(worked.id, into_organization_id=place)
    for quota, limit, told in (("runs", 3, ("RUNS", 2)), ("storageBytes", 30, ("STORAGE_BYTES", 22))):
        await execute(api, QUOTAS, place, {quota: limit})
        before, files = await api.state(), stored(store.folder)
        with pytest.raises(QuotaExceeded) as refused:
            await copy_project(backup.places, wanted)
        assert refused.value.details == {"quota": told[0], "limit": limit, "used": told[1]}
        dry = await copy_project(backup.places, wanted, dry_run=True)
        assert [one.code for one in dry.conflicts] == ["QUOTA_EXCEEDED"]
        assert (await api.state(), stored(store.folder)) == (before, files)
    await execute(api, QUOTAS, place, {"runs": 4, "storageBytes": 44})
    assert (await copy_project(backup.places, wanted)).rows["run"] == 2


async def test_points_of_a_copy_do_not_count_as_logged_today(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    backup = await back_up()
    await execute(api, QUOTAS, api.viewer.organization_id, {"pointsPerDay": 1})
    before = await api.runtime.db.fetch_sql("SELECT * FROM points_by_day")
    await backup.bring_project_back(worked.id)
    assert await api.runtime.db.fetch_sql("SELECT * FROM points_by_day") == before


async def test_from_the_trash_it_comes_with_what_it_took_along_and_nothing_else(
    api: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    worked = await work(api, blobs)
    child = await run_named(api, worked.id, "child")
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=child)
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=worked.id)
    _, copy = await (await back_up()).bring_project_back(worked.id, new_name="Vision")
    answer = await api(
        "query ($id: ID!) { project(id: $id) { deletedAt purgeAt runs { edges { node { name deletedAt } } } "
        "gone: runs(inTrash: true) { edges { node { id name purgeAt deletedBy: createdBy { id } } } } "
        "models { totalCount } artifacts { totalCount } } }",
        id=copy,
    )
    found = answer["project"]
    assert (found["deletedAt"], found["purgeAt"]) == (None, None)
    assert [edge["node"] for edge in found["runs"]["edges"]] == [{"name": "mother", "deletedAt": None}]
    (gone,) = [edge["node"] for edge in found["gone"]["edges"]]
    assert gone["name"] == "child"
    assert (found["models"]["totalCount"], found["artifacts"]["totalCount"]) == (1, 1)
    restored = await api("mutation ($id: ID!) { restoreRun(id: $id) { __typename } }", id=gone["id"])
    assert restored["restoreRun"]["__typename"] == "RunSaved"


async def test_the_log_of_the_organization_tells_of_it(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    _, copy = await (await back_up()).bring_project_back(worked.id, origin={"backup": "b"})
    answer = await api("query { auditLog(first: 1) { edges { node { operation target { id } after } } } }")
    (entry,) = [edge["node"] for edge in answer["auditLog"]["edges"]]
    assert (entry["operation"], entry["target"]) == ("restoreProject", {"id": copy})
    assert entry["after"]["copyOf"] == str(uuid_of(Kind.Project, worked.id))
    assert (await audit.verify(api.runtime.db, api.viewer.organization_id)).is_intact


async def test_the_same_copy_is_made_once(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    backup, copy_id = await back_up(), uuid4()
    made, copy = await backup.bring_project_back(worked.id, copy_id=copy_id)
    before = await api.state()
    again, same = await backup.bring_project_back(worked.id, copy_id=copy_id)
    assert (same, again.was_there, made.was_there) == (copy, True, False)
    assert await api.state() == before


async def test_what_is_not_there_is_not_found(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    backup = await back_up()
    with pytest.raises(NotFound, match="in the backup"):
        await backup.bring_project_back(encode(Kind.Project, uuid4()))
    with pytest.raises(NotFound, match="no such Organization"):
        await backup.bring_project_back(worked.id, into_organization_id=uuid4())
