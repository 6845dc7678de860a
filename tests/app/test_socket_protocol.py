"""graphql-transport-ws to the letter: each rule of the protocol with the frames that break or keep it."""

import json
import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from app.sockets import CloseCode
from maestro.requests import MOST_BRACKETS
from maestro.runtime import Runtime
from tests.app.conftest import ROOT
from tests.fixtures.graphql import Api, owners_key, with_settings
from tests.fixtures.registry import new_project, new_run
from tests.fixtures.sockets import PROTOCOL, ask, closed, connected, ended, hear, opened, tell

TYPENAME = "{ __typename }"
FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { status } }"
NOT_UTF_8 = 1007
"""A code that the library below gives."""
SLOWLY = timedelta(seconds=0.2)


@pytest.fixture
async def key(runtime: Runtime) -> str:
    return await owners_key(runtime)


@pytest.fixture
async def run(api: Api) -> str:
    return await new_run(api, await new_project(api))


async def follow(websocket: ClientConnection, run: str, *, under: str = "1") -> None:
    """Subscribe to a run and hear its present state."""
    await tell(websocket, id=under, type="subscribe", payload={"query": FOLLOW, "variables": {"id": run}})
    heard = await hear(websocket)
    assert (heard["id"], heard["type"]) == (under, "next")


def test_the_guide_lists_every_close_code() -> None:
    guide = (ROOT / "docs" / "guides" / "subscriptions.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d{4}) \|", guide, re.MULTILINE)}
    assert listed == {*CloseCode, NOT_UTF_8}


class TestTheHandshake:
    @pytest.mark.parametrize("offered", [[Subprotocol("graphql-ws")], [Subprotocol("x"), Subprotocol("y")], None])
    async def test_a_client_of_another_protocol_is_closed_with_4406(
        self, url: str, key: str, offered: list[Subprotocol] | None
    ) -> None:
        async with connect(
            url.replace("http", "ws", 1) + "/graphql",
            subprotocols=offered,
            additional_headers={"Authorization": f"Bearer {key}"},
            proxy=None,
        ) as websocket:
            assert websocket.subprotocol is None
            assert await closed(websocket) == 4406

    async def test_of_several_protocols_ours_is_chosen(self, url: str, key: str) -> None:
        async with connect(
            url.replace("http", "ws", 1) + "/graphql",
            subprotocols=[Subprotocol("graphql-ws"), PROTOCOL],
            additional_headers={"Authorization": f"Bearer {key}"},
            proxy=None,
        ) as websocket:
            assert websocket.subprotocol == PROTOCOL

    async def test_a_second_init_is_closed_with_4429(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, type="connection_init")
            assert await closed(websocket) == 4429

    async def test_two_inits_at_once_are_closed_with_4429(self, url: str, key: str) -> None:
        async with opened(url, key) as websocket:
            await tell(websocket, type="connection_init")
            await tell(websocket, type="connection_init")
            assert (await hear(websocket))["type"] == "connection_ack"
            assert await closed(websocket) == 4429

    @pytest.mark.parametrize("payload", [1, "x", [], True])
    async def test_an_init_with_another_payload_than_an_object_is_closed_with_4400(
        self, url: str, key: str, payload: Any
    ) -> None:
        async with opened(url, key) as websocket:
            await tell(websocket, type="connection_init", payload=payload)
            assert await closed(websocket) == 4400

    @pytest.mark.parametrize("payload", [None, {}, {"anything": [1, {"a": None}]}])
    async def test_an_init_may_have_any_object_for_a_payload(self, url: str, key: str, payload: Any) -> None:
        async with opened(url, key) as websocket:
            await tell(websocket, type="connection_init", payload=payload)
            assert await hear(websocket) == {"type": "connection_ack"}


class TestMessages:
    @pytest.mark.parametrize(
        "message",
        [
            {"type": "ping", "payload": 1},
            {"type": "pong", "payload": "x"},
            {"type": "complete", "id": ""},
            {"type": "subscribe", "id": "", "payload": {"query": TYPENAME}},
            {"type": "subscribe", "id": "1", "payload": {}},
            {"type": "subscribe", "id": "1", "payload": {"query": None}},
            {"type": "subscribe", "id": "1", "payload": {"query": TYPENAME, "extensions": []}},
            {"type": "subscribe", "id": "1", "payload": {"documentId": 1}},
            {"type": "next", "id": "1", "payload": {"data": None}},
            {"type": "error", "id": "1", "payload": []},
            {"type": "connection_ack"},
            {"type": ["ping"]},
            {"type": "PING"},
        ],
        ids=json.dumps,
    )
    async def test_what_is_no_message_of_a_client_is_closed_with_4400(
        self, url: str, key: str, message: dict[str, Any]
    ) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, **message)
            assert await closed(websocket) == 4400

    @pytest.mark.parametrize("frame", ["[" * 100_000, '{"type": "ping", "payload": NaN}', "", "\ufeff{}"])
    async def test_what_is_no_json_is_closed_with_4400(self, url: str, key: str, frame: str) -> None:
        async with connected(url, key) as websocket:
            await websocket.send(frame)
            assert await closed(websocket) == 4400

    async def test_a_binary_frame_is_closed_with_4400_before_the_init_too(self, url: str, key: str) -> None:
        async with opened(url, key) as websocket:
            await websocket.send(b'{"type": "connection_init"}')
            assert await closed(websocket) == 4400

    async def test_text_that_is_not_utf_8_is_closed_with_1007(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await websocket.send(b"\xff\xfe", text=True)
            assert await closed(websocket) == 1007

    async def test_the_reason_says_what_is_wrong(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, id=1, type="complete")
            with pytest.raises(ConnectionClosedError) as caught:
                await websocket.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.reason == "id has to be a text that is not empty."

    async def test_a_message_of_too_many_lists_is_closed_with_1009(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, type="ping", payload={"x": [[]] * MOST_BRACKETS})
            assert await closed(websocket) == 1009

    @with_settings(max_message_bytes=1024)
    async def test_a_message_of_more_bytes_than_allowed_is_closed_with_1009(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, type="ping", payload={"x": "y" * 900})
            assert (await hear(websocket))["type"] == "pong"
            await tell(websocket, type="ping", payload={"x": "y" * 1100})
            assert await closed(websocket) == 1009

    @with_settings(max_message_bytes=1024)
    async def test_a_message_that_unpacks_to_more_is_closed_with_1009(self, url: str, key: str) -> None:
        async with connect(
            url.replace("http", "ws", 1) + "/graphql",
            subprotocols=[PROTOCOL],
            additional_headers={"Authorization": f"Bearer {key}"},
            proxy=None,
        ) as websocket:
            await websocket.send(" " * 1_000_000)
            assert await closed(websocket) == 1009

    async def test_a_message_in_parts_is_put_together(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await websocket.send(iter(['{"type"', ': "pi', "", 'ng"}']))
            assert await hear(websocket) == {"type": "pong"}

    async def test_a_message_in_endless_parts_is_closed_with_1009(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            with suppress(ConnectionClosedError):
                await websocket.send(iter(["{", *[""] * 20_000]))
            assert await closed(websocket) == 1009


class TestPings:
    async def test_a_ping_is_answered_with_its_payload(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, type="ping", payload={"at": 1})
            assert await hear(websocket) == {"type": "pong", "payload": {"at": 1}}
            await tell(websocket, type="ping", payload=None)
            assert await hear(websocket) == {"type": "pong"}

    async def test_a_ping_may_come_before_the_init(self, url: str, key: str) -> None:
        async with opened(url, key) as websocket:
            await tell(websocket, type="ping")
            assert await hear(websocket) == {"type": "pong"}

    @with_settings(socket_ping_interval=SLOWLY, socket_idle_timeout=SLOWLY * 3)
    async def test_the_server_pings_and_stays_with_who_answers(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            for _ in range(8):
                assert await hear(websocket) == {"type": "ping"}
                await tell(websocket, type="pong")
            assert (await ask_despite_pings(websocket))["payload"]["data"] == {"__typename": "Query"}

    @with_settings(socket_ping_interval=SLOWLY, socket_idle_timeout=SLOWLY * 2)
    async def test_who_answers_no_ping_is_closed_with_4499(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            assert await ended(websocket) == 4499

    async def test_a_pong_that_nobody_has_asked_for_is_ignored(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, type="pong", payload={"x": 1})
            assert (await ask(websocket, TYPENAME))["type"] == "next"


async def ask_despite_pings(websocket: ClientConnection) -> Any:
    await tell(websocket, id="1", type="subscribe", payload={"query": TYPENAME})
    while (heard := await hear(websocket))["type"] == "ping":
        pass
    return heard
