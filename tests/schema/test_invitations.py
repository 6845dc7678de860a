"""Invitations by GraphQL: made with a link, listed, taken back, never beyond what the inviter holds."""

from datetime import timedelta

import pytest

from maestro.access import Limits, Permission
from maestro.clock import now
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.fixtures.members import new_member, new_project
from tests.schema.membership_texts import ACCEPT, INVITE, REVOKE, assert_refused, invite

LIST = """
query ($filter: InvitationFilter, $first: Int, $after: String) {
  organization { invitations(filter: $filter, first: $first, after: $after) {
    totalCount nodes { email state acceptedBy { name } createdBy { name } project { name } }
    pageInfo { endCursor hasNextPage }
  } }
}"""


async def invite_id(api: Api, role: str = "VIEWER", **given: object) -> str:
    made = (await api(INVITE, input={"email": "new@example.org", "role": role, **given}))["inviteMember"]
    found: str = made["invitation"]["id"]
    return found


async def test_an_invitation_has_a_link_and_lasts_a_week(api: Api) -> None:
    made = (await api(INVITE, input={"email": "new@example.org", "role": "ADMIN", "name": "New"}))["inviteMember"]
    assert made["path"].startswith("/join?token=")
    invitation = made["invitation"]
    row = (await api.runtime.db.fetch_sql("SELECT expires_at FROM invitation"))[0]
    assert timedelta(days=7, minutes=-1) < row.expires_at - now() <= timedelta(days=7)
    assert {name: invitation[name] for name in ("email", "name", "role", "state", "project", "acceptedBy")} == {
        "email": "new@example.org",
        "name": "New",
        "role": "ADMIN",
        "state": "PENDING",
        "project": None,
        "acceptedBy": None,
    }
    assert invitation["createdBy"] == {"name": "Owner"}


async def test_the_token_itself_is_neither_stored_nor_told_to_the_log(api: Api) -> None:
    token = await invite(api)
    rows = await api.runtime.db.fetch_sql(
        "SELECT i::text AS row FROM invitation i UNION ALL SELECT a::text FROM audit_entry a"
    )
    assert len(rows) == 2
    for row in rows:
        assert token not in row.row
        assert token.encode().hex() not in row.row
    (entry,) = await api.runtime.db.fetch_sql("SELECT after FROM audit_entry")
    assert entry.after["token_hash"] == "[redacted]"


async def test_without_a_name_the_address_gives_one(api: Api) -> None:
    made = await api(INVITE, input={"email": "new.one@example.org", "role": "VIEWER"})
    assert made["inviteMember"]["invitation"]["name"] == "new.one"


async def test_inviting_again_under_the_same_key_makes_one_and_shows_no_second_link(api: Api) -> None:
    given = {"input": {"email": "new@example.org", "role": "VIEWER"}, "once": "one"}
    first, again = (await api(INVITE, **given))["inviteMember"], (await api(INVITE, **given))["inviteMember"]
    assert (again["path"], again["invitation"]) == (None, first["invitation"])


@pytest.mark.parametrize(
    "given",
    [
        {"email": "nobody"},
        {"email": "a b@example.org"},
        {"email": "@"},
        {"email": "x" * 250 + "@example.org"},
        {"name": "\x00"},
        {"expiresInHours": 0},
        {"expiresInHours": 721},
    ],
)
async def test_what_an_invitation_cannot_be_is_refused(api: Api, given: dict[str, object]) -> None:
    await assert_refused(api, "BAD_USER_INPUT", INVITE, input={"email": "a@example.org", "role": "VIEWER", **given})


@pytest.mark.parametrize("role", [Role.MAINTAINER, Role.CONTRIBUTOR, Role.VIEWER])
async def test_who_does_not_manage_members_invites_nobody(api: Api, role: Role) -> None:
    member = await new_member(api, role)
    await assert_refused(api, "FORBIDDEN", INVITE, asking=member, input={"email": "a@example.org", "role": "VIEWER"})


async def test_an_admin_invites_no_owner(api: Api) -> None:
    admin = await new_member(api, Role.ADMIN)
    await assert_refused(api, "FORBIDDEN", INVITE, asking=admin, input={"email": "a@example.org", "role": "OWNER"})
    assert await invite(admin, "ADMIN")


async def test_a_key_invites_to_no_more_than_its_scopes(api: Api) -> None:
    keyed = await new_member(api, Role.OWNER, limits=Limits(scopes=frozenset({Permission.MEMBER_MANAGE})))
    await assert_refused(api, "FORBIDDEN", INVITE, asking=keyed, input={"email": "a@example.org", "role": "VIEWER"})


async def test_who_manages_the_members_of_a_project_invites_there_alone(api: Api) -> None:
    mine, other = await new_project(api, "Mine"), await new_project(api, "Other")
    manager = await new_member(api, Role.VIEWER, in_projects={mine: Role.ADMIN})
    assert await invite(manager, projectId=encode(Kind.Project, mine))
    for place in ({"projectId": encode(Kind.Project, other)}, {}):
        given = {"email": "a@example.org", "role": "VIEWER", **place}
        await assert_refused(api, "FORBIDDEN", INVITE, asking=manager, input=given)


async def test_a_strangers_project_is_not_found(api: Api, foreign: Api) -> None:
    given = {"email": "a@example.org", "role": "VIEWER", "projectId": encode(Kind.Project, await new_project(api))}
    await assert_refused(api, "NOT_FOUND", INVITE, asking=foreign, input=given)


async def test_a_revoked_invitation_is_good_for_nobody(api: Api, foreign: Api) -> None:
    made = (await api(INVITE, input={"email": "new@example.org", "role": "VIEWER"}))["inviteMember"]
    revoked = (await api(REVOKE, id=made["invitation"]["id"]))["revokeInvitation"]
    assert revoked["state"] == "REVOKED"
    token = made["path"].removeprefix("/join?token=")
    await assert_refused(api, "NOT_FOUND", ACCEPT, asking=foreign, token=token)


async def test_what_is_accepted_or_revoked_cannot_be_revoked(api: Api, foreign: Api) -> None:
    revoked = await invite_id(api)
    await api(REVOKE, id=revoked)
    await assert_refused(api, "CONFLICT", REVOKE, id=revoked)
    made = (await api(INVITE, input={"email": "new@example.org", "role": "VIEWER"}))["inviteMember"]
    await foreign(ACCEPT, token=made["path"].removeprefix("/join?token="))
    await assert_refused(api, "CONFLICT", REVOKE, id=made["invitation"]["id"])


async def test_an_admin_does_not_revoke_the_invitation_of_an_owner(api: Api) -> None:
    key, admin = await invite_id(api, "OWNER"), await new_member(api, Role.ADMIN)
    await assert_refused(api, "FORBIDDEN", REVOKE, asking=admin, id=key)


async def test_a_strangers_invitation_is_not_found(api: Api, foreign: Api) -> None:
    await assert_refused(api, "NOT_FOUND", REVOKE, asking=foreign, id=await invite_id(api))


async def test_pending_invitations_come_first_then_the_newest(api: Api, foreign: Api) -> None:
    for name in ("a", "b", "c", "d"):
        await invite_id(api, email=f"{name}@example.org")
    token = await invite(api, email="e@example.org")
    await foreign(ACCEPT, token=token)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE invitation SET revoked_at = now() WHERE email = 'c@example.org'")
        await tx.fetch_sql("UPDATE invitation SET expires_at = now() WHERE email = 'a@example.org'")
    page = (await api(LIST))["organization"]["invitations"]
    assert api.statements == 5  # the organisation, the page, the total, who invited, who accepted
    assert page["totalCount"] == 5
    assert [(node["email"][0], node["state"]) for node in page["nodes"]] == [
        ("d", "PENDING"),
        ("b", "PENDING"),
        ("e", "ACCEPTED"),
        ("c", "REVOKED"),
        ("a", "EXPIRED"),
    ]
    assert page["nodes"][2]["acceptedBy"] == {"name": "Stranger"}


async def test_a_page_of_invitations_goes_on_where_the_last_one_stopped(api: Api) -> None:
    for name in ("a", "b", "c", "d"):
        await invite_id(api, email=f"{name}@example.org")
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE invitation SET revoked_at = now() WHERE email > 'c'")
    found, after = [], None
    while True:
        page = (await api(LIST, first=1, after=after))["organization"]["invitations"]
        found += [node["email"][0] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == ["b", "a", "d", "c"]


async def test_invitations_are_filtered_by_what_has_become_of_them(api: Api) -> None:
    await invite_id(api)
    await api(REVOKE, id=await invite_id(api))
    page = (await api(LIST, filter={"state": {"eq": "PENDING"}}))["organization"]["invitations"]
    assert [node["state"] for node in page["nodes"]] == ["PENDING"]


async def test_a_member_of_a_project_alone_sees_its_invitations_and_no_others(api: Api) -> None:
    mine = await new_project(api, "Mine")
    member = await new_member(api, None, in_projects={mine: Role.VIEWER})
    await invite_id(api, email="here@example.org", projectId=encode(Kind.Project, mine))
    await invite_id(api, email="everywhere@example.org")
    page = (await member(LIST))["organization"]["invitations"]
    assert [node["email"] for node in page["nodes"]] == ["here@example.org"]
