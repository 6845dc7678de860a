"""Who may use a socket: shown with the handshake or the first message, and looked at again while it lasts."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from app.cookies import COOKIE
from app.sockets import PATIENCE
from maestro.access.door import TOPIC
from maestro.access.keys import KeySpec
from maestro.access.sessions import GRACE, Origin
from maestro.db.tables.enums import Role, SignInWay
from maestro.events import Event, publish
from maestro.ids import Kind, uuid_of
from maestro.runtime import Runtime
from resolvers.setup import ensure_owner
from tests.fixtures.access import new_session
from tests.fixtures.graphql import Api, api_key, browser, owners_key
from tests.fixtures.registry import new_project, new_run
from tests.fixtures.sockets import ask, closed, connected, hear, listening, opened, tell
from tests.fixtures.tracking import finish

FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { status } }"
CREATE = 'mutation Naming { createProject(input: {name: "x"}) { __typename } }'
AT_ONCE_S = 2.0


@pytest.fixture
async def url(app: Starlette) -> AsyncIterator[str]:
    async with listening(app) as address:
        yield address


@pytest.fixture
async def key(runtime: Runtime) -> str:
    return await owners_key(runtime)


@pytest.fixture
async def run(api: Api) -> str:
    return await new_run(api, await new_project(api))


async def changed(runtime: Runtime, sql: str, *arguments: Any) -> None:
    """Change the database as a mutation does, in one transaction with the event."""
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql(sql, *arguments)
        await publish(tx, [Event(TOPIC)])
    await asyncio.sleep(0.2)


async def introduced(websocket: ClientConnection, **payload: Any) -> None:
    await tell(websocket, type="connection_init", payload=payload)
    assert await hear(websocket) == {"type": "connection_ack"}


class TestTheFirstMessage:
    @pytest.mark.parametrize("name", ["Authorization", "authorization"])
    async def test_a_page_may_send_its_key_in_it(self, url: str, key: str, name: str) -> None:
        async with opened(url) as websocket:
            await introduced(websocket, **{name: f"Bearer {key}"})
            assert (await ask(websocket, "{ __typename }"))["payload"]["data"] == {"__typename": "Query"}

    @pytest.mark.parametrize(
        "payload", [None, {}, {"Authorization": "Bearer mst_made-up"}, {"Authorization": "mst_x"}, {"Authorization": 1}]
    )
    async def test_who_shows_nothing_good_is_sent_away(self, url: str, payload: Any) -> None:
        async with opened(url) as websocket:
            await tell(websocket, type="connection_init", **({} if payload is None else {"payload": payload}))
            assert await closed(websocket) == 4403

    async def test_an_operation_before_it_is_not_run(self, api: Api, url: str) -> None:
        before = await api.state()
        async with opened(url) as websocket:
            await tell(websocket, id="1", type="subscribe", payload={"query": CREATE})
            assert await closed(websocket) == 4401
        assert await api.state() == before

    async def test_who_says_nothing_is_not_waited_for(self, url: str) -> None:
        async with opened(url) as websocket:
            async with asyncio.timeout(PATIENCE.total_seconds() + AT_ONCE_S):
                assert await closed(websocket) == 4408

    async def test_a_bad_key_in_it_counts_more_than_a_good_one_in_the_handshake(self, url: str, key: str) -> None:
        async with opened(url, key) as websocket:
            await tell(websocket, type="connection_init", payload={"Authorization": "Bearer mst_made-up"})
            assert await closed(websocket) == 4403

    async def test_it_chooses_one_of_the_organisations_of_a_person(self, runtime: Runtime, url: str) -> None:
        owner = await ensure_owner(runtime.db)
        async with runtime.db.transaction() as tx:
            await tx.fetch_sql("INSERT INTO organization (id, slug, name) VALUES (gen_random_uuid(), 'second', 'B')")
            await tx.fetch_sql(
                "INSERT INTO membership (id, organization_id, user_id, role) "
                "SELECT gen_random_uuid(), id, $1, 'OWNER' FROM organization WHERE slug = 'second'",
                owner.user_id,
            )
        session = await new_session(runtime, owner.user_id, Origin(SignInWay.LINK))
        cookie = f"{COOKIE}={session.token}"
        async with opened(url, cookie=cookie, origin=url) as websocket:
            await introduced(websocket, organization="second")
            answer = await ask(websocket, "{ viewer { organization { slug } } }")
            assert answer["payload"]["data"] == {"viewer": {"organization": {"slug": "second"}}}
        async with opened(url, cookie=cookie, origin=url) as websocket:
            await tell(websocket, type="connection_init", payload={"organization": "third"})
            assert await closed(websocket) == 4403

    async def test_a_page_of_another_site_may_not_even_open_a_socket(self, url: str) -> None:
        with pytest.raises(InvalidStatus) as caught:
            async with opened(url, origin="https://evil.example"):
                pass
        assert caught.value.response.status_code == 403


class TestWhileItLasts:
    @pytest.mark.parametrize(
        "sql", ["UPDATE api_key SET revoked_at = now()", "UPDATE membership SET removed_at = now()"]
    )
    async def test_the_next_operation_of_who_is_out_is_not_run(
        self, api: Api, runtime: Runtime, *, url: str, key: str, sql: str
    ) -> None:
        async with connected(url, key) as websocket:
            await changed(runtime, sql)
            before = await api.state()
            await tell(websocket, id="1", type="subscribe", payload={"query": CREATE})
            assert await closed(websocket) == 4403
        assert await api.state() == before

    @pytest.mark.parametrize(
        "sql", ["UPDATE api_key SET revoked_at = now()", "UPDATE membership SET removed_at = now()"]
    )
    async def test_a_subscription_of_who_is_out_hears_nothing_more(
        self, api: Api, runtime: Runtime, *, url: str, key: str, run: str, sql: str
    ) -> None:
        async with connected(url, key) as websocket:
            await follow(websocket, run)
            await changed(runtime, sql)
            await finish(api, run)
            assert await ended(websocket) == "UNAUTHENTICATED"

    async def test_a_subscription_to_a_project_that_one_has_left_ends(
        self, api: Api, runtime: Runtime, *, url: str, run: str
    ) -> None:
        key, membership = await member_of_two_projects(api, runtime, run)
        async with connected(url, key) as websocket:
            await follow(websocket, run)
            await changed(runtime, "UPDATE membership SET removed_at = now() WHERE id = $1", membership)
            await finish(api, run)
            assert await ended(websocket) == "NOT_FOUND"

    async def test_a_subscription_of_who_is_still_in_goes_on_after_a_change(
        self, api: Api, runtime: Runtime, *, url: str, key: str, run: str
    ) -> None:
        async with connected(url, key) as websocket:
            await follow(websocket, run)
            await changed(runtime, "UPDATE membership SET role = 'VIEWER'")
            await finish(api, run)
            heard = await hear(websocket)
            assert heard["payload"]["data"] == {"runUpdated": {"status": "FINISHED"}}

    async def test_a_socket_outlives_the_token_of_its_session(self, runtime: Runtime, url: str) -> None:
        owner = await ensure_owner(runtime.db)
        session = await new_session(runtime, owner.user_id, Origin(SignInWay.LINK))
        async with opened(url, cookie=f"{COOKIE}={session.token}", origin=url) as websocket:
            await introduced(websocket)
            long_ago = GRACE + timedelta(minutes=1)
            await changed(
                runtime,
                "UPDATE session "
                "SET previous_hash = token_hash, token_hash = '\\x00', rotated_at = now() - $1::interval",
                long_ago,
            )
            assert (await ask(websocket, "{ __typename }"))["type"] == "next"
            await changed(runtime, "UPDATE session SET revoked_at = now()")
            await tell(websocket, id="2", type="subscribe", payload={"query": "{ __typename }"})
            assert await closed(websocket) == 4403


async def follow(websocket: ClientConnection, run: str) -> None:
    """Subscribe to a run and hear its present state."""
    await tell(websocket, id="1", type="subscribe", payload={"query": FOLLOW, "variables": {"id": run}})
    assert (await hear(websocket))["payload"]["data"]["runUpdated"]["status"] != "FINISHED"


async def ended(websocket: ClientConnection) -> str:
    """The code of the error with which a subscription ends, having told nothing more."""
    heard = await hear(websocket)
    assert "FINISHED" not in json.dumps(heard)
    errors = heard["payload"] if heard["type"] == "error" else heard["payload"]["errors"]
    assert heard["type"] == "error" or await hear(websocket) == {"id": "1", "type": "complete"}
    return str(errors[0]["extensions"]["code"])


async def member_of_two_projects(api: Api, runtime: Runtime, run: str) -> tuple[str, UUID]:
    """Make a person with a role in a run's project and in another one; return a key and the first membership's id."""
    organization_id, user_id, memberships = api.viewer.organization_id, uuid4(), (uuid4(), uuid4())
    other = uuid_of(Kind.Project, await new_project(api, "Another"))
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("INSERT INTO \"user\" (id, email, name) VALUES ($1, 'm@x', 'Member')", user_id)
        (followed,) = await tx.fetch_sql("SELECT project_id FROM run WHERE id = $1", uuid_of(Kind.Run, run))
        for membership, project in zip(memberships, (followed.project_id, other), strict=True):
            await tx.fetch_sql(
                "INSERT INTO membership (id, organization_id, user_id, project_id, role) VALUES ($1, $2, $3, $4, $5)",
                membership,
                organization_id,
                user_id,
                project,
                Role.VIEWER,
            )
    spec = KeySpec(organization_id=organization_id, user_id=user_id, name="member")
    return await api_key(runtime, spec), memberships[0]


class TestTheNameOfAnOperation:
    async def test_it_is_kept_of_a_socket(self, runtime: Runtime, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await ask(websocket, CREATE)
        assert await names_kept(runtime) == ["Naming"]

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"query": CREATE}, "Naming"),
            ({"query": CREATE.replace("Naming", "")}, None),
            ({"query": f"query Other {{ __typename }} {CREATE}", "operationName": "Naming"}, "Naming"),
            ({"query": CREATE.replace("Naming", "N" * 500)}, "N" * 200),
        ],
        ids=["in the document", "none", "sent beside it", "long"],
    )
    async def test_it_is_kept_of_a_request(
        self, app: Starlette, runtime: Runtime, *, key: str, body: dict[str, str], name: str | None
    ) -> None:
        async with browser(app, authorization=f"Bearer {key}") as client:
            assert (await client.post("/graphql", json=body)).status_code == 200
        assert await names_kept(runtime) == [name]


async def names_kept(runtime: Runtime) -> list[str | None]:
    rows = await runtime.db.fetch_sql(
        "SELECT operation_name FROM audit_entry WHERE operation = 'createProject' ORDER BY seq"
    )
    return [row.operation_name for row in rows]
