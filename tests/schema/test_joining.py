"""Accepting invitations by GraphQL: once, as the person that one is, for what the inviter may still give."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from maestro.access import Limits, Permission, SignInMethod
from maestro.db.tables.enums import ActorKind, Role
from maestro.ids import Kind, encode, uuid_of
from tests.fixtures.graphql import Api
from tests.fixtures.members import membership_of, new_account, new_member, new_project
from tests.schema.membership_texts import (
    ACCEPT,
    assert_refused,
    invite,
)


async def roles_of(api: Api, user: UUID) -> list[str]:
    rows = await api.runtime.db.fetch_sql(
        "SELECT role FROM membership WHERE user_id = $1 AND organization_id = $2 AND removed_at IS NULL ORDER BY 1",
        user,
        api.viewer.organization_id,
    )
    return [row.role for row in rows]


async def test_somebody_of_another_organization_accepts_and_belongs_to_both(api: Api, foreign: Api) -> None:
    token = await invite(api, "MAINTAINER")
    joined = (await foreign(ACCEPT, token=token))["acceptInvitation"]["organization"]
    assert joined == {
        "id": encode(Kind.Organization, api.viewer.organization_id),
        "slug": "default",
        "name": "My team",
        "role": "MAINTAINER",
        "isCurrent": False,
    }
    assert await roles_of(api, foreign.viewer.actor_id) == ["MAINTAINER"]
    assert await roles_of(foreign, foreign.viewer.actor_id) == ["OWNER"]


async def test_accepting_is_told_to_the_log_of_the_organization_that_is_joined(api: Api, foreign: Api) -> None:
    await foreign(ACCEPT, token=await invite(api))
    rows = await api.runtime.db.fetch_sql(
        "SELECT organization_id, actor_id, target_type, after FROM audit_entry WHERE operation = 'acceptInvitation'"
    )
    assert [(row.organization_id, row.actor_id, row.target_type) for row in rows] == [
        (api.viewer.organization_id, foreign.viewer.actor_id, "Membership")
    ]
    assert rows[0].after["role"] == "VIEWER"


async def test_an_invitation_to_a_project_gives_a_role_there_alone(api: Api, foreign: Api) -> None:
    place = encode(Kind.Project, await new_project(api))
    joined = await foreign(ACCEPT, token=await invite(api, "ADMIN", projectId=place))
    assert joined["acceptInvitation"]["organization"]["role"] is None
    rows = await api.runtime.db.fetch_sql("SELECT role, project_id FROM membership WHERE project_id IS NOT NULL")
    assert [(row.role, row.project_id) for row in rows] == [("ADMIN", uuid_of(Kind.Project, place))]


async def test_an_invitation_works_once(api: Api, foreign: Api) -> None:
    token = await invite(api)
    await foreign(ACCEPT, token=token)
    other = await new_member(foreign, Role.VIEWER)
    await assert_refused(api, "NOT_FOUND", ACCEPT, asking=other, token=token)


async def test_two_people_who_accept_at_once_are_one_member_more(api: Api, foreign: Api) -> None:
    token, other = await invite(api), await new_member(foreign, Role.VIEWER)
    ended = await asyncio.gather(foreign.run(ACCEPT, token=token), other.run(ACCEPT, token=token))
    assert [error["extensions"]["code"] for _, errors in ended for error in errors] == ["NOT_FOUND"]
    rows = await api.runtime.db.fetch_sql(
        "SELECT 1 FROM membership WHERE organization_id = $1", api.viewer.organization_id
    )
    assert len(rows) == 2


async def test_one_person_who_accepts_two_at_once_has_one_role(api: Api, foreign: Api) -> None:
    tokens = [await invite(api), await invite(api, "ADMIN")]
    ended = await asyncio.gather(*(foreign.run(ACCEPT, token=token) for token in tokens))
    assert [error["extensions"]["code"] for _, errors in ended for error in errors] == ["CONFLICT"]
    assert len(await roles_of(api, foreign.viewer.actor_id)) == 1


async def test_who_has_a_role_already_is_told_so_and_uses_nothing_up(api: Api, foreign: Api) -> None:
    token = await invite(api, "ADMIN")
    member = await new_member(api, Role.VIEWER)
    error = await assert_refused(api, "CONFLICT", ACCEPT, asking=member, token=token)
    assert error["message"] == "You have a role in My team already; the invitation stays unused."
    assert await foreign(ACCEPT, token=token)


async def test_a_member_accepts_an_invitation_to_a_project_besides(api: Api) -> None:
    member = await new_member(api, Role.VIEWER)
    await member(ACCEPT, token=await invite(api, "ADMIN", projectId=encode(Kind.Project, await new_project(api))))
    assert await roles_of(api, member.viewer.actor_id) == ["ADMIN", "VIEWER"]


@pytest.mark.parametrize("token", ["", "made-up", "\x00", "x" * 5000])
async def test_a_token_that_is_none_is_of_no_use(api: Api, foreign: Api, token: str) -> None:
    await invite(api)
    await assert_refused(api, "NOT_FOUND", ACCEPT, asking=foreign, token=token)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE invitation SET expires_at = now()",
        "UPDATE invitation SET revoked_at = now()",
        "UPDATE membership SET removed_at = now() WHERE role = 'ADMIN'",
        "UPDATE membership SET role = 'MAINTAINER' WHERE role = 'ADMIN'",
        "UPDATE project SET deleted_at = now()",
    ],
    ids=["expired", "revoked", "the inviter is gone", "the inviter may not any more", "the project is in the trash"],
)
async def test_an_invitation_that_is_good_no_more_is_like_one_that_never_was(
    api: Api, foreign: Api, change: str
) -> None:
    admin = await new_member(api, Role.ADMIN)
    token = await invite(admin, projectId=encode(Kind.Project, await new_project(api)))
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(change)
    error = await assert_refused(api, "NOT_FOUND", ACCEPT, asking=foreign, token=token)
    unknown = await assert_refused(api, "NOT_FOUND", ACCEPT, asking=foreign, token="made-up")
    assert error == unknown


async def test_an_invitation_is_worth_what_the_inviter_may_still_give(api: Api, foreign: Api) -> None:
    second = await new_member(api, Role.OWNER)
    token = await invite(second, "OWNER")
    await api(
        "mutation ($id: ID!) { updateMembership(id: $id, role: ADMIN) { __typename } }",
        id=await membership_of(api, second),
    )
    await assert_refused(api, "NOT_FOUND", ACCEPT, asking=foreign, token=token)


async def test_a_program_and_a_narrowed_key_accept_nothing(api: Api, foreign: Api) -> None:
    token = await invite(api)
    keyed = await new_member(foreign, Role.OWNER, limits=Limits(scopes=frozenset(Permission)))
    account = await new_account(foreign, role=Role.OWNER)
    program = replace(
        foreign.viewer, actor_id=account, actor_kind=ActorKind.SERVICE_ACCOUNT, method=SignInMethod.API_KEY
    )
    for asking in (keyed, Api(api.runtime, program)):
        await assert_refused(api, "FORBIDDEN", ACCEPT, asking=asking, token=token)
