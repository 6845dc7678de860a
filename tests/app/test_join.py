"""The page of an invitation: shown to whoever has the link, accepted by its button, once."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from maestro.access.sessions import Origin
from maestro.db.rows import Row
from maestro.db.tables.enums import Role, SignInWay
from maestro.ids import Kind, encode
from tests.fixtures.access import change, new_session
from tests.fixtures.graphql import Api, browser
from tests.fixtures.members import new_member, new_project, new_user
from tests.fixtures.metrics import local

INVITE = "mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { path } }"
OURS = {"origin": "http://testserver"}
ME = {"query": "{ viewer { user { name email } role organization { slug } } }"}


async def invite(api: Api, role: str = "CONTRIBUTOR", **given: object) -> str:
    made = await api(INVITE, input={"email": "new@example.org", "name": "New", "role": role, **given})
    path: str = made["inviteMember"]["path"]
    return path


def token_of(path: str) -> str:
    return path.partition("token=")[2]


async def press(http: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    return await http.post("/join", data={"token": token_of(path)}, headers={**OURS, **headers})


async def session(api: Api, user: UUID) -> dict[str, str]:
    opened = await new_session(api.runtime, user, Origin(SignInWay.LINK))
    return {"maestro_session": opened.token}


async def refusals(api: Api) -> list[Row]:
    return await api.runtime.db.fetch_sql("SELECT a.*, a::text AS row FROM audit_entry a WHERE NOT is_allowed")


async def people(api: Api) -> list[str]:
    return [row.name for row in await api.runtime.db.fetch_sql('SELECT name FROM "user" ORDER BY name')]


@pytest.fixture
async def member_browser(app: Starlette, foreign: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which somebody of another organisation is signed in."""
    async with browser(app) as http:
        http.cookies.update(await session(foreign, foreign.viewer.actor_id))
        yield http


async def test_the_page_tells_who_invites_to_what(api: Api, anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get(await invite(api))
    assert answer.status_code == 200
    assert "<h1>Join My team</h1>" in answer.text
    assert "Owner invites you." in answer.text
    assert "<dd>Contributor</dd>" in answer.text
    assert "<dd>new@example.org</dd>" in answer.text
    assert 'data-signed-in="no"' in answer.text


async def test_the_page_of_an_invitation_to_a_project_names_it(api: Api, anonymous: httpx.AsyncClient) -> None:
    place = encode(Kind.Project, await new_project(api, "Vision"))
    assert "<h1>Join Vision in My team</h1>" in (await anonymous.get(await invite(api, projectId=place))).text


async def test_names_are_no_markup(api: Api, anonymous: httpx.AsyncClient) -> None:
    text = (await anonymous.get(await invite(api, name="<script>alert(1)</script>"))).text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


async def test_the_page_is_kept_by_no_cache_and_its_address_told_to_no_other_site(
    api: Api, anonymous: httpx.AsyncClient
) -> None:
    answer = await anonymous.get(await invite(api))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_at_a_link_uses_nothing_up(api: Api, anonymous: httpx.AsyncClient, method: str) -> None:
    path = await invite(api)
    before = await api.state()
    answers = [await anonymous.request(method, path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert await api.state() == before


async def test_sign_ins_by_an_invitation_are_counted(app: Starlette, api: Api, anonymous: httpx.AsyncClient) -> None:
    path, before = await invite(api), await local(app)
    for _ in range(2):
        await press(anonymous, path)
        anonymous.cookies.clear()
    assert (await local(app)).since(before, "maestro_sign_ins_total") == {
        ("accepted", "INVITATION"): 1,
        ("refused", "INVITATION"): 1,
    }


async def test_a_new_person_gets_an_account_and_a_session(api: Api, anonymous: httpx.AsyncClient) -> None:
    answer = await press(anonymous, await invite(api))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "httponly" in answer.headers["set-cookie"].lower()
    me = (await anonymous.post("/graphql", json=ME, headers=OURS)).json()["data"]["viewer"]
    assert me == {
        "user": {"name": "New", "email": "new@example.org"},
        "role": "CONTRIBUTOR",
        "organization": {"slug": "default"},
    }
    (opened,) = await api.runtime.db.fetch_sql("SELECT way FROM session")
    assert opened.way == "INVITATION"


async def test_joining_is_told_to_the_audit_log(api: Api, anonymous: httpx.AsyncClient) -> None:
    await press(anonymous, await invite(api))
    rows = await api.runtime.db.fetch_sql(
        "SELECT operation, actor_label, is_allowed FROM audit_entry WHERE operation <> 'inviteMember' ORDER BY seq"
    )
    assert [tuple(row) for row in rows] == [
        ("acceptInvitation", "new@example.org", True),
        ("signIn", "new@example.org", True),
    ]


async def test_nobody_is_looked_up_by_the_address(api: Api, anonymous: httpx.AsyncClient) -> None:
    await press(anonymous, await invite(api, email="owner@localhost"))
    assert await people(api) == ["New", "Owner"]
    me = (await anonymous.post("/graphql", json=ME, headers=OURS)).json()["data"]["viewer"]
    assert (me["user"]["name"], me["role"]) == ("New", "CONTRIBUTOR")


async def test_who_is_signed_in_joins_as_themselves(api: Api, foreign: Api, member_browser: httpx.AsyncClient) -> None:
    path = await invite(api)
    shown = (await member_browser.get(path)).text
    assert "Join as Stranger" in shown
    assert 'data-signed-in="yes"' in shown
    answer = await press(member_browser, path)
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    assert await people(api) == ["Owner", "Stranger"]
    headers = {**OURS, "x-maestro-organization": "default"}
    me = (await member_browser.post("/graphql", json=ME, headers=headers)).json()["data"]["viewer"]
    assert (me["user"]["name"], me["role"]) == ("Stranger", "CONTRIBUTOR")


async def test_who_belongs_nowhere_any_more_is_still_who_they_were(
    app: Starlette, api: Api, anonymous: httpx.AsyncClient
) -> None:
    user = await new_user(api, "Earlier")
    anonymous.cookies.update(await session(api, user))
    assert (await press(anonymous, await invite(api))).status_code == 303
    assert await people(api) == ["Earlier", "Owner"]
    me = (await anonymous.post("/graphql", json=ME, headers=OURS)).json()["data"]["viewer"]
    assert me["user"]["name"] == "Earlier"


async def test_a_member_is_told_so_and_the_invitation_stays_unused(
    api: Api, app: Starlette, anonymous: httpx.AsyncClient
) -> None:
    path, member = await invite(api, "ADMIN"), await new_member(api, Role.VIEWER)
    async with browser(app) as http:
        http.cookies.update(await session(api, member.viewer.actor_id))
        await http.get("/")
        before = await api.state()
        answer = await press(http, path)
    assert answer.status_code == 409
    assert "You have a role in My team already; the invitation stays unused." in answer.text
    assert await api.state() == before
    assert (await press(anonymous, path)).status_code == 303


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE invitation SET accepted_at = now()",
        "UPDATE invitation SET expires_at = now()",
        "UPDATE invitation SET revoked_at = now()",
        "DELETE FROM invitation",
    ],
    ids=["used", "expired", "revoked", "unknown"],
)
async def test_whatever_is_wrong_with_a_link_the_page_is_the_same(
    api: Api, anonymous: httpx.AsyncClient, sql: str
) -> None:
    path = await invite(api)
    await change(api.runtime, sql)
    before = await api.state()
    unknown = await anonymous.get("/join?token=made-up")
    for answer in (await anonymous.get(path), await press(anonymous, path)):
        assert (answer.status_code, answer.text) == (403, unknown.text)
        assert "set-cookie" not in answer.headers
    assert "This invitation does not work" in unknown.text
    assert await api.state() == before


@pytest.mark.parametrize("column", ["accepted_at", "expires_at", "revoked_at"])
async def test_an_invitation_that_works_no_more_is_told_to_the_log_of_who_invited(
    api: Api, anonymous: httpx.AsyncClient, column: str
) -> None:
    path = await invite(api)
    await change(api.runtime, f"UPDATE invitation SET {column} = now()")
    await press(anonymous, path)
    (row,) = await refusals(api)
    assert (row.operation, row.code, row.actor_label) == ("acceptInvitation", "NOT_FOUND", "new@example.org")
    (invitation,) = await api.runtime.db.fetch_sql("SELECT id FROM invitation")
    assert row.after == {"way": "INVITATION", "invitation_id": str(invitation.id)}
    assert token_of(path) not in row.row


async def test_an_invitation_of_which_a_member_has_no_use_is_told_too(
    api: Api, foreign: Api, *, member_browser: httpx.AsyncClient
) -> None:
    await press(member_browser, await invite(api))
    await press(member_browser, await invite(api))
    (row,) = await refusals(api)
    assert (row.operation, row.code, row.actor_id) == ("acceptInvitation", "CONFLICT", foreign.viewer.actor_id)
    assert row.session_id is not None


async def test_an_invitation_that_does_not_exist_is_told_to_nobodys_log(
    api: Api, anonymous: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await press(anonymous, "/join?token=made-up")
    assert await refusals(api) == []
    assert "An invitation that does not exist was opened from 127.0.0.1" in caplog.text


@pytest.mark.parametrize("body", [b"", b"token=", b"token=%00", b"\xff\xfe", b"other=1", b"token=" + b"x" * 5000])
async def test_a_body_without_a_token_accepts_nothing(api: Api, anonymous: httpx.AsyncClient, body: bytes) -> None:
    await invite(api)
    before = await api.state()
    answer = await anonymous.post("/join", content=body, headers=OURS)
    assert answer.status_code == 403
    assert await api.state() == before


async def test_a_form_with_very_many_fields_is_not_read(api: Api, anonymous: httpx.AsyncClient) -> None:
    body = "&".join(f"f{i}=1" for i in range(2000)) + f"&token={token_of(await invite(api))}"
    before = await api.state()
    assert (await anonymous.post("/join", content=body.encode(), headers=OURS)).status_code == 403
    assert await api.state() == before


async def test_a_body_over_the_limit_is_refused(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.post("/join", content=b"x" * (5 * 1024 * 1024), headers=OURS)).status_code == 413


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_a_page_of_another_site_presses_no_button(api: Api, anonymous: httpx.AsyncClient, origin: str) -> None:
    path = await invite(api)
    before = await api.state()
    answer = await press(anonymous, path, origin=origin)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert await api.state() == before


async def test_an_invitation_is_accepted_once(app: Starlette, api: Api, anonymous: httpx.AsyncClient) -> None:
    path = await invite(api)
    assert (await press(anonymous, path)).status_code == 303
    async with browser(app) as second:
        assert (await press(second, path)).status_code == 403
    assert await people(api) == ["New", "Owner"]


async def test_the_form_sends_the_token_that_is_in_the_link(api: Api, anonymous: httpx.AsyncClient) -> None:
    path = await invite(api)
    found = re.search(r'<input type="hidden" name="token" value="([^"]+)">', (await anonymous.get(path)).text)
    assert found is not None
    assert found[1] == token_of(path)
