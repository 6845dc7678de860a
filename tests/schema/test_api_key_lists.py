"""API keys of service accounts, and who sees which keys, by GraphQL."""

import pytest

from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api
from tests.schema.api_key_texts import CREATE, REVOKE, ROTATE, colleague, create, project, service_account, through_key

OWN = "query ($text: String) { viewer { apiKeys(filterText: $text) { totalCount nodes { name } } } }"
ALL = """
query ($filter: ApiKeyFilter, $text: String, $sort: [ApiKeySort!]) {
  organization { apiKeys(filter: $filter, filterText: $text, sort: $sort) { nodes { name } } }
}"""
OF_ACCOUNT = "query ($id: ID!) { node(id: $id) { ... on ServiceAccount { apiKeys { nodes { name } } } } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"


async def own(api: Api, **variables: object) -> list[str]:
    return [node["name"] for node in (await api(OWN, **variables))["viewer"]["apiKeys"]["nodes"]]


async def of_organization(api: Api, **variables: object) -> list[str]:
    return [node["name"] for node in (await api(ALL, **variables))["organization"]["apiKeys"]["nodes"]]


async def of_account(api: Api, account: str) -> list[str]:
    return [node["name"] for node in (await api(OF_ACCOUNT, id=account))["node"]["apiKeys"]["nodes"]]


async def refused(api: Api, code: str, **given: object) -> None:
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"name": "test", **given})
    assert error["extensions"]["code"] == code
    assert await api.state() == before


async def test_everybody_sees_their_own_keys_and_who_manages_keys_sees_all(api: Api) -> None:
    await create(api, name="owner's")
    member, account = await colleague(api, Role.CONTRIBUTOR), await service_account(api)
    await create(member, name="member's")
    await create(api, name="account's", serviceAccountId=account)
    assert await own(api) == ["owner's"]
    assert await own(member) == ["member's"]
    assert await of_organization(api) == ["account's", "member's", "owner's"]
    (error,) = await member.errors(ALL)
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_key_of_an_account_is_listed_for_the_account_and_who_manages_it(api: Api) -> None:
    member, account = await colleague(api, Role.CONTRIBUTOR), await service_account(api)
    program = await through_key(api, name="account's", serviceAccountId=account)
    assert await own(program) == ["account's"]
    assert await of_account(program, account) == ["account's"]
    assert await of_account(api, account) == ["account's"]
    assert await of_account(member, account) == []


async def test_who_manages_service_accounts_alone_sees_their_keys_alone(api: Api) -> None:
    account = await service_account(api)
    owners = await create(api, name="owner's")
    accounts = await create(api, name="account's", serviceAccountId=account)
    manager = await through_key(await colleague(api, Role.ADMIN), name="own", scopes=["SERVICE_ACCOUNT_MANAGE"])
    assert await of_account(manager, account) == ["account's"]
    assert (await manager(NODE, id=accounts["apiKey"]["id"]))["node"] == {"id": accounts["apiKey"]["id"]}
    (error,) = await manager.errors(NODE, id=owners["apiKey"]["id"])
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_a_key_that_only_appends_lists_nothing(api: Api) -> None:
    job = await through_key(api, appendOnly=True)
    (error,) = await job.errors(OWN)
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_key_is_a_node_for_whom_it_belongs_to(api: Api, foreign: Api) -> None:
    made = (await create(api))["apiKey"]["id"]
    assert (await api(NODE, id=made))["node"] == {"id": made}
    for other in (foreign, await colleague(api, Role.MAINTAINER)):
        (error,) = await other.errors(NODE, id=made)
        assert error["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"filter": {"name": {"ilike": "NIGHT%"}}}, ["nightly"]),
        ({"filter": {"text": "job"}}, ["job 2", "job 1"]),
        ({"text": "isActive = false"}, ["job 2"]),
        ({"filter": {"isActive": {"eq": True}, "appendOnly": {"eq": False}}}, ["nightly"]),
        ({"text": "appendOnly = true"}, ["job 1"]),
        ({"filter": {"expiresAt": {"exists": True}}}, ["nightly"]),
        ({"sort": [{"field": "NAME"}]}, ["job 1", "job 2", "nightly"]),
        ({"sort": [{"field": "LAST_USED_AT"}, {"field": "NAME", "direction": "DESC"}]}, ["nightly", "job 2", "job 1"]),
    ],
)
async def test_keys_are_filtered_and_sorted(api: Api, variables: dict[str, object], names: list[str]) -> None:
    await create(api, name="nightly", expiresInDays=3)
    await create(api, name="job 1", appendOnly=True)
    await api(REVOKE, id=(await create(api, name="job 2"))["apiKey"]["id"])
    assert await of_organization(api, **variables) == names


async def test_a_page_of_keys_costs_a_statement_a_level(api: Api) -> None:
    vision = await project(api, "Vision")
    for _ in range(3):
        old = await create(api, projectIds=[vision])
        await api(ROTATE, id=old["apiKey"]["id"])
    await create(api, serviceAccountId=await service_account(api))
    edges = "projects { name } user { name } serviceAccount { name } createdBy { id } rotatedFrom { id }"
    data = await api(f"{{ organization {{ apiKeys {{ totalCount nodes {{ {edges} }} }} }} }}")
    assert data["organization"]["apiKeys"]["totalCount"] == 7
    # The organisation, the page, its total, and each of the five edges.
    assert api.statements == 8


async def test_a_key_for_a_service_account_takes_the_permission(api: Api) -> None:
    account = await service_account(api)
    await refused(await colleague(api, Role.MAINTAINER), "FORBIDDEN", serviceAccountId=account)


@pytest.mark.parametrize("scope", ["SERVICE_ACCOUNT_MANAGE", "API_KEY_MANAGE"])
async def test_either_permission_suffices_for_what_the_maker_holds_besides(api: Api, scope: str) -> None:
    account = await service_account(api)
    maker = await through_key(api, scopes=[scope, "RUN_WRITE"])
    made = await create(maker, serviceAccountId=account, scopes=["RUN_WRITE"])
    assert made["apiKey"]["serviceAccount"] == {"name": "trainer"}
    await refused(maker, "FORBIDDEN", serviceAccountId=account, scopes=["RUN_WRITE", "RUN_DELETE"])


async def test_a_key_of_an_account_never_allows_more_than_its_maker_may(api: Api) -> None:
    account = await service_account(api, Role.OWNER)
    admin = await colleague(api, Role.ADMIN)
    await refused(admin, "FORBIDDEN", serviceAccountId=account)
    await create(admin, serviceAccountId=account, scopes=["RUN_WRITE"])


async def test_who_cannot_make_the_key_of_an_account_cannot_rotate_it(api: Api) -> None:
    account = await service_account(api, Role.OWNER)
    made = await create(api, serviceAccountId=account)
    admin = await colleague(api, Role.ADMIN)
    before = await api.state()
    (error,) = await admin.errors(ROTATE, id=made["apiKey"]["id"])
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.state() == before


async def test_a_key_of_an_account_that_is_switched_off_is_not_made(api: Api) -> None:
    account = await service_account(api)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE service_account SET disabled_at = now()")
    await refused(api, "CONFLICT", serviceAccountId=account)


async def test_an_account_with_a_role_in_one_project_has_a_key_for_that_project(api: Api) -> None:
    vision = await project(api, "Vision")
    await project(api, "Speech")
    program = await through_key(api, serviceAccountId=await service_account(api, Role.VIEWER, project_id=vision))
    assert await program("{ projects { nodes { name } } }") == {"projects": {"nodes": [{"name": "Vision"}]}}
