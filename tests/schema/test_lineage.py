"""Lineage by GraphQL."""

from itertools import pairwise
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from dataloaders.lineage import MOST_EDGES, MOST_NODES
from maestro.db.tables.enums import LineageKind
from maestro.ids import Kind, decode, encode, uuid_of
from resolvers.lineage import link
from resolvers.writing import writing
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_artifact_version, new_model, new_run, new_version, trash_row

LINEAGE = """
query ($id: ID!, $direction: LineageDirection! = BOTH, $depth: Int! = 3) {
  lineage(id: $id, direction: $direction, depth: $depth) {
    nodes { __typename id }
    edges { from to kind at run { id } }
    isTruncated
  }
}"""


async def draw(api: Api, origin: str, target: str, *, kind: LineageKind = LineageKind.DERIVED_FROM) -> None:
    async with writing(api.context()) as writer:
        await link(writer, origin=decode(origin), target=decode(target), kind=kind)


async def graph(api: Api, start: str, **variables: Any) -> Any:
    return (await api(LINEAGE, id=start, **variables))["lineage"]


async def reached(api: Api, start: str, **variables: Any) -> list[str]:
    return [node["id"] for node in (await graph(api, start, **variables))["nodes"]]


async def artifact_versions(api: Api, project: str, count: int) -> list[str]:
    return [await new_artifact_version(api, project) for _ in range(count)]


async def chain(api: Api, project: str, count: int) -> list[str]:
    """Draw as many versions in a row as wanted, each made from the one before."""
    made = await artifact_versions(api, project, count)
    for origin, target in pairwise(made):
        await draw(api, origin, target)
    return made


async def test_a_model_version_tells_its_run_its_files_and_what_it_was_trained_on(api: Api, project: str) -> None:
    run = await new_run(api, project)
    data, files = await artifact_versions(api, project, 2)
    await draw(api, data, run, kind=LineageKind.USED)
    await draw(api, run, files, kind=LineageKind.PRODUCED)
    model = await new_model(api, project)
    version = await new_version(api, model, sourceRunId=run, artifactVersionId=files)
    found = await graph(api, version, direction="UPSTREAM")
    assert {(node["__typename"], node["id"]) for node in found["nodes"]} == {
        ("ModelVersion", version),
        ("Run", run),
        ("ArtifactVersion", files),
        ("ArtifactVersion", data),
    }
    assert found["nodes"][0]["id"] == version
    assert [(edge["from"], edge["to"], edge["kind"], edge["run"]) for edge in found["edges"]] == [
        (data, run, "USED", None),
        (run, files, "PRODUCED", None),
        (run, version, "PRODUCED", {"id": run}),
        (data, version, "TRAINED_ON", {"id": run}),
        (files, version, "DERIVED_FROM", {"id": run}),
    ]
    assert found["isTruncated"] is False


async def test_a_direction_leaves_the_other_out(api: Api, project: str) -> None:
    origin, middle, target = await chain(api, project, 3)
    assert await reached(api, middle, direction="UPSTREAM") == [middle, origin]
    assert await reached(api, middle, direction="DOWNSTREAM") == [middle, target]
    assert sorted(await reached(api, middle)) == sorted([origin, middle, target])


async def test_both_directions_do_not_reach_siblings(api: Api, project: str) -> None:
    origin, one, other = await artifact_versions(api, project, 3)
    await draw(api, origin, one)
    await draw(api, origin, other)
    assert await reached(api, one) == [one, origin]


async def test_a_graph_ends_at_its_depth(api: Api, project: str) -> None:
    made = await chain(api, project, 5)
    assert await reached(api, made[0], depth=1) == made[:2]
    assert await reached(api, made[0]) == made[:4]
    assert await reached(api, made[0], depth=10) == made


async def test_a_circle_is_walked_once(api: Api, project: str) -> None:
    made = await chain(api, project, 3)
    await draw(api, made[-1], made[0])
    found = await graph(api, made[0], depth=10)
    assert sorted(node["id"] for node in found["nodes"]) == sorted(made)
    assert len(found["edges"]) == 3


async def test_an_object_without_relations_stands_alone(api: Api, project: str) -> None:
    run = await new_run(api, project)
    assert await graph(api, run) == {
        "nodes": [{"__typename": "Run", "id": run}],
        "edges": [],
        "isTruncated": False,
    }


async def test_drawing_an_arrow_again_changes_nothing(api: Api, project: str) -> None:
    origin, target = await chain(api, project, 2)
    before = await api.state()
    await draw(api, origin, target)
    assert await api.state() == before


async def test_what_is_gone_for_good_is_left_out_with_its_arrows(api: Api, project: str) -> None:
    made = await chain(api, project, 3)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM artifact_version WHERE id = $1", uuid_of(Kind.ArtifactVersion, made[1]))
    found = await graph(api, made[0])
    assert [node["id"] for node in found["nodes"]] == [made[0], made[2]]
    assert found["edges"] == []


async def test_what_is_in_the_trash_is_still_shown(api: Api, project: str) -> None:
    run, (files,) = await new_run(api, project), await artifact_versions(api, project, 1)
    await draw(api, run, files, kind=LineageKind.PRODUCED)
    await trash_row(api, "run", uuid_of(Kind.Run, run))
    assert await reached(api, files) == [files, run]


async def test_a_graph_too_large_keeps_what_is_near_and_says_so(api: Api, project: str) -> None:
    start = await new_artifact_version(api, project)
    near = await new_run(api, project)
    await draw(api, start, near, kind=LineageKind.USED)
    experiment = (await api.runtime.db.fetch_sql("SELECT id, project_id, organization_id FROM experiment"))[0]
    runs = [uuid7() for _ in range(MOST_NODES)]
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO run (id, organization_id, project_id, experiment_id, number, name) "
            "SELECT key, $1, $2, $3, number, 'far' FROM unnest($4::uuid[]) WITH ORDINALITY AS far (key, number)",
            experiment.organization_id,
            experiment.project_id,
            experiment.id,
            runs,
        )
        await tx.fetch_sql(
            "INSERT INTO lineage_edge (id, organization_id, from_type, from_id, to_type, to_id, kind) "
            "SELECT gen_random_uuid(), $1, 'Run', $2, 'Run', far, 'DERIVED_FROM' FROM unnest($3::uuid[]) AS far",
            experiment.organization_id,
            uuid_of(Kind.Run, near),
            runs,
        )
    found = await graph(api, start, direction="DOWNSTREAM")
    assert found["isTruncated"] is True
    assert len(found["nodes"]) == MOST_NODES
    assert [node["id"] for node in found["nodes"][:2]] == [start, near]
    assert len(found["edges"]) == MOST_NODES - 1


async def test_arrows_too_many_are_cut_and_it_says_so(api: Api, project: str) -> None:
    sides = [await new_run(api, project) for _ in range(2)]
    async with api.runtime.db.transaction() as tx:
        run = await tx.fetch_sql("SELECT organization_id, project_id, experiment_id FROM run LIMIT 1")
        many = await tx.fetch_sql(
            "INSERT INTO run (id, organization_id, project_id, experiment_id, number, name) "
            "SELECT gen_random_uuid(), $1, $2, $3, -n, 'one' FROM generate_series(1, 150) AS n RETURNING id",
            *run[0],
        )
        keys = [row.id for row in many]
        await tx.fetch_sql(
            "INSERT INTO lineage_edge (id, organization_id, from_type, from_id, to_type, to_id, kind) "
            "SELECT gen_random_uuid(), $1, 'Run', a, 'Run', b, 'DERIVED_FROM' "
            "FROM unnest($2::uuid[]) AS a, unnest($2::uuid[]) AS b WHERE a < b",
            run[0].organization_id,
            [*keys, *(uuid_of(Kind.Run, side) for side in sides)],
        )
    found = await graph(api, encode(Kind.Run, min(keys)), direction="DOWNSTREAM", depth=1)
    assert found["isTruncated"] is True
    assert len(found["edges"]) == MOST_EDGES


async def test_nodes_of_one_kind_cost_one_statement(api: Api, project: str) -> None:
    start, *rest = await artifact_versions(api, project, 4)
    for target in rest:
        await draw(api, start, target)
    runs = [await new_run(api, project) for _ in range(3)]
    for run in runs:
        await draw(api, start, run, kind=LineageKind.USED)
    assert len(await reached(api, start)) == 7
    # the walk, artifact versions, runs, arrows
    assert api.statements == 4


@pytest.mark.parametrize("depth", [0, -1, 11])
async def test_a_depth_out_of_bounds_is_refused(api: Api, project: str, depth: int) -> None:
    (error,) = await api.errors(LINEAGE, id=project, depth=depth)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "depth")


async def test_something_that_is_no_id_is_refused(api: Api) -> None:
    (error,) = await api.errors(LINEAGE, id="nothing")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "id")


@pytest.mark.parametrize("kind", list(Kind))
async def test_an_id_without_an_object_is_not_found(api: Api, kind: Kind) -> None:
    (error,) = await api.errors(LINEAGE, id=encode(kind, uuid7()))
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_a_stranger_sees_nothing_of_a_graph(api: Api, foreign: Api, project: str) -> None:
    origin, target = await chain(api, project, 2)
    for start in (origin, target):
        (error,) = await foreign.errors(LINEAGE, id=start)
        assert error["extensions"]["code"] == "NOT_FOUND"
