"""Operations on API keys, and those who carry them out, for the tests of keys."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from maestro.access.door import Credentials
from maestro.db.tables.enums import Role
from maestro.ids import Kind, decode, encode
from tests.fixtures.graphql import Api, viewer_as

KEY = """
    id name prefix scopes addresses appendOnly expiresAt revokedAt isActive
    user { email } serviceAccount { name } createdBy { name } rotatedFrom { id }
"""
CREATE = f"mutation ($input: CreateApiKeyInput!) {{ createApiKey(input: $input) {{ key apiKey {{ {KEY} }} }} }}"
ROTATE = f"""
    mutation ($id: ID!, $minutes: Int! = 60) {{
        rotateApiKey(id: $id, overlapMinutes: $minutes) {{ key apiKey {{ {KEY} }} }}
    }}
"""
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { id revokedAt isActive } }"
RENAME = "mutation ($id: ID!, $name: String!) { updateApiKey(id: $id, name: $name) { id name } }"


async def create(api: Api, **given: object) -> Any:
    """Make a key and return the payload."""
    return (await api(CREATE, input={"name": "test", **given}))["createApiKey"]


async def projects_of(api: Api, key_id: str) -> list[str] | None:
    """The names of the projects that a key is limited to."""
    found = (await api("query ($id: ID!) { node(id: $id) { ... on ApiKey { projects { name } } } }", id=key_id))["node"]
    return None if found["projects"] is None else [project["name"] for project in found["projects"]]


async def by_key(api: Api, key: str) -> Api:
    """Whoever comes with a key."""
    viewer = await api.runtime.access.viewer(Credentials(key=key))
    assert viewer is not None
    return Api(api.runtime, viewer)


async def through_key(api: Api, **given: object) -> Api:
    """The same person, with a new key."""
    return await by_key(api, (await create(api, **given))["key"])


async def works(api: Api, key: str) -> bool:
    """Say whether a key opens the door."""
    return await api.runtime.access.viewer(Credentials(key=key)) is not None


async def project(api: Api, name: str) -> str:
    """Make a project and return its id."""
    text = "mutation ($n: String!) { createProject(input: {name: $n}) { ... on ProjectSaved { project { id } } } }"
    made: str = (await api(text, n=name))["createProject"]["project"]["id"]
    return made


async def service_account(api: Api, role: Role | None = Role.CONTRIBUTOR, *, project_id: str | None = None) -> str:
    """Make a service account with a role and return its id."""
    account, organization = uuid4(), api.viewer.organization_id
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO service_account (id, organization_id, name) VALUES ($1, $2, 'trainer')", account, organization
        )
        if role is not None:
            await tx.fetch_sql(
                "INSERT INTO membership (id, organization_id, service_account_id, role, project_id) "
                "VALUES ($1, $2, $3, $4, $5)",
                uuid4(),
                organization,
                account,
                role,
                None if project_id is None else decode(project_id)[1],
            )
    return encode(Kind.ServiceAccount, account)


async def colleague(api: Api, role: Role | None = Role.ADMIN, *, in_projects: dict[str, Role] | None = None) -> Api:
    """Somebody else in the organisation, with a role."""
    user, organization = uuid4(), api.viewer.organization_id
    held: list[tuple[Role, UUID | None]] = [] if role is None else [(role, None)]
    held += [(one, decode(project)[1]) for project, one in (in_projects or {}).items()]
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO \"user\" (id, email, name) VALUES ($1, 'colleague@localhost', 'Colleague')", user
        )
        for one, place in held:
            await tx.fetch_sql(
                "INSERT INTO membership (id, organization_id, user_id, role, project_id) VALUES ($1, $2, $3, $4, $5)",
                uuid4(),
                organization,
                user,
                one,
                place,
            )
    places = {place: one for one, place in held if place is not None}
    return Api(api.runtime, viewer_as(role, user, organization, in_projects=places, name="Colleague"))


async def browsing(api: Api) -> Api:
    """The same person in a session of their own."""
    return Api(api.runtime, replace(api.viewer, session_id=uuid4()))
