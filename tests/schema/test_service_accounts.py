"""Service accounts by GraphQL: made with a role, listed, switched off and on."""

import pytest
from starlette.applications import Starlette

from maestro.access import Limits, Permission
from maestro.access.keys import KeySpec
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode, uuid_of
from tests.fixtures.graphql import Api, api_key, browser
from tests.fixtures.members import new_account, new_member, new_membership, new_project

CREATE = """
mutation ($input: CreateServiceAccountInput!, $once: String) {
  createServiceAccount(input: $input, idempotencyKey: $once) {
    __typename
    ... on ServiceAccountSaved {
      serviceAccount { id name description version disabledAt memberships { role project { id } } apiKeyCount }
    }
    ... on NameTaken { field message }
  }
}"""
UPDATE = """
mutation ($id: ID!, $input: UpdateServiceAccountInput!, $version: Int) {
  updateServiceAccount(id: $id, input: $input, expectedVersion: $version) {
    __typename
    ... on ServiceAccountSaved { serviceAccount { name description version } }
    ... on NameTaken { field }
    ... on StaleVersion { current { ... on ServiceAccount { name } } }
  }
}"""
DISABLE = """
mutation ($id: ID!, $version: Int) {
  switched: disableServiceAccount(id: $id, expectedVersion: $version) {
    __typename ... on ServiceAccountSaved { serviceAccount { disabledAt version } }
  }
}"""
ENABLE = DISABLE.replace("disableServiceAccount", "enableServiceAccount")
LIST = """
query ($text: String, $sort: [ServiceAccountSort!]) {
  serviceAccounts(filterText: $text, sort: $sort) {
    totalCount nodes { name apiKeyCount createdBy { name } memberships { role project { name } } }
  }
}"""
IN_ORGANIZATION = "{ organization { serviceAccounts { totalCount nodes { name } } } }"
ME = "{ viewer { serviceAccount { name } role } }"


async def create(api: Api, **given: object) -> str:
    made = (await api(CREATE, input={"name": "trainer", "role": "CONTRIBUTOR", **given}))["createServiceAccount"]
    assert made["__typename"] == "ServiceAccountSaved"
    found: str = made["serviceAccount"]["id"]
    return found


async def names(api: Api, **variables: object) -> list[str]:
    return [node["name"] for node in (await api(LIST, **variables))["serviceAccounts"]["nodes"]]


async def test_a_service_account_is_made_with_a_role_in_the_organization(api: Api) -> None:
    given = {"name": "trainer", "description": "Trains at night.", "role": "CONTRIBUTOR"}
    made = (await api(CREATE, input=given))["createServiceAccount"]["serviceAccount"]
    del made["id"]
    assert made == {
        "name": "trainer",
        "description": "Trains at night.",
        "version": 1,
        "disabledAt": None,
        "memberships": [{"role": "CONTRIBUTOR", "project": None}],
        "apiKeyCount": 0,
    }


async def test_a_service_account_is_made_with_a_role_in_a_project(api: Api) -> None:
    place = encode(Kind.Project, await new_project(api))
    given = {"name": "trainer", "role": "CONTRIBUTOR", "projectId": place}
    made = (await api(CREATE, input=given))["createServiceAccount"]["serviceAccount"]
    assert made["memberships"] == [{"role": "CONTRIBUTOR", "project": {"id": place}}]


async def test_a_used_name_is_taken(api: Api) -> None:
    await create(api)
    before = await api.state()
    taken = (await api(CREATE, input={"name": "trainer", "role": "VIEWER"}))["createServiceAccount"]
    assert (taken["__typename"], taken["field"]) == ("NameTaken", "name")
    assert await api.state() == before


async def test_the_name_is_free_in_another_organization(api: Api, foreign: Api) -> None:
    await create(api)
    assert await create(foreign)


async def test_creating_again_under_the_same_key_makes_one(api: Api) -> None:
    given = {"input": {"name": "trainer", "role": "VIEWER"}, "once": "one"}
    assert await api(CREATE, **given) == await api(CREATE, **given)
    assert await names(api) == ["trainer"]


@pytest.mark.parametrize("role", [Role.MAINTAINER, Role.CONTRIBUTOR, Role.VIEWER])
async def test_who_does_not_manage_service_accounts_makes_none(api: Api, role: Role) -> None:
    member = await new_member(api, role)
    before = await api.state()
    (error,) = await member.errors(CREATE, input={"name": "trainer", "role": "VIEWER"})
    assert error["extensions"]["permission"] == "service_account:manage"
    assert await api.state() == before


async def test_an_admin_makes_no_owner_of_a_program(api: Api) -> None:
    admin = await new_member(api, Role.ADMIN)
    before = await api.state()
    (error,) = await admin.errors(CREATE, input={"name": "trainer", "role": "OWNER"})
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.state() == before


async def test_a_key_gives_a_program_no_more_than_its_scopes(api: Api) -> None:
    limits = Limits(scopes=frozenset({Permission.SERVICE_ACCOUNT_MANAGE, Permission.MEMBER_READ}))
    keyed = await new_member(api, Role.OWNER, limits=limits)
    before = await api.state()
    (error,) = await keyed.errors(CREATE, input={"name": "trainer", "role": "VIEWER"})
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.state() == before


async def test_a_service_account_is_renamed_and_described(api: Api) -> None:
    key = await create(api)
    saved = await api(UPDATE, id=key, input={"name": "nightly", "description": "Nights."}, version=1)
    assert saved["updateServiceAccount"]["serviceAccount"] == {
        "name": "nightly",
        "description": "Nights.",
        "version": 2,
    }


async def test_an_outdated_change_is_answered_with_what_it_is_now(api: Api) -> None:
    key = await create(api)
    await api(UPDATE, id=key, input={"name": "nightly"})
    stale = (await api(UPDATE, id=key, input={"name": "daily"}, version=1))["updateServiceAccount"]
    assert stale == {"__typename": "StaleVersion", "current": {"name": "nightly"}}


async def test_switching_it_off_and_on_again_counts_as_changes(api: Api) -> None:
    key = await create(api)
    off = (await api(DISABLE, id=key, version=1))["switched"]["serviceAccount"]
    on = (await api(ENABLE, id=key, version=2))["switched"]["serviceAccount"]
    assert off["disabledAt"] is not None
    assert (off["version"], on) == (2, {"disabledAt": None, "version": 3})


async def test_switching_it_off_twice_changes_nothing_the_second_time(api: Api) -> None:
    key = await create(api)
    first = await api(DISABLE, id=key)
    assert await api(DISABLE, id=key) == first
    assert (await api(DISABLE, id=key, version=1))["switched"]["__typename"] == "StaleVersion"


async def test_its_keys_stop_at_once_when_it_is_switched_off_and_work_again_when_it_is_on(
    app: Starlette, api: Api
) -> None:
    account = await create(api)
    spec = KeySpec(
        organization_id=api.viewer.organization_id,
        service_account_id=uuid_of(Kind.ServiceAccount, account),
        name="nightly",
    )
    headers = {"authorization": f"Bearer {await api_key(api.runtime, spec)}"}
    async with browser(app, **headers) as http:
        answer = await http.post("/graphql", json={"query": ME})
        assert answer.json()["data"]["viewer"] == {"serviceAccount": {"name": "trainer"}, "role": "CONTRIBUTOR"}
        await api(DISABLE, id=account)
        assert (await http.post("/graphql", json={"query": ME})).status_code == 401
        await api(ENABLE, id=account)
        assert (await http.post("/graphql", json={"query": ME})).status_code == 200


async def test_an_admin_does_not_switch_a_program_on_or_off_that_may_do_more(api: Api) -> None:
    account = encode(Kind.ServiceAccount, await new_account(api, role=Role.OWNER))
    admin = await new_member(api, Role.ADMIN)
    before = await api.state()
    for change in (DISABLE, ENABLE):
        (error,) = await admin.errors(change, id=account)
        assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.state() == before


async def test_a_list_costs_the_same_however_long_it_is(api: Api) -> None:
    project = await new_project(api, "P")
    for i in range(3):
        await new_account(api, f"a{i}", role=Role.VIEWER, project=project)
    await create(api)
    spec = KeySpec(organization_id=api.viewer.organization_id, service_account_id=await new_account(api, "k"), name="x")
    await api_key(api.runtime, spec)
    listed = (await api(LIST, sort=[{"field": "NAME"}]))["serviceAccounts"]
    assert api.statements == 6  # the page, the total, the keys, the creators, the roles, the projects
    assert listed["totalCount"] == 5
    assert listed["nodes"][0] == {
        "name": "a0",
        "apiKeyCount": 0,
        "createdBy": None,
        "memberships": [{"role": "VIEWER", "project": {"name": "P"}}],
    }
    assert [(node["name"], node["apiKeyCount"]) for node in listed["nodes"]][3:] == [("k", 1), ("trainer", 0)]


async def test_a_key_that_has_ended_is_not_counted(api: Api) -> None:
    account = await new_account(api)
    spec = KeySpec(organization_id=api.viewer.organization_id, service_account_id=account, name="x")
    made = await api.runtime.access.create_key(spec)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE api_key SET revoked_at = now() WHERE id = $1", made.row.id)
    assert (await api(LIST))["serviceAccounts"]["nodes"][0]["apiKeyCount"] == 0


async def test_the_list_is_filtered_and_sorted(api: Api) -> None:
    for name in ("b", "a", "c"):
        await new_account(api, name)
    assert await names(api, text="name != 'b'", sort=[{"field": "NAME", "direction": "DESC"}]) == ["c", "a"]
    assert await names(api) == ["c", "a", "b"]


async def test_the_organization_lists_its_own(api: Api, foreign: Api) -> None:
    await new_account(api, "ours")
    await new_account(foreign, "theirs")
    assert (await api(IN_ORGANIZATION))["organization"]["serviceAccounts"] == {
        "totalCount": 1,
        "nodes": [{"name": "ours"}],
    }
    assert api.statements == 3
    assert await names(foreign) == ["theirs"]


async def test_who_is_a_member_of_a_project_alone_sees_the_programs_that_have_a_role_there(api: Api) -> None:
    mine, other = await new_project(api, "Mine"), await new_project(api, "Other")
    await new_account(api, "here", role=Role.VIEWER, project=mine)
    await new_account(api, "there", role=Role.VIEWER, project=other)
    await new_account(api, "everywhere", role=Role.VIEWER)
    await new_account(api, "nowhere")
    member = await new_member(api, None, in_projects={mine: Role.VIEWER})
    assert await names(member) == ["everywhere", "here"]


async def test_a_role_that_was_taken_away_is_not_shown(api: Api) -> None:
    account = await new_account(api)
    key = await new_membership(api, Role.VIEWER, account=account)
    await api("mutation ($id: ID!) { removeMembership(id: $id) { __typename } }", id=key)
    assert (await api(LIST))["serviceAccounts"]["nodes"][0]["memberships"] == []


@pytest.mark.parametrize("query", [UPDATE, DISABLE, ENABLE])
async def test_a_strangers_service_account_is_not_found(api: Api, foreign: Api, query: str) -> None:
    account = encode(Kind.ServiceAccount, await new_account(api))
    before = await api.state()
    variables = {"input": {"name": "x"}} if query is UPDATE else {}
    (error,) = await foreign.errors(query, id=account, **variables)
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before
