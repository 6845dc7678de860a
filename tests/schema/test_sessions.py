"""The viewer's own sessions by GraphQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from maestro.access.door import Credentials
from maestro.access.sessions import NewSession, Origin
from maestro.db.tables.enums import SignInWay
from maestro.ids import Kind, encode
from resolvers.sign_ins import by_link
from tests.fixtures.access import new_session
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import hearing
from tests.schema.api_key_texts import colleague, service_account, through_key

SESSIONS = "{ viewer { sessions { id way address userAgent isCurrent } } }"
REVOKE = "mutation ($id: ID!) { revokeSession(id: $id) }"
REVOKE_OTHERS = "mutation { revokeOtherSessions }"
LINK = "mutation { createSignInLink { path expiresAt } }"
NOWHERE = "session_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f"


async def opened(api: Api, browser: str = "Firefox") -> NewSession:
    """Open a session for the viewer."""
    origin = Origin(SignInWay.LINK, "192.0.2.7", browser)
    return await new_session(api.runtime, api.viewer.actor_id, origin)


async def inside(api: Api, session: NewSession) -> Api:
    """The viewer in one of their sessions."""
    viewer = await api.runtime.access.viewer(Credentials(session=session.token))
    assert viewer is not None
    return Api(api.runtime, viewer)


async def is_good(api: Api, session: NewSession) -> bool:
    return await api.runtime.access.viewer(Credentials(session=session.token)) is not None


def id_of(session: NewSession) -> str:
    return encode(Kind.Session, session.id)


async def refused(api: Api, text: str, code: str, **variables: object) -> None:
    before = await api.state()
    (error,) = await api.errors(text, **variables)
    assert error["extensions"]["code"] == code
    assert await api.state() == before


async def test_a_viewer_sees_their_sessions_and_which_one_they_are_in(api: Api) -> None:
    first, second = await opened(api), await opened(api, "Safari")
    await opened(await colleague(api))
    here = await inside(api, second)
    assert (await here(SESSIONS))["viewer"]["sessions"] == [
        {"id": id_of(second), "way": "LINK", "address": "192.0.2.7", "userAgent": "Safari", "isCurrent": True},
        {"id": id_of(first), "way": "LINK", "address": "192.0.2.7", "userAgent": "Firefox", "isCurrent": False},
    ]
    assert here.statements == 1


async def test_a_session_tells_its_times(api: Api) -> None:
    await opened(api)
    (found,) = (await api("{ viewer { sessions { createdAt lastSeenAt expiresAt } } }"))["viewer"]["sessions"]
    created, seen, end = (datetime.fromisoformat(found[name]) for name in ("createdAt", "lastSeenAt", "expiresAt"))
    assert created == seen
    assert abs(end - created - timedelta(days=14)) < timedelta(seconds=10)


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_sessions_that_have_ended_are_not_shown(api: Api, column: str) -> None:
    await opened(api)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(f"UPDATE session SET {column} = now()")
    assert (await api(SESSIONS))["viewer"]["sessions"] == []


async def test_a_revoked_session_ends_at_once(api: Api) -> None:
    kept, lost = await opened(api), await opened(api)
    assert await is_good(api, lost)
    assert await api(REVOKE, id=id_of(lost)) == {"revokeSession": id_of(lost)}
    assert (await is_good(api, kept), await is_good(api, lost)) == (True, False)


async def test_a_session_cannot_be_revoked_twice(api: Api) -> None:
    session = await opened(api)
    await api(REVOKE, id=id_of(session))
    await refused(api, REVOKE, "NOT_FOUND", id=id_of(session))


async def test_the_sessions_of_others_are_not_found(api: Api, foreign: Api) -> None:
    session = await opened(api)
    await refused(await colleague(api), REVOKE, "NOT_FOUND", id=id_of(session))
    await refused(foreign, REVOKE, "NOT_FOUND", id=id_of(session))
    await refused(api, REVOKE, "NOT_FOUND", id=NOWHERE)
    assert await is_good(api, session)


async def test_a_session_is_not_found_as_a_node(api: Api) -> None:
    await refused(api, "query ($id: ID!) { node(id: $id) { id } }", "NOT_FOUND", id=id_of(await opened(api)))


async def test_all_other_sessions_of_the_viewer_are_revoked(api: Api) -> None:
    first, second, third = [await opened(api) for _ in range(3)]
    others = await opened(await colleague(api))
    ended = (await (await inside(api, second))(REVOKE_OTHERS))["revokeOtherSessions"]
    assert sorted(ended) == sorted([id_of(first), id_of(third)])
    good = [await is_good(api, session) for session in (first, second, third, others)]
    assert good == [False, True, False, True]


async def test_a_link_signs_the_viewer_in_once(api: Api) -> None:
    made = (await api(LINK))["createSignInLink"]
    path, _, token = made["path"].partition("?token=")
    rest = datetime.fromisoformat(made["expiresAt"]) - datetime.now(UTC)
    assert path == "/sign-in"
    assert timedelta(hours=23, minutes=59) < rest <= timedelta(hours=24)
    origin = Origin(SignInWay.LINK)
    session = await by_link(api.runtime, token, origin)
    assert session is not None
    assert session.user_id == api.viewer.actor_id
    assert await by_link(api.runtime, token, origin) is None


@pytest.mark.parametrize("text", [REVOKE, REVOKE_OTHERS])
async def test_nobody_comes_back_by_a_link_once_a_session_was_revoked(api: Api, text: str) -> None:
    lost, friend = await opened(api), await colleague(api)
    tokens = [(await one(LINK))["createSignInLink"]["path"].partition("=")[2] for one in (api, friend)]
    await api(text, **({"id": id_of(lost)} if text is REVOKE else {}))
    mine, others = [await by_link(api.runtime, token, Origin(SignInWay.LINK)) for token in tokens]
    assert mine is None
    assert others is not None


@pytest.mark.parametrize("text", [SESSIONS, REVOKE_OTHERS, LINK])
async def test_a_key_has_nothing_to_do_with_sessions(api: Api, text: str) -> None:
    await opened(api)
    await refused(await through_key(api), text, "FORBIDDEN")
    await refused(await through_key(api, serviceAccountId=await service_account(api)), text, "FORBIDDEN")


async def test_a_key_ends_no_session(api: Api) -> None:
    session = await opened(api)
    await refused(await through_key(api), REVOKE, "FORBIDDEN", id=id_of(session))
    assert await is_good(api, session)


async def test_what_is_done_to_sessions_is_audited_without_the_token(api: Api) -> None:
    session = await opened(api)
    here = Api(api.runtime, replace(api.viewer, session_id=session.id))
    token = (await here(LINK))["createSignInLink"]["path"].partition("=")[2]
    await here(REVOKE, id=id_of(session))
    rows = await api.runtime.db.fetch_sql("SELECT a.*, a::text AS row FROM audit_entry a ORDER BY seq")
    assert [(row.operation, row.is_allowed, row.session_id) for row in rows] == [
        ("createSignInLink", True, session.id),
        ("revokeSession", True, session.id),
    ]
    assert (rows[1].target_type, rows[1].target_id) == ("Session", session.id)
    assert all(token not in row.row for row in rows)


async def test_an_end_is_told_to_every_process(api: Api) -> None:
    session = await opened(api)
    async with hearing(api.runtime.events, api.runtime.db, "access") as heard:
        await api(REVOKE, id=id_of(session))
        assert (await anext(heard)).topic == "access"
