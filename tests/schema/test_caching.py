"""How well answers are kept, and having them forgotten: for admins, with a trace in the audit log, in every process."""

from typing import Any

import pytest

from maestro.cache import CacheTag, Versions
from maestro.db.tables.enums import Role
from maestro.ids import Kind, uuid_of
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run

STATS = """{ cacheStats {
  fields { field hits sharedHits joined misses outdated hitRate loadMs bytes evicted }
  documents { hits misses hitRate kept characters refused evicted }
  answers { hits misses outdated hitRate kept bytes evicted }
  checks checkStatements sharedFailures sharedRubbish
} }"""
CLEAR = "mutation ($tags: [CacheTag!]) { clearCache(tags: $tags) { tags } }"
GROUPS = """query ($id: ID!) { experiment(id: $id) {
  aggregates(groupBy: {field: STATUS}) { value runCount } metricKeys { name } runs { totalCount } } }"""


@pytest.fixture
async def experiment(api: Api) -> str:
    made = await new_experiment(api, await new_project(api))
    await new_run(api, made)
    return made


async def stats(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api(STATS))["cacheStats"]
    return found


async def test_what_is_costly_is_read_once_while_nothing_changes(api: Api, experiment: str) -> None:
    first = await api(GROUPS, id=experiment)
    cold = api.statements
    assert await api(GROUPS, id=experiment) == first
    assert api.statements < cold
    by_name = {one["field"]: one for one in (await stats(api))["fields"]}
    aggregates = by_name["Experiment.aggregates"]
    assert (aggregates["hits"], aggregates["misses"], aggregates["hitRate"]) == (1, 1, 0.5)
    assert aggregates["loadMs"] > 0
    assert aggregates["bytes"] > 0
    assert {"Experiment.metricKeys", "RunConnection.totalCount"} <= by_name.keys()


async def test_another_organization_is_told_nothing_of_what_a_process_counts(foreign: Api) -> None:
    assert await foreign("{ cacheStats { checks } }") == {"cacheStats": None}


async def test_a_document_is_prepared_once_and_found_from_then_on(api: Api) -> None:
    query = "query PreparedOnce { viewer { role } }"
    before = (await stats(api))["documents"]
    for _ in range(3):
        await api(query)
    after = (await stats(api))["documents"]
    # The document of the statistics is found too.
    assert (after["hits"] - before["hits"], after["misses"] - before["misses"]) == (3, 1)
    assert 0 < after["hitRate"] < 1
    # Those of other tests of this process may have had to make room.
    assert after["evicted"] > before["evicted"] or after["characters"] - before["characters"] == len(query)


async def test_a_new_run_is_counted_by_the_next_question(api: Api, experiment: str) -> None:
    for expected in (1, 2, 3):
        data = await api(GROUPS, id=experiment)
        assert data["experiment"]["aggregates"] == [{"value": "RUNNING", "runCount": expected}]
        assert data["experiment"]["runs"] == {"totalCount": expected}
        await new_run(api, experiment)


async def test_a_stranger_gets_no_answer_of_a_field_that_was_kept(api: Api, foreign: Api, experiment: str) -> None:
    await api("{ projects { totalCount nodes { name } } }")
    data = await foreign("{ projects { totalCount nodes { name } } }")
    assert data == {"projects": {"totalCount": 0, "nodes": []}}
    await api(GROUPS, id=experiment)
    (error,) = await foreign.errors(GROUPS, id=experiment)
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_who_sees_one_project_gets_nothing_of_what_was_kept_for_who_sees_all(api: Api) -> None:
    first, second = await new_project(api, "First"), await new_project(api, "Second")
    assert (await api("{ projects { totalCount } }"))["projects"]["totalCount"] == 2
    for project in (first, second):
        inside = {uuid_of(Kind.Project, project): Role.VIEWER}
        member = viewer_as(None, api.viewer.actor_id, api.viewer.organization_id, in_projects=inside)
        data = await Api(api.runtime, member)("{ projects { totalCount nodes { id } } }")
        assert data["projects"] == {"totalCount": 1, "nodes": [{"id": project}]}


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
async def test_an_admin_sees_how_well_answers_are_kept(api: Api, role: Role) -> None:
    admin = Api(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id))
    assert (await stats(admin))["sharedFailures"] == 0


@pytest.mark.parametrize("role", [Role.MAINTAINER, Role.CONTRIBUTOR, Role.VIEWER])
async def test_nobody_else_sees_or_clears_anything(api: Api, role: Role) -> None:
    other = Api(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id))
    for query in (STATS, CLEAR):
        (error,) = await other.errors(query)
        assert error["extensions"]["code"] == "FORBIDDEN"


async def test_clearing_has_every_process_look_up_anew_what_was_named(api: Api, experiment: str) -> None:
    elsewhere = Versions(api.runtime.db)
    before = await elsewhere.at(api.viewer.organization_id)
    assert before is not None
    assert await api(CLEAR, tags=["RUNS"]) == {"clearCache": {"tags": ["RUNS"]}}
    after = await elsewhere.at(api.viewer.organization_id)
    assert after is not None
    changed = [tag for tag in CacheTag if before.of((tag,)) != after.of((tag,))]
    assert changed == [CacheTag.RUNS]
    await elsewhere.close()


async def test_clearing_everything_leaves_other_organizations_alone(api: Api, foreign: Api, experiment: str) -> None:
    elsewhere = Versions(api.runtime.db)
    theirs = await elsewhere.at(foreign.viewer.organization_id)
    assert theirs is not None
    assert len((await api(CLEAR))["clearCache"]["tags"]) == len(CacheTag)
    after = await elsewhere.at(foreign.viewer.organization_id)
    assert after is not None
    assert after.of(tuple(CacheTag)) == theirs.of(tuple(CacheTag))
    await elsewhere.close()


async def test_clearing_is_told_in_the_audit_log(api: Api) -> None:
    await api(CLEAR, tags=["MODELS", "RUNS"])
    data = await api("{ auditLog(first: 1) { nodes { operation isAllowed after } } }")
    (entry,) = data["auditLog"]["nodes"]
    assert (entry["operation"], entry["isAllowed"]) == ("clearCache", True)
    assert entry["after"] == {"cleared": ["models", "runs"]}
