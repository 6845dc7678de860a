"""The audit log as it is read: listed, filtered and verified, and who stands behind what was done."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from maestro.db.engine import Database
from maestro.db.tables.enums import ActorKind, Role
from maestro.ids import Kind, encode
from tests.fixtures.audit import DELETE, UPDATE, create, entries, entry
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.members import new_account
from tests.fixtures.tracking import new_experiment

LIST: Final = """
query ($filter: AuditFilter, $text: String, $sort: [AuditSort!]) {
  auditLog(filter: $filter, filterText: $text, sort: $sort) { totalCount nodes { seq operation } }
}"""


async def test_the_log_is_listed_from_the_newest_entry_with_all_that_it_knows(api: Api) -> None:
    project = await create(api)
    await api(DELETE, id=project)
    query = """{ auditLog { totalCount nodes {
        seq operation operationName isAllowed code reason actorName address targetType targetId before after
        actor { __typename id name } apiKeyId apiKeyName sessionId target { ... on Project { name } } hash prevHash
    } } }"""
    log = (await api(query))["auditLog"]
    # The log, its total, the actors, the targets.
    assert api.statements == 4
    assert log["totalCount"] == 2
    newest, oldest = log["nodes"]
    assert newest["operation"] == "deleteProject"
    assert oldest == {
        **dict.fromkeys(("code", "reason", "address", "apiKeyId", "apiKeyName", "sessionId", "before")),
        "seq": 1,
        "operation": "createProject",
        "operationName": "Begin",
        "isAllowed": True,
        "actorName": "owner@localhost",
        "targetType": "Project",
        "targetId": project,
        "after": oldest["after"],
        "actor": {"__typename": "User", "id": encode(Kind.User, api.viewer.actor_id), "name": "Owner"},
        "target": {"name": "Vision"},
        "hash": newest["prevHash"],
        "prevHash": "",
    }


async def test_a_target_that_is_gone_is_null_and_its_id_stays(api: Api, db: Database) -> None:
    project = await create(api)
    async with db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM project")
    (node,) = (await api("{ auditLog { nodes { targetId target { id } } } }"))["auditLog"]["nodes"]
    assert node == {"targetId": project, "target": None}


@pytest.mark.parametrize(
    "text",
    [
        "operation = 'updateProject'",
        "isAllowed = false",
        "code = 'NAME_TAKEN'",
        "reason LIKE '%already%'",
        "seq > 2",
        "targetType = 'Project' AND seq > 2",
        "text MATCHES 'updatepro'",
    ],
)
async def test_the_log_is_filtered_by_text(api: Api, text: str) -> None:
    await create(api, "Taken")
    project = await create(api)
    await api(UPDATE, id=project, name="Taken")
    found = (await api(LIST, text=text))["auditLog"]
    assert found == {"totalCount": 1, "nodes": [{"seq": 3, "operation": "updateProject"}]}


async def test_the_log_is_filtered_by_typed_conditions(api: Api) -> None:
    project = await create(api)
    me, nobody = encode(Kind.User, api.viewer.actor_id), encode(Kind.ServiceAccount, uuid7())
    since = {"gt": "2020-01-01T00:00:00Z"}
    for wanted, count in (
        ({"target": {"eq": project}, "actor": {"eq": me}, "isAllowed": {"eq": True}, "at": since}, 1),
        ({"actor": {"eq": nobody}}, 0),
        ({"actor": {"in": [me, nobody]}}, 1),
        ({"target": {"eq": me}}, 0),
        ({"apiKey": {"exists": True}}, 0),
        ({"session": {"exists": False}, "address": {"exists": False}}, 1),
        ({"code": {"exists": False}, "operationName": {"eq": "Begin"}, "actorName": {"like": "owner%"}}, 1),
    ):
        assert (await api(LIST, filter=wanted))["auditLog"]["totalCount"] == count, wanted


async def test_the_log_goes_on_page_by_page(api: Api) -> None:
    for i in range(5):
        await create(api, f"P{i}")
    query = """query ($after: String) {
        organization { auditLog(first: 2, after: $after) { nodes { seq } pageInfo { hasNextPage endCursor } } }
    }"""
    seen: list[int] = []
    after = None
    while True:
        page = (await api(query, after=after))["organization"]["auditLog"]
        seen += [node["seq"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "query",
    [
        "{ auditLog { totalCount } }",
        "{ organization { auditLog { totalCount } } }",
        "{ verifyAuditLog { head } }",
        'query { auditEntry(id: "audit_entry_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f") { id } }',
    ],
)
async def test_the_log_is_for_those_who_may_read_it(api: Api, query: str) -> None:
    maintainer = Api(api.runtime, viewer_as(Role.MAINTAINER, api.viewer.actor_id, api.viewer.organization_id))
    (error,) = await maintainer.errors(query)
    assert (error["extensions"]["code"], error["extensions"]["permission"]) == ("FORBIDDEN", "audit:read")


async def test_another_organization_sees_nothing_of_the_log(api: Api, foreign: Api) -> None:
    await create(api)
    made = encode(Kind.AuditEntry, (await entry(api)).id)
    assert (await foreign("{ auditLog { totalCount } }"))["auditLog"]["totalCount"] == 0
    (error,) = await foreign.errors("query ($id: ID!) { auditEntry(id: $id) { id } }", id=made)
    assert error["extensions"]["code"] == "NOT_FOUND"
    node = "query ($id: ID!) { node(id: $id) { ... on AuditEntry { operation } } }"
    assert (await api(node, id=made))["node"] == {"operation": "createProject"}


VERIFY: Final = """query ($head: String) {
    verifyAuditLog(expectedHead: $head) { isIntact flaw seq entryId entries head message }
}"""


async def test_verifying_says_what_was_changed_and_what_was_cut_off(api: Api, db: Database) -> None:
    await create(api)
    await create(api, "Speech")
    good = (await api(VERIFY))["verifyAuditLog"]
    assert (good["isIntact"], good["flaw"], good["seq"], good["entryId"], good["entries"]) == (
        True,
        None,
        None,
        None,
        2,
    )
    assert good["head"] == f"2:{(await entries(api))[1].hash.hex()}"
    assert (await api(VERIFY, head=good["head"]))["verifyAuditLog"] == good
    longer = (await api(VERIFY, head=good["head"].replace("2:", "3:")))["verifyAuditLog"]
    assert (longer["flaw"], longer["seq"]) == ("TRUNCATED", 3)
    async with db.transaction() as tx:
        await tx.fetch_sql("UPDATE audit_entry SET actor_label = 'nobody' WHERE seq = 2")
    bad = (await api(VERIFY))["verifyAuditLog"]
    assert (bad["isIntact"], bad["flaw"], bad["seq"], bad["entries"]) == (False, "CHANGED", 2, 1)
    assert bad["entryId"] == encode(Kind.AuditEntry, (await entries(api))[1].id)


async def test_what_is_no_head_is_refused(api: Api) -> None:
    (error,) = await api.errors(VERIFY, head="2:abc")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "expectedHead")


async def test_what_a_service_account_makes_names_it(api: Api) -> None:
    account = await new_account(api, "trainer")
    program = Api(api.runtime, acting(api, account))
    await create(program, "Made by a program")
    await create(api, "Made by a person")
    projects = (await api("{ projects { nodes { name createdBy { __typename name } } } }"))["projects"]["nodes"]
    # The projects and, for both tables, those who made them.
    assert api.statements == 2
    assert projects == [
        {"name": "Made by a person", "createdBy": {"__typename": "User", "name": "Owner"}},
        {"name": "Made by a program", "createdBy": {"__typename": "ServiceAccount", "name": "trainer"}},
    ]
    wanted = {"actor": {"eq": encode(Kind.ServiceAccount, account)}}
    assert (await api(LIST, filter=wanted))["auditLog"]["totalCount"] == 1


def acting(api: Api, account: UUID) -> Any:
    """A service account as a viewer."""
    viewer = viewer_as(Role.OWNER, account, api.viewer.organization_id, name="trainer")
    return replace(viewer, actor_kind=ActorKind.SERVICE_ACCOUNT, email=None)


async def test_runs_are_found_by_the_service_account_that_made_them(api: Api) -> None:
    account = await new_account(api, "trainer")
    await new_experiment(Api(api.runtime, acting(api, account)), await create(api))
    query = "query ($by: ID!) { experiments(filter: {createdBy: {eq: $by}}) { totalCount } }"
    assert (await api(query, by=encode(Kind.ServiceAccount, account)))["experiments"]["totalCount"] == 1
    assert (await api(query, by=encode(Kind.User, api.viewer.actor_id)))["experiments"]["totalCount"] == 0


async def test_somebody_who_has_left_is_still_named(api: Api, db: Database) -> None:
    project = await create(api)
    async with db.transaction() as tx:
        await tx.fetch_sql("UPDATE membership SET removed_at = now()")
    query = "query ($id: ID!) { project(id: $id) { createdBy { name ... on User { email } } } }"
    assert (await api(query, id=project))["project"]["createdBy"] == {"name": "Owner", "email": "owner@localhost"}
