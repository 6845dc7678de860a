"""How memberships end, by GraphQL: an owner always remains, and who has left is out at once."""

import asyncio
from uuid import UUID

import pytest
from starlette.applications import Starlette

from maestro.access import Limits, Permission
from maestro.access.keys import KeySpec
from maestro.access.sessions import Origin
from maestro.db.tables.enums import Role, SignInWay
from maestro.ids import Kind, encode
from tests.fixtures.access import new_session
from tests.fixtures.audit import entries
from tests.fixtures.graphql import Api, api_key, browser
from tests.fixtures.members import membership_of, new_account, new_member, new_membership, new_project
from tests.schema.membership_texts import (
    ADD,
    LEAVE,
    REMOVE,
    UPDATE,
    assert_refused,
    roles,
    user_id,
)

ME = "{ viewer { role } }"


async def test_who_left_does_not_belong_to_the_organization(api: Api) -> None:
    member = await new_member(api, Role.VIEWER)
    await member(LEAVE)
    await assert_refused(api, "NOT_FOUND", ADD, actor=user_id(member), role="VIEWER")


@pytest.mark.parametrize("role", ["ADMIN", "VIEWER"])
async def test_the_last_owner_is_not_made_less(api: Api, role: str) -> None:
    error = await assert_refused(api, "LAST_OWNER", UPDATE, id=await membership_of(api, api), role=role)
    assert "hint" in error["extensions"]  # type: ignore[operator] # it is a mapping


async def test_the_last_owner_is_not_removed(api: Api) -> None:
    await assert_refused(api, "LAST_OWNER", REMOVE, id=await membership_of(api, api))


async def test_the_last_owner_does_not_leave(api: Api) -> None:
    await assert_refused(api, "LAST_OWNER", LEAVE)


async def test_an_owner_of_a_project_and_a_program_do_not_stand_in_for_the_last_owner(api: Api) -> None:
    await new_member(api, None, in_projects={await new_project(api): Role.OWNER})
    await new_account(api, role=Role.OWNER)
    await assert_refused(api, "LAST_OWNER", LEAVE)


async def test_one_of_two_owners_leaves(api: Api) -> None:
    second = await new_member(api, Role.OWNER)
    assert (await second(LEAVE))["leaveOrganization"]["organizations"] == []
    assert await roles(api) == ["OWNER"]


async def test_the_last_owner_keeps_the_role_that_they_are_given_again(api: Api) -> None:
    saved = await api(UPDATE, id=await membership_of(api, api), role="OWNER")
    assert saved["updateMembership"]["membership"]["role"] == "OWNER"


async def test_two_owners_who_leave_at_once_leave_one_behind(api: Api) -> None:
    owners = [api, await new_member(api, Role.OWNER)]
    ended = await asyncio.gather(*(owner.run(LEAVE) for owner in owners))
    codes = sorted(error["extensions"]["code"] for _, errors in ended for error in errors)
    assert codes == ["LAST_OWNER"]
    left = await api.runtime.db.fetch_sql("SELECT role FROM membership WHERE removed_at IS NULL")
    assert [row.role for row in left] == ["OWNER"]


async def test_two_owners_who_remove_each_other_at_once_leave_one_behind(api: Api) -> None:
    second = await new_member(api, Role.OWNER)
    first_id, second_id = await membership_of(api, api), await membership_of(api, second)
    ended = await asyncio.gather(api.run(REMOVE, id=second_id), second.run(UPDATE, id=first_id, role="VIEWER"))
    assert sorted(error["extensions"]["code"] for _, errors in ended for error in errors) == ["LAST_OWNER"]
    left = await api.runtime.db.fetch_sql("SELECT 1 FROM membership WHERE removed_at IS NULL AND role = 'OWNER'")
    assert len(left) == 1


async def test_leaving_ends_every_role_in_the_organization_and_none_elsewhere(api: Api, foreign: Api) -> None:
    member = await new_member(api, Role.VIEWER, in_projects={await new_project(api): Role.ADMIN})
    await new_membership(foreign, Role.VIEWER, user=member.viewer.actor_id)
    assert (await member(LEAVE))["leaveOrganization"]["organizations"] == [{"slug": "other", "isCurrent": False}]
    assert await roles(api) == ["OWNER"]
    assert await roles(foreign) == ["OWNER", "VIEWER"]


async def test_a_narrowed_key_leaves_nothing(api: Api) -> None:
    keyed = await new_member(api, Role.VIEWER, limits=Limits(scopes=frozenset(Permission)))
    await assert_refused(api, "FORBIDDEN", LEAVE, asking=keyed)


async def test_a_removed_persons_keys_of_that_organization_stop_working_at_once(
    app: Starlette, api: Api, foreign: Api
) -> None:
    member = await new_member(api, Role.VIEWER)
    await new_membership(foreign, Role.VIEWER, user=member.viewer.actor_id)
    spec = {"user_id": member.viewer.actor_id, "name": "k"}
    here = await api_key(api.runtime, KeySpec(organization_id=api.viewer.organization_id, **spec))  # type: ignore[arg-type] # of mixed types
    there = await api_key(api.runtime, KeySpec(organization_id=foreign.viewer.organization_id, **spec))  # type: ignore[arg-type] # as above
    async with browser(app) as http:

        async def status(key: str) -> int:
            answer = await http.post("/graphql", json={"query": ME}, headers={"authorization": f"Bearer {key}"})
            return answer.status_code

        assert [await status(here), await status(there)] == [200, 200]
        await api(REMOVE, id=await membership_of(api, member))
        assert [await status(here), await status(there)] == [401, 200]


async def new_key(api: Api, *, user_id: UUID | None = None, service_account_id: UUID | None = None) -> UUID:
    place = api.viewer.organization_id
    spec = KeySpec(organization_id=place, name="k", user_id=user_id, service_account_id=service_account_id)
    return (await api.runtime.access.create_key(spec)).row.id  # type: ignore[no-any-return] # a column of a row


async def revoked(api: Api) -> list[UUID]:
    rows = await api.runtime.db.fetch_sql("SELECT id FROM api_key WHERE revoked_at IS NOT NULL ORDER BY id")
    return [row.id for row in rows]


async def test_the_keys_of_who_was_removed_end_for_good_and_the_log_says_so(api: Api, foreign: Api) -> None:
    member = await new_member(api, Role.VIEWER)
    await new_membership(foreign, Role.VIEWER, user=member.viewer.actor_id)
    here = [await new_key(api, user_id=member.viewer.actor_id) for _ in range(2)]
    await new_key(foreign, user_id=member.viewer.actor_id)
    await new_key(api, user_id=api.viewer.actor_id)
    await api(REMOVE, id=await membership_of(api, member))
    assert await revoked(api) == here
    entry = (await entries(api))[-1]
    assert entry.operation == "removeMembership"
    assert entry.after["revoked_keys"] == [str(key) for key in here]


async def test_keys_end_with_the_last_role_and_not_before(api: Api) -> None:
    project, other = await new_project(api, "One"), await new_project(api, "Other")
    member = await new_member(api, None, in_projects={project: Role.VIEWER, other: Role.VIEWER})
    key = await new_key(api, user_id=member.viewer.actor_id)
    # Who manages one project alone sees nothing of the role in the other.
    manager = await new_member(api, None, in_projects={project: Role.ADMIN}, name="Manager")
    roles = await api.runtime.db.fetch_sql(
        "SELECT id FROM membership WHERE user_id = $1 ORDER BY project_id", member.viewer.actor_id
    )
    first, second = (encode(Kind.Membership, row.id) for row in roles)
    await manager(REMOVE, id=first)
    assert await revoked(api) == []
    assert "revoked_keys" not in (await entries(api))[-1].after
    await api(REMOVE, id=second)
    assert await revoked(api) == [key]


async def test_the_keys_of_who_leaves_end_for_good(api: Api) -> None:
    member = await new_member(api, Role.VIEWER, in_projects={await new_project(api): Role.ADMIN})
    key = await new_key(api, user_id=member.viewer.actor_id)
    await member(LEAVE)
    assert await revoked(api) == [key]
    assert (await entries(api))[-1].after["revoked_keys"] == [str(key)]


async def test_the_keys_of_a_service_account_end_with_its_last_role(api: Api) -> None:
    account = await new_account(api)
    membership = await new_membership(api, Role.VIEWER, account=account)
    key = await new_key(api, service_account_id=account)
    await api(REMOVE, id=membership)
    assert await revoked(api) == [key]


async def test_a_removed_persons_session_goes_on_in_their_other_organization(
    app: Starlette, api: Api, foreign: Api
) -> None:
    member = await new_member(api, Role.VIEWER)
    await new_membership(foreign, Role.ADMIN, user=member.viewer.actor_id)
    session = await new_session(
        api.runtime, member.viewer.actor_id, Origin(SignInWay.LINK), organization_id=api.viewer.organization_id
    )
    headers = {"cookie": f"maestro_session={session.token}", "origin": "http://testserver"}
    async with browser(app, **headers) as http:

        async def role() -> object:
            return (await http.post("/graphql", json={"query": ME})).json()["data"]["viewer"]["role"]

        assert await role() == "VIEWER"
        await api(REMOVE, id=await membership_of(api, member))
        assert await role() == "ADMIN"
