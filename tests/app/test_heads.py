"""The head of a request has an end, for who sends it whole and for who never does."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from app.middleware.heads import LARGEST_HEADERS, LONGEST_URL, MOST_HEADERS
from app.protocol import MOST_PENDING, BoundedHead
from tests.fixtures.artifacts import told


async def test_headers_below_the_limits_are_read(anonymous: httpx.AsyncClient) -> None:
    sent = len(anonymous.headers) + 1
    headers = {f"x-{number}": "v" for number in range(MOST_HEADERS - sent)}
    assert (await anonymous.get("/livez", headers=headers)).status_code == 200


async def test_too_many_headers_are_refused(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/livez", headers={f"x-{number}": "v" for number in range(MOST_HEADERS + 1)})
    assert (answer.status_code, told(answer)["code"]) == (431, "PAYLOAD_TOO_LARGE")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_headers_that_are_too_large_are_refused(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/livez", headers={"cookie": "a=" + "x" * LARGEST_HEADERS})
    assert (answer.status_code, told(answer)["code"]) == (431, "PAYLOAD_TOO_LARGE")


async def test_an_address_that_is_too_long_is_refused(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/livez?" + "x" * (LONGEST_URL - len("/livez")))
    assert answer.status_code == 200
    answer = await anonymous.get("/livez?" + "x" * (LONGEST_URL - len("/livez") + 1))
    assert (answer.status_code, told(answer)["code"]) == (414, "PAYLOAD_TOO_LARGE")


@pytest.fixture
async def port(app: Starlette) -> AsyncIterator[int]:
    """A real server on the application."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, http=BoundedHead))
    running = asyncio.create_task(server.serve([listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await running


async def answer_to(port: int, *parts: bytes) -> bytes:
    """Send parts one after the other until the server closes, and return what it has answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


@pytest.mark.parametrize("unit", [b"x-a: " + b"b" * 1000 + b"\r\n", b"y" * 1000], ids=["many headers", "one header"])
async def test_a_head_that_does_not_end_is_not_collected(port: int, unit: bytes) -> None:
    start = b"GET /livez HTTP/1.1\r\nhost: x\r\nx-long: "
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    sent = 0
    while sent <= MOST_PENDING + len(unit):
        writer.write(unit)
        await writer.drain()
        sent += len(unit)
        await asyncio.sleep(0.001)
    answered = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answered.startswith(b"HTTP/1.1 431 ")


async def test_an_address_that_does_not_end_is_not_collected(port: int) -> None:
    answered = await answer_to(port, b"GET /", *([b"x" * 1000] * (MOST_PENDING // 1000 + 1)))
    assert answered.startswith(b"HTTP/1.1 431 ")


async def test_a_body_larger_than_a_head_may_be_is_none_of_its_business(port: int) -> None:
    body = b"x" * (2 * MOST_PENDING)
    head = b"POST /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert (await answer_to(port, head, body)).startswith(b"HTTP/1.1 405 ")


async def test_requests_after_each_other_on_one_connection_are_each_measured_alone(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        statuses = [(await client.get("/livez", headers={"x-a": "a" * 20_000})).status_code for _ in range(5)]
    assert statuses == [200] * 5
