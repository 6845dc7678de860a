"""The viewer and the organisation by GraphQL."""

from dataclasses import replace
from uuid import uuid4

from maestro.access import SignInMethod
from maestro.access.keys import KeySpec
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api

USAGE = "{ organization { usage { projects experiments runs models artifacts storageBytes points } } }"


async def test_the_viewer_is_who_asks_where(api: Api) -> None:
    data = await api("{ viewer { method apiKeyName user { id email } organization { id } } }")
    assert data["viewer"] == {
        "method": "SESSION",
        "apiKeyName": None,
        "user": {"id": encode(Kind.User, api.viewer.actor_id), "email": "owner@localhost"},
        "organization": {"id": encode(Kind.Organization, api.viewer.organization_id)},
    }


async def test_a_viewer_with_a_key_is_told_its_name_and_nothing_else_of_it(api: Api) -> None:
    spec = KeySpec(organization_id=api.viewer.organization_id, user_id=api.viewer.actor_id, name="nightly")
    made = await api.runtime.access.create_key(spec)
    api.viewer = replace(api.viewer, method=SignInMethod.API_KEY, api_key_id=made.row.id)
    assert (await api("{ viewer { method apiKeyName } }"))["viewer"] == {"method": "API_KEY", "apiKeyName": "nightly"}


async def test_an_organization_tells_its_row(api: Api) -> None:
    row = (await api.runtime.db.fetch_sql("SELECT * FROM organization"))[0]
    data = await api("{ organization { id slug name version settings quotas } }")
    assert data["organization"] == {
        "id": encode(Kind.Organization, row.id),
        "slug": row.slug,
        "name": row.name,
        "version": 1,
        "settings": {},
        "quotas": {},
    }
    assert api.statements == 1


async def test_members_are_people_and_service_accounts_with_their_roles(api: Api) -> None:
    project = await api('mutation { createProject(input: {name: "P"}) { ... on ProjectSaved { project { id } } } }')
    account = uuid4()
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO service_account (id, organization_id, name) VALUES ($1, $2, 'trainer')",
            account,
            api.viewer.organization_id,
        )
        await tx.fetch_sql(
            "INSERT INTO membership (id, organization_id, service_account_id, project_id, role) "
            "SELECT $1, $2, $3, id, 'CONTRIBUTOR' FROM project",
            uuid4(),
            api.viewer.organization_id,
            account,
        )
    members = """
        { organization { members { totalCount nodes { role user { email } serviceAccount { name } project { id } } } } }
    """
    page = (await api(members))["organization"]["members"]
    assert page["totalCount"] == 2
    assert sorted(page["nodes"], key=lambda node: node["role"]) == [
        {
            "role": "CONTRIBUTOR",
            "user": None,
            "serviceAccount": {"name": "trainer"},
            "project": project["createProject"]["project"],
        },
        {"role": "OWNER", "user": {"email": "owner@localhost"}, "serviceAccount": None, "project": None},
    ]
    assert api.statements == 6  # organisation, page, total, users, service accounts, projects


async def test_members_can_be_filtered_by_role(api: Api) -> None:
    query = "query ($text: String) { organization { members(filterText: $text) { totalCount } } }"
    owners = await api(query, text="role = 'OWNER'")
    viewers = await api(query, text="role = 'VIEWER'")
    assert owners["organization"]["members"]["totalCount"] == 1
    assert viewers["organization"]["members"]["totalCount"] == 0


async def test_usage_is_counted_in_one_statement_and_leaves_out_what_is_in_the_trash(api: Api, foreign: Api) -> None:
    create = "mutation ($n: String!) { createProject(input: {name: $n}) { ... on ProjectSaved { project { id } } } }"
    await api(create, n="Kept")
    gone = (await api(create, n="Gone"))["createProject"]["project"]["id"]
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=gone)
    await foreign(create, n="Not ours")
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO blob (organization_id, sha256, size_bytes) VALUES ($1, 'a', 5000000000), ($1, 'b', 1)",
            api.viewer.organization_id,
        )
    assert (await api(USAGE))["organization"]["usage"] == {
        "projects": 1,
        "experiments": 0,
        "runs": 0,
        "models": 0,
        "artifacts": 0,
        "storageBytes": 5_000_000_001,
        "points": 0,
    }
    assert api.statements == 2  # the organisation and the counts


async def test_a_stranger_gets_their_own_organization(api: Api, foreign: Api) -> None:
    assert (await foreign("{ organization { slug members { totalCount } } }"))["organization"] == {
        "slug": "other",
        "members": {"totalCount": 1},
    }
