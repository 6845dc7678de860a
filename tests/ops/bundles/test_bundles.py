"""Bundles: a project as one file, which comes back as the same project and makes the same file."""

import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from connectors.local import LocalBlobs
from maestro.clock import now
from maestro.db.engine import Database, Scope
from maestro.errors import Conflict, InvalidInput, NameTaken, NotFound, QuotaExceeded
from maestro.ids import Kind, uuid_of
from ops.bundles.contents import OTHERWISE, PARENTS, columns_of, type_of
from ops.bundles.exporting import Exported, Origin, export_project
from ops.bundles.importing import Imported, Place, import_project
from ops.demo.recording import load_recording
from ops.restores.scoped.catalogue import OF_A_PROJECT
from ops.seeding.demo import Demo, load_demo
from resolvers.setup import ensure_owner
from tests.fixtures.graphql import Api
from tests.fixtures.tracking import new_experiment, new_run
from tests.schema.metric_texts import log, metric

FILES = "Handwritten digits"
BOTH = (FILES, "Diabetes progression")
PROJECTS = "{ projects(first: 50) { nodes { id name } } }"
RUNS = """query ($id: ID!) { project(id: $id) { name description experiments { nodes { name path runs { nodes {
    number name status notes startedAt params { key value } metricSummaries { key { name } last min max count }
    series { key { name } context { key value } count sampled(buckets: 50) { x min max } } } } } }
    models { nodes { name versions { nodes { number lifecycle metrics sourceRun { number } aliases { name } } } } }
    artifacts { nodes { name versions { nodes { number digest producedBy { number } } } } } } }"""


@dataclass
class Bundles:
    """Exports and imports of the bytes in a folder."""

    blobs: LocalBlobs
    folder: Path

    async def export(self, api: Api, project: str, path: Path) -> Exported:
        organization = api.viewer.organization_id
        db = api.runtime.db.within(Scope(organization))
        return await export_project(Origin(db, organization, uuid_of(Kind.Project, project), self.blobs), path)

    async def bring(self, api: Api, path: Path, *, copy_id: UUID | None = None, name: str | None = None) -> Imported:
        organization = api.viewer.organization_id
        place = Place(api.runtime.db.within(Scope(organization)), organization, api.viewer.actor_id, self.blobs)
        return await import_project(place, path, copy_id=copy_id or uuid4(), name=name)


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return Bundles(LocalBlobs(tmp_path / "blobs"), tmp_path)


@pytest.fixture
async def demo(api: Api, db: Database, bundles: Bundles) -> dict[str, str]:
    """The demo's projects: their ids by their names."""
    owner = await ensure_owner(api.runtime.db)
    given = Demo(recording=load_recording(), owner=owner, blobs=bundles.blobs, now=now())
    await load_demo(db, given, lambda *_: None)
    return {one["name"]: one["id"] for one in (await api(PROJECTS))["projects"]["nodes"]}


def seen(data: Any) -> str:
    """What a client sees of a project, with ids left out."""
    return re.sub(r'"id": "[^"]*"', "", orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode())


async def test_projects_of_the_demo_come_back_and_make_the_same_bytes(
    api: Api, foreign: Api, demo: dict[str, str], *, bundles: Bundles
) -> None:
    for number, name in enumerate(BOTH):
        project = demo[name]
        first, second = bundles.folder / f"{number}.bundle", bundles.folder / f"{number}.again"
        done = await bundles.export(api, project, first)
        assert done.rows["run"] > 0
        made = await bundles.bring(foreign, first)
        assert made.name == name
        assert (made.rows, made.points, made.files) == (done.rows, done.points, done.files)
        again = f"project_{made.project_id.hex}"
        await bundles.export(foreign, again, second)
        assert first.read_bytes() == second.read_bytes()
        assert seen(await foreign(RUNS, id=again)) == seen(await api(RUNS, id=project))


@pytest.fixture
async def small(api: Api) -> str:
    """A project with late, odd and many points, and something in the trash."""
    made = await api('mutation { createProject(input: {name: "small"}) { ... on ProjectSaved { project { id } } } }')
    project: str = made["createProject"]["project"]["id"]
    experiment = await new_experiment(api, project, "tried")
    run = await new_run(api, experiment, name="run", params={"lr": 0.1})
    await log(api, run, 0, metric(list(range(700)), [float(step) for step in range(700)], key="long"))
    await log(api, run, 1, metric([900, 901], ["NaN", "Infinity"], key="long"))
    await log(api, run, 2, metric([3, 650, 800], [-1.0, -2.0, -3.0], key="long"))
    await log(api, run, 3, metric([1], [0.5], key="short"))
    child = await new_run(api, experiment, name="child", parentId=run)
    gone = await new_run(api, experiment, name="gone")
    await log(api, gone, 0, metric([1], [0.5], key="of the trash"))
    await new_run(api, experiment, name="orphan", parentId=gone)
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=gone)
    assert child
    return project


async def test_points_come_back_however_they_lay(api: Api, foreign: Api, small: str, *, bundles: Bundles) -> None:
    done = await bundles.export(api, small, bundles.folder / "a")
    assert (done.points, done.rows["run"], done.rows["metric_series"]) == (704, 3, 2)
    made = await bundles.bring(foreign, bundles.folder / "a")
    await bundles.export(foreign, f"project_{made.project_id.hex}", bundles.folder / "b")
    assert (bundles.folder / "a").read_bytes() == (bundles.folder / "b").read_bytes()


async def test_what_lies_in_the_trash_stays_there_and_nobody_refers_to_it(
    api: Api, foreign: Api, small: str, *, bundles: Bundles
) -> None:
    await bundles.export(api, small, bundles.folder / "a")
    await bundles.bring(foreign, bundles.folder / "a")
    runs = (await foreign("{ runs(first: 10) { nodes { name parent { name } } } }"))["runs"]["nodes"]
    assert sorted((run["name"], (run["parent"] or {}).get("name")) for run in runs) == [
        ("child", "run"),
        ("orphan", None),
        ("run", None),
    ]


async def test_the_same_bundle_twice_is_two_projects_and_the_same_job_one(
    foreign: Api, api: Api, small: str, *, bundles: Bundles
) -> None:
    await bundles.export(api, small, bundles.folder / "a")
    copy_id = uuid4()
    first = await bundles.bring(foreign, bundles.folder / "a", copy_id=copy_id)
    assert await bundles.bring(foreign, bundles.folder / "a", copy_id=copy_id) == first
    second = await bundles.bring(foreign, bundles.folder / "a", name="another")
    assert second.project_id != first.project_id
    names = [one["name"] for one in (await foreign(PROJECTS))["projects"]["nodes"]]
    assert sorted(names) == ["another", "small"]


async def test_a_name_that_is_taken_is_refused_and_nothing_comes(api: Api, small: str, bundles: Bundles) -> None:
    await bundles.export(api, small, bundles.folder / "a")
    before = await api.state()
    with pytest.raises(NameTaken):
        await bundles.bring(api, bundles.folder / "a")
    assert await api.state() == before


async def test_a_quota_holds_for_what_comes(api: Api, foreign: Api, small: str, *, bundles: Bundles) -> None:
    await bundles.export(api, small, bundles.folder / "a")
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "UPDATE organization SET quotas = $2 WHERE id = $1", foreign.viewer.organization_id, {"runs": 2}
        )
    before = await api.state()
    with pytest.raises(QuotaExceeded):
        await bundles.bring(foreign, bundles.folder / "a")
    assert await api.state() == before


def flip(path: Path, name: str) -> None:
    """Change one bit of an entry, with its checksum in the archive made to fit."""
    with zipfile.ZipFile(path) as opened:
        contents = {info.filename: opened.read(info) for info in opened.infolist()}
    changed = bytearray(contents[name])
    changed[len(changed) // 2] ^= 1
    contents[name] = bytes(changed)
    with zipfile.ZipFile(path, "w") as made:
        for entry, content in contents.items():
            made.writestr(entry, content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def replace(path: Path) -> None:
    path.write_bytes(b"no archive")


def postdate(path: Path) -> None:
    with zipfile.ZipFile(path) as opened:
        contents = {info.filename: opened.read(info) for info in opened.infolist()}
    contents["bundle.json"] = contents["bundle.json"].replace(b'"version": 1', b'"version": 2')
    with zipfile.ZipFile(path, "w") as made:
        for entry, content in contents.items():
            made.writestr(entry, content)


@pytest.mark.parametrize(
    "damage",
    [truncate, replace, postdate, lambda path: flip(path, "run.parquet"), lambda path: flip(path, "points.parquet")],
)
async def test_what_is_no_whole_bundle_is_refused_before_anything_comes(
    api: Api, foreign: Api, small: str, *, bundles: Bundles, damage: Callable[[Path], None]
) -> None:
    await bundles.export(api, small, bundles.folder / "a")
    damage(bundles.folder / "a")
    before = await api.state()
    with pytest.raises(InvalidInput) as refused:
        await bundles.bring(foreign, bundles.folder / "a")
    assert "bundle" in refused.value.message
    assert await api.state() == before


async def test_lost_files_are_told_and_no_project_of_others_is_found(
    api: Api, foreign: Api, demo: dict[str, str], *, bundles: Bundles
) -> None:
    with pytest.raises(NotFound):
        await bundles.export(foreign, next(iter(demo.values())), bundles.folder / "a")
    shutil.rmtree(bundles.folder / "blobs" / api.viewer.organization_id.hex)
    (project,) = [key for name, key in demo.items() if name == FILES]
    with pytest.raises(Conflict) as refused:
        await bundles.export(api, project, bundles.folder / "a")
    assert refused.value.details["missing"]


def test_every_table_of_a_project_is_in_a_bundle_or_left_out_for_a_reason() -> None:
    assert set(OF_A_PROJECT) - set(PARENTS) - set(OTHERWISE) == set()


def test_every_column_of_a_bundle_has_a_type_and_refers_to_what_is_in_it() -> None:
    for table in PARENTS:
        for column in columns_of(table):
            assert type_of(column)
            targets = {key.column.table.name for key in column.foreign_keys}
            assert targets <= {*PARENTS}, (table, column.name)
