"""Who has which role, by GraphQL: given, changed, taken away, never beyond what the giver holds."""

import pytest

from maestro.access import Limits, Permission
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import hearing
from tests.fixtures.members import membership_of, new_account, new_member, new_membership, new_project, new_user
from tests.schema.membership_texts import (
    ADD,
    REMOVE,
    UPDATE,
    assert_refused,
    roles,
    user_id,
)

IN_PROJECT = "query ($id: ID!) { project(id: $id) { members { totalCount nodes { role user { id } } } } }"


async def test_a_member_gets_a_role_in_a_project(api: Api) -> None:
    project, member = await new_project(api), await new_member(api, Role.VIEWER)
    place = encode(Kind.Project, project)
    made = (await api(ADD, actor=user_id(member), role="MAINTAINER", project=place))["addMember"]["membership"]
    assert {name: made[name] for name in ("role", "user", "serviceAccount", "project", "source", "version")} == {
        "role": "MAINTAINER",
        "user": {"id": user_id(member)},
        "serviceAccount": None,
        "project": {"id": place},
        "source": "MANUAL",
        "version": 1,
    }
    assert made["createdBy"] == {"name": "Owner"}
    listed = (await api(IN_PROJECT, id=place))["project"]["members"]
    assert listed == {"totalCount": 1, "nodes": [{"role": "MAINTAINER", "user": {"id": user_id(member)}}]}
    assert api.statements == 4  # the project, the page, the total, the users


async def test_a_service_account_gets_a_role_in_a_project(api: Api) -> None:
    account = encode(Kind.ServiceAccount, await new_account(api))
    place = encode(Kind.Project, await new_project(api))
    made = (await api(ADD, actor=account, role="CONTRIBUTOR", project=place))["addMember"]["membership"]
    assert (made["user"], made["serviceAccount"]) == (None, {"id": account})


async def test_adding_a_member_again_under_the_same_key_changes_nothing(api: Api) -> None:
    member = await new_member(api, None, in_projects={await new_project(api): Role.VIEWER})
    given = {"actor": user_id(member), "role": "VIEWER", "once": "one"}
    first = (await api(ADD, **given))["addMember"]
    again = (await api(ADD, **given))["addMember"]
    assert first == again
    assert await roles(api) == ["OWNER", "VIEWER", "VIEWER"]


async def test_a_second_role_in_the_same_place_is_a_conflict(api: Api) -> None:
    member = await new_member(api, Role.VIEWER)
    error = await assert_refused(api, "CONFLICT", ADD, actor=user_id(member), role="ADMIN")
    assert error["message"] == "They have the role VIEWER in the organization already."


async def test_somebody_who_does_not_belong_to_the_organization_cannot_be_added(api: Api, foreign: Api) -> None:
    stranger = encode(Kind.User, await new_user(api, "nobody"))
    await assert_refused(api, "NOT_FOUND", ADD, actor=stranger, role="VIEWER")
    await assert_refused(api, "NOT_FOUND", ADD, actor=user_id(foreign), role="VIEWER")


async def test_an_id_of_something_else_is_no_actor(api: Api) -> None:
    place = encode(Kind.Project, await new_project(api))
    error = await assert_refused(api, "BAD_USER_INPUT", ADD, actor=place, role="VIEWER")
    assert "the id of a User is wanted here" in str(error["message"])


async def test_a_role_is_changed(api: Api) -> None:
    member = await new_member(api, Role.VIEWER)
    key = await membership_of(api, member)
    saved = (await api(UPDATE, id=key, role="ADMIN", version=1))["updateMembership"]["membership"]
    assert saved == {"id": key, "role": "ADMIN", "version": 2}


async def test_a_change_of_an_outdated_membership_answers_what_it_is_now(api: Api) -> None:
    key = await membership_of(api, await new_member(api, Role.VIEWER))
    await api(UPDATE, id=key, role="ADMIN")
    before = await api.state()
    stale = (await api(UPDATE, id=key, role="OWNER", version=1))["updateMembership"]
    assert (stale["__typename"], stale["current"]) == ("StaleVersion", {"id": key, "role": "ADMIN"})
    assert await api.state() == before


async def test_a_removed_membership_is_kept_and_hidden(api: Api) -> None:
    key = await membership_of(api, await new_member(api, Role.VIEWER))
    removed = (await api(REMOVE, id=key))["removeMembership"]["membership"]
    assert removed["removedAt"] is not None
    assert await roles(api) == ["OWNER"]
    kept = await api("query ($id: ID!) { node(id: $id) { ... on Membership { removedAt } } }", id=key)
    assert kept["node"] == {"removedAt": removed["removedAt"]}


async def test_what_has_ended_cannot_be_changed_or_removed_again(api: Api) -> None:
    key = await membership_of(api, await new_member(api, Role.VIEWER))
    await api(REMOVE, id=key)
    await assert_refused(api, "CONFLICT", UPDATE, id=key, role="ADMIN")
    await assert_refused(api, "CONFLICT", REMOVE, id=key)


async def test_who_was_removed_can_be_given_a_role_again(api: Api) -> None:
    member = await new_member(api, Role.VIEWER, in_projects={await new_project(api): Role.VIEWER})
    await api(REMOVE, id=await membership_of(api, member))
    made = await api(ADD, actor=user_id(member), role="ADMIN")
    assert made["addMember"]["membership"]["role"] == "ADMIN"


@pytest.mark.parametrize("role", [Role.MAINTAINER, Role.CONTRIBUTOR, Role.VIEWER])
async def test_who_does_not_manage_members_changes_none(api: Api, role: Role) -> None:
    member, other = await new_member(api, role), await new_member(api, Role.VIEWER, name="Other")
    key = await membership_of(api, other)
    await assert_refused(api, "FORBIDDEN", UPDATE, asking=member, id=key, role="VIEWER")
    await assert_refused(api, "FORBIDDEN", REMOVE, asking=member, id=key)
    await assert_refused(api, "FORBIDDEN", ADD, asking=member, actor=user_id(other), role="VIEWER")


async def test_an_admin_makes_no_owner(api: Api) -> None:
    admin, other = await new_member(api, Role.ADMIN), await new_member(api, Role.VIEWER, name="Other")
    error = await assert_refused(
        api, "FORBIDDEN", UPDATE, asking=admin, id=await membership_of(api, other), role="OWNER"
    )
    assert error["message"] == (
        "The role OWNER allows what you do not hold here, so you can neither give it nor take it away."
    )


async def test_an_admin_changes_and_removes_no_owner(api: Api) -> None:
    admin, owner = await new_member(api, Role.ADMIN), await new_member(api, Role.OWNER, name="Second")
    key = await membership_of(api, owner)
    await assert_refused(api, "FORBIDDEN", UPDATE, asking=admin, id=key, role="ADMIN")
    await assert_refused(api, "FORBIDDEN", REMOVE, asking=admin, id=key)


async def test_an_admin_makes_and_removes_admins(api: Api) -> None:
    admin, other = await new_member(api, Role.ADMIN), await new_member(api, Role.VIEWER, name="Other")
    key = await membership_of(api, other)
    assert (await admin(UPDATE, id=key, role="ADMIN"))["updateMembership"]["__typename"] == "MembershipSaved"
    assert (await admin(REMOVE, id=key))["removeMembership"]["__typename"] == "MembershipSaved"


async def test_a_key_gives_no_more_than_its_scopes(api: Api) -> None:
    scopes = frozenset({Permission.MEMBER_MANAGE, Permission.MEMBER_READ})
    keyed = await new_member(api, Role.OWNER, limits=Limits(scopes=scopes))
    key = await membership_of(api, await new_member(api, Role.VIEWER, name="Other"))
    await assert_refused(api, "FORBIDDEN", UPDATE, asking=keyed, id=key, role="VIEWER")
    await assert_refused(api, "FORBIDDEN", REMOVE, asking=keyed, id=key)


async def test_who_manages_the_members_of_a_project_does_so_there_alone(api: Api) -> None:
    mine, other = await new_project(api, "Mine"), await new_project(api, "Other")
    manager = await new_member(api, None, in_projects={mine: Role.ADMIN}, name="Manager")
    here = await new_membership(api, Role.VIEWER, user=await new_user(api, "here"), project=mine)
    there = await new_membership(api, Role.VIEWER, user=await new_user(api, "there"), project=other)
    everywhere = await membership_of(api, api)
    saved = (await manager(UPDATE, id=here, role="CONTRIBUTOR"))["updateMembership"]["membership"]
    assert saved["role"] == "CONTRIBUTOR"
    for beyond, code in ((there, "NOT_FOUND"), (everywhere, "FORBIDDEN")):
        await assert_refused(api, code, UPDATE, asking=manager, id=beyond, role="VIEWER")
        await assert_refused(api, code, REMOVE, asking=manager, id=beyond)


async def test_a_member_who_manages_one_project_is_refused_elsewhere(api: Api) -> None:
    mine, other = await new_project(api, "Mine"), await new_project(api, "Other")
    manager = await new_member(api, Role.VIEWER, in_projects={mine: Role.ADMIN}, name="Manager")
    member = await new_member(api, Role.VIEWER)
    there = await new_membership(api, Role.VIEWER, user=member.viewer.actor_id, project=other)
    await assert_refused(api, "FORBIDDEN", REMOVE, asking=manager, id=there)
    await assert_refused(api, "FORBIDDEN", REMOVE, asking=manager, id=await membership_of(api, member))
    place = encode(Kind.Project, other)
    await assert_refused(api, "FORBIDDEN", ADD, asking=manager, actor=user_id(manager), role="VIEWER", project=place)
    assert await manager(ADD, actor=user_id(member), role="ADMIN", project=encode(Kind.Project, mine))


async def test_a_service_accounts_role_takes_the_permission_to_manage_those(api: Api) -> None:
    project = await new_project(api)
    manager = await new_member(api, Role.VIEWER, in_projects={project: Role.ADMIN})
    account = await new_account(api)
    key = await new_membership(api, Role.VIEWER, account=account, project=project)
    error = await assert_refused(api, "FORBIDDEN", REMOVE, asking=manager, id=key)
    assert error["extensions"]["permission"] == "service_account:manage"  # type: ignore[index] # it is a mapping
    assert (await api(REMOVE, id=key))["removeMembership"]["__typename"] == "MembershipSaved"
    actor, place = encode(Kind.ServiceAccount, account), encode(Kind.Project, project)
    await assert_refused(api, "FORBIDDEN", ADD, asking=manager, actor=actor, role="VIEWER", project=place)


async def test_a_strangers_membership_is_not_found(api: Api, foreign: Api) -> None:
    key = await membership_of(api, await new_member(api, Role.VIEWER))
    await assert_refused(api, "NOT_FOUND", UPDATE, asking=foreign, id=key, role="ADMIN")
    await assert_refused(api, "NOT_FOUND", REMOVE, asking=foreign, id=key)


async def test_other_processes_are_told_of_a_change_of_roles(api: Api) -> None:
    key = await membership_of(api, await new_member(api, Role.VIEWER))
    async with hearing(api.runtime.events, api.runtime.db, "access") as heard:
        await api(UPDATE, id=key, role="ADMIN")
        event = await anext(heard)
    assert event.topic == "access"


async def test_a_change_is_told_to_the_audit_log_with_what_was_before(api: Api) -> None:
    await api(UPDATE, id=await membership_of(api, await new_member(api, Role.VIEWER)), role="ADMIN")
    rows = await api.runtime.db.fetch_sql("SELECT operation, target_type, before, after FROM audit_entry")
    assert [(row.operation, row.target_type, row.before, row.after) for row in rows] == [
        ("updateMembership", "Membership", {"role": "VIEWER"}, {"role": "ADMIN"})
    ]
