"""What a client is told of permissions: its own, those of others, and why."""

from typing import Any
from uuid import UUID

import pytest

from maestro.access import IN_PROJECTS, ROLES, Limits, Permission, grants_of
from maestro.access.keys import KeySpec
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode, uuid_of
from resolvers.authorization import narrowed_by
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.registry import new_artifact_version, new_model, new_project, new_run, new_version

VIEWER = "{ viewer { role permissions } }"
PERMISSIONS = "query ($ids: [ID!]!) { nodes(ids: $ids) { id viewerPermissions } }"
CAN = """
query ($actions: [Permission!]!, $ids: [ID!]!) { can(actions: $actions, ids: $ids) { id action isFound isAllowed } }
"""
EXPLAIN = """
query ($actor: ID!, $permission: Permission!, $id: ID!) {
  explainAccess(actor: $actor, permission: $permission, id: $id) {
    isAllowed limit grant { role project { id } } nearest { role project { id } }
  }
}"""


def names(permissions: Any) -> list[str]:
    return [one.name for one in Permission if one in permissions]


def acting_as(api: Api, role: Role | None, **given: Any) -> Api:
    """The same person with another role, or with a key."""
    return Api(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id, **given))


async def new_member(api: Api, role: Role, project: str | None = None, *, name: str = "Ada") -> UUID:
    """Store a person with a role."""
    async with api.runtime.db.transaction() as tx:
        user = (
            await tx.fetch_sql(
                "INSERT INTO \"user\" (id, email, name) VALUES (gen_random_uuid(), 'a@example.org', $1) RETURNING id",
                name,
            )
        )[0].id
        await tx.fetch_sql(
            "INSERT INTO membership (id, organization_id, user_id, role, project_id) "
            "VALUES (gen_random_uuid(), $1, $2, $3, $4)",
            api.viewer.organization_id,
            user,
            role,
            None if project is None else uuid_of(Kind.Project, project),
        )
    found: UUID = user
    return found


async def new_key(api: Api, **given: Any) -> str:
    """Store a key of the owner's and return its id."""
    spec = {"user_id": api.viewer.actor_id, **given}
    made = await api.runtime.access.create_key(KeySpec(organization_id=api.viewer.organization_id, name="k", **spec))
    return encode(Kind.ApiKey, made.row.id)


async def explained(api: Api, actor: str, permission: Permission, *, node: str) -> Any:
    return (await api(EXPLAIN, actor=actor, permission=permission.name, id=node))["explainAccess"]


def person(user: UUID) -> str:
    return encode(Kind.User, user)


async def test_the_viewer_is_told_their_role_and_what_it_allows(api: Api) -> None:
    assert (await api(VIEWER))["viewer"] == {"role": "OWNER", "permissions": names(Permission)}


async def test_a_key_tells_the_role_of_its_bearer_and_what_it_leaves_of_it(api: Api) -> None:
    key = acting_as(api, Role.OWNER, limits=Limits(scopes=frozenset({Permission.RUN_WRITE})))
    assert (await key(VIEWER))["viewer"] == {"role": "OWNER", "permissions": ["RUN_WRITE"]}


async def test_who_has_roles_in_projects_alone_has_none_in_the_organization(api: Api) -> None:
    project = await new_project(api)
    user = await new_member(api, Role.ADMIN, project)
    held = {uuid_of(Kind.Project, project): Role.ADMIN}
    member = Api(api.runtime, viewer_as(None, user, api.viewer.organization_id, in_projects=held))
    assert (await member(VIEWER))["viewer"] == {"role": None, "permissions": []}


async def test_the_roles_are_listed_with_what_they_allow(api: Api) -> None:
    listed = (await api("{ roles { role permissions } }"))["roles"]
    assert listed == [{"role": role.name, "permissions": names(held)} for role, held in ROLES.items()]


async def test_a_node_tells_what_the_viewer_may_do_where_it_lies(api: Api) -> None:
    here, elsewhere = await new_project(api), await new_project(api, "Other")
    ids = [here, await new_run(api, here), elsewhere, await new_run(api, elsewhere)]
    viewer = acting_as(api, Role.VIEWER, in_projects={uuid_of(Kind.Project, here): Role.CONTRIBUTOR})
    inside, outside = names(ROLES[Role.CONTRIBUTOR] & IN_PROJECTS), names(ROLES[Role.VIEWER] & IN_PROJECTS)
    nodes = (await viewer(PERMISSIONS, ids=ids))["nodes"]
    assert [node["viewerPermissions"] for node in nodes] == [inside, inside, outside, outside]
    assert viewer.statements == 2


async def test_what_lies_in_no_project_goes_by_the_role_in_the_organization(api: Api) -> None:
    found = await api("{ organization { viewerPermissions } }")
    assert found["organization"]["viewerPermissions"] == names(Permission)


async def test_what_names_its_project_by_its_container_costs_one_statement_a_kind(api: Api) -> None:
    project = await new_project(api)
    model = await new_model(api, project)
    ids = [await new_version(api, model) for _ in range(3)] + [await new_artifact_version(api, project)]
    nodes = (await api(PERMISSIONS, ids=ids))["nodes"]
    assert [node["viewerPermissions"] for node in nodes] == [names(IN_PROJECTS)] * 4
    assert api.statements == 4


async def test_a_decision_is_made_for_each_id_and_action(api: Api, foreign: Api) -> None:
    here, theirs = await new_project(api), await new_project(foreign)
    viewer = acting_as(api, Role.VIEWER)
    decisions = (await viewer(CAN, actions=["RUN_WRITE", "PROJECT_READ"], ids=[here, theirs]))["can"]
    assert [(one["id"], one["action"], one["isFound"], one["isAllowed"]) for one in decisions] == [
        (here, "RUN_WRITE", True, False),
        (here, "PROJECT_READ", True, True),
        (theirs, "RUN_WRITE", False, False),
        (theirs, "PROJECT_READ", False, False),
    ]


async def test_a_member_of_one_project_is_told_nothing_of_another(api: Api) -> None:
    here, elsewhere = await new_project(api), await new_project(api, "Other")
    member = acting_as(api, None, in_projects={uuid_of(Kind.Project, here): Role.VIEWER})
    decisions = (await member(CAN, actions=["PROJECT_READ"], ids=[here, elsewhere]))["can"]
    assert [(one["isFound"], one["isAllowed"]) for one in decisions] == [(True, True), (False, False)]


async def test_too_many_actions_are_refused(api: Api) -> None:
    (error,) = await api.errors(CAN, actions=["RUN_WRITE"] * (len(Permission) + 1), ids=[])
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "actions", "limit": len(Permission)}


async def test_what_a_role_allows_is_explained_by_the_membership(api: Api) -> None:
    project = await new_project(api)
    user = await new_member(api, Role.CONTRIBUTOR)
    assert await explained(api, person(user), Permission.RUN_WRITE, node=await new_run(api, project)) == {
        "isAllowed": True,
        "limit": None,
        "grant": {"role": "CONTRIBUTOR", "project": None},
        "nearest": None,
    }


async def test_what_no_role_allows_is_explained_by_the_nearest_one_in_the_project(api: Api) -> None:
    project = await new_project(api)
    user = await new_member(api, Role.VIEWER)
    assert await explained(api, person(user), Permission.RUN_DELETE, node=await new_run(api, project)) == {
        "isAllowed": False,
        "limit": None,
        "grant": None,
        "nearest": {"role": "MAINTAINER", "project": {"id": project}},
    }


async def test_what_is_of_the_whole_organization_takes_a_role_there(api: Api) -> None:
    project = await new_project(api)
    user = await new_member(api, Role.OWNER, project)
    explanation = await explained(api, person(user), Permission.QUOTA_MANAGE, node=project)
    assert explanation["nearest"] == {"role": "OWNER", "project": None}


async def test_a_role_in_the_project_counts_there_and_nowhere_else(api: Api) -> None:
    project, other = await new_project(api), await new_project(api, "Other")
    user = await new_member(api, Role.MAINTAINER, project)
    inside = await explained(api, person(user), Permission.RUN_DELETE, node=project)
    outside = await explained(api, person(user), Permission.RUN_DELETE, node=other)
    assert inside["grant"] == {"role": "MAINTAINER", "project": {"id": project}}
    assert (outside["isAllowed"], outside["nearest"]["project"]) == (False, {"id": other})


async def test_a_key_is_explained_by_the_limit_that_narrows_it(api: Api) -> None:
    project, other = await new_project(api), await new_project(api, "Other")
    scoped = await new_key(api, scopes=[Permission.RUN_WRITE])
    placed = await new_key(api, project_ids=[uuid_of(Kind.Project, other)])
    logging = await new_key(api, is_append_only=True)
    limits = [
        (await explained(api, key, permission, node=project))["limit"]
        for key in (scoped, placed, logging)
        for permission in (Permission.RUN_WRITE, Permission.PROJECT_READ)
    ]
    assert limits == [None, "SCOPES", "PROJECTS", "PROJECTS", None, "APPEND_ONLY"]


@pytest.mark.parametrize(
    ("change", "limit"), [("revoked_at = now()", "KEY_REVOKED"), ("expires_at = now()", "KEY_EXPIRED")]
)
async def test_a_key_that_has_ended_allows_nothing(api: Api, change: str, limit: str) -> None:
    key = await new_key(api)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(f"UPDATE api_key SET {change} WHERE id = $1", uuid_of(Kind.ApiKey, key))
    explanation = await explained(api, key, Permission.PROJECT_READ, node=await new_project(api))
    assert (explanation["isAllowed"], explanation["limit"], explanation["grant"]["role"]) == (False, limit, "OWNER")


async def test_a_service_account_that_is_switched_off_may_do_nothing(api: Api) -> None:
    async with api.runtime.db.transaction() as tx:
        account = (
            await tx.fetch_sql(
                "INSERT INTO service_account (id, organization_id, name, disabled_at) "
                "VALUES (gen_random_uuid(), $1, 'ci', now()) RETURNING id",
                api.viewer.organization_id,
            )
        )[0].id
        await tx.fetch_sql(
            "INSERT INTO membership (id, organization_id, service_account_id, role) "
            "VALUES (gen_random_uuid(), $1, $2, 'VIEWER')",
            api.viewer.organization_id,
            account,
        )
    project = await new_project(api)
    explanation = await explained(api, encode(Kind.ServiceAccount, account), Permission.PROJECT_READ, node=project)
    assert (explanation["isAllowed"], explanation["limit"]) == (False, "ACCOUNT_DISABLED")


async def test_about_oneself_everybody_may_ask(api: Api) -> None:
    project = await new_project(api)
    key = acting_as(api, Role.OWNER, limits=Limits(scopes=frozenset({Permission.PROJECT_READ})))
    query = EXPLAIN.replace("grant { role project { id } }", "grant { id }")
    mine = {"actor": person(api.viewer.actor_id), "permission": "RUN_WRITE", "id": project}
    assert (await key(query, **mine))["explainAccess"]["isAllowed"] is True


async def test_about_others_only_who_sees_the_members_may_ask(api: Api) -> None:
    project = await new_project(api)
    user = await new_member(api, Role.VIEWER)
    key = acting_as(api, Role.OWNER, limits=Limits(scopes=frozenset({Permission.PROJECT_READ})))
    (error,) = await key.errors(EXPLAIN, actor=person(user), permission="RUN_WRITE", id=project)
    assert (error["extensions"]["code"], error["extensions"]["permission"]) == ("FORBIDDEN", "member:read")


async def test_of_strangers_and_their_objects_nothing_is_explained(api: Api, foreign: Api) -> None:
    mine, theirs = await new_project(api), await new_project(foreign)
    for actor, node in ((foreign.viewer.actor_id, mine), (api.viewer.actor_id, theirs)):
        (error,) = await api.errors(EXPLAIN, actor=person(actor), permission="RUN_WRITE", id=node)
        assert error["extensions"]["code"] == "NOT_FOUND"


async def test_who_is_no_actor_is_refused(api: Api) -> None:
    project = await new_project(api)
    (error,) = await api.errors(EXPLAIN, actor=project, permission="RUN_WRITE", id=project)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "actor"}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("is_append_only", [False, True])
@pytest.mark.parametrize("scopes", [None, frozenset({Permission.RUN_WRITE, Permission.QUOTA_MANAGE})])
def test_an_explanation_of_limits_agrees_with_what_is_granted(
    role: Role, *, is_append_only: bool, scopes: frozenset[Permission] | None
) -> None:
    here, elsewhere = UUID(int=1), UUID(int=2)
    for named in (None, frozenset({here})):
        limits = Limits(scopes, named, is_append_only)
        grants = grants_of([(role, None)], limits)
        for permission in Permission:
            for place in (None, here, elsewhere):
                is_narrowed = any(narrowed_by(limits, permission, place))
                assert grants.allow(permission, place) is (permission in ROLES[role] and not is_narrowed)
