"""Small requests over connections of our own: how they are kept, and what servers may do to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.stores.buckets import Description
from connectors.stores.s3 import S3Config, s3_store
from connectors.stores.s3.wire import MOST_HEAD_BYTES, Answer, BrokenOff, Server, Wire, head_of
from tests.fixtures.mail import certificate

OK = b"HTTP/1.1 200 OK\r\nEtag: x\r\nContent-Length: 2\r\n\r\nhi"
HEAD = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n"

Script = Callable[[int, int], bytes | None]
"""What is answered to which request of which connection, both counted from 1; None to hang up instead."""


class Scripted:
    """A server that answers by a script, and counts."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.open = 0
        self.asked = 0
        self.wait: Callable[[], Awaitable[object]] | None = None
        self.changed = asyncio.Event()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_so():
                self.changed.clear()
                await self.changed.wait()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        connection, number = self.connections, 0
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0))
                number, self.asked = number + 1, self.asked + 1
                self.changed.set()
                if self.wait is not None:
                    await self.wait()
                if (answer := self.script(connection, number)) is None:
                    break
                writer.write(answer)
                await writer.drain()
        self.open -= 1
        self.changed.set()
        writer.close()


@asynccontextmanager
async def wired(
    script: Script, *, read_s: float = 20.0, most: int = 4, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None
) -> AsyncIterator[tuple[Wire, Scripted]]:
    server = Scripted(script)
    theirs, ours = tls or (None, None)
    async with await asyncio.start_server(server, "127.0.0.1", 0, ssl=theirs) as listener:
        port = listener.sockets[0].getsockname()[1]
        wire = Wire(Server("localhost" if ours else "127.0.0.1", port, ours, 5.0, read_s), most=most)
        try:
            yield wire, server
        finally:
            wire.close()
            await server.until(lambda: not server.open)


def always(answer: bytes) -> Script:
    return lambda _connection, _number: answer


async def test_a_connection_is_used_again() -> None:
    async with wired(always(OK)) as (wire, server):
        answers = [await wire.ask(HEAD, limit=2) for _ in range(3)]
    assert answers == [Answer(200, {"etag": "x", "content-length": "2"}, b"hi")] * 3
    assert (server.connections, server.asked) == (1, 3)


async def test_there_are_no_more_connections_than_are_allowed() -> None:
    async with wired(always(OK), most=2) as (wire, server):
        server.wait = lambda: asyncio.sleep(0.01)
        await asyncio.gather(*(wire.ask(HEAD, limit=2) for _ in range(8)))
    assert (server.connections, server.asked) == (2, 8)


async def test_a_body_arrives_whole() -> None:
    body = bytes(range(256)) * 4096
    async with wired(always(OK)) as (wire, server):
        await wire.ask(head_of("PUT", "/a", {"host": "a"}, size=len(body)), body, limit=2)
        await wire.ask(HEAD, limit=2)
    assert (server.connections, server.asked) == (1, 2)


@pytest.mark.parametrize("most_of_first", [1, 2])
async def test_what_a_kept_connection_does_not_answer_is_asked_once_more(most_of_first: int) -> None:
    """The server hangs up while the next request is on its way."""
    async with wired(lambda connection, number: None if connection == 1 and number > most_of_first else OK) as (
        wire,
        server,
    ):
        for _ in range(most_of_first + 1):
            assert (await wire.ask(HEAD, limit=2)).body == b"hi"
    assert (server.connections, server.asked) == (2, most_of_first + 2)


async def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
    answer = OK.replace(b"Etag: x", b"Connection: close")
    async with wired(always(answer)) as (wire, server):
        for _ in range(3):
            assert (await wire.ask(HEAD, limit=2)).body == b"hi"
    assert (server.connections, server.asked) == (3, 3)


async def test_a_new_connection_that_breaks_is_told_at_once() -> None:
    async with wired(lambda _connection, _number: None) as (wire, server):
        with pytest.raises(BrokenOff):
            await wire.ask(HEAD, limit=2)
    assert server.asked == 1


async def test_an_answer_that_breaks_off_is_not_asked_for_again() -> None:
    """What has begun to come is told as broken: whoever asks knows whether to ask anew."""
    async with wired(lambda _connection, number: OK if number == 1 else OK[:-1]) as (wire, server):
        await wire.ask(HEAD, limit=2)
        asking = asyncio.create_task(wire.ask(HEAD, limit=2))
        await server.until(lambda: server.asked == 2)
        await asyncio.sleep(0.02)
        wire.close()
        with pytest.raises(BrokenOff):
            await asking
    assert server.asked == 2


async def test_an_answer_in_chunks_is_put_together() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n2\r\nij\r\n0\r\n\r\n"
    async with wired(always(answer)) as (wire, server):
        assert [(await wire.ask(HEAD, limit=3)).body for _ in range(2)] == [b"hij"] * 2
    assert server.connections == 1


async def test_an_error_is_an_answer_and_the_connection_is_kept() -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n<Error/>\n"
    async with wired(always(answer)) as (wire, server):
        found = [await wire.ask(HEAD, limit=1) for _ in range(2)]
    assert [(one.status, one.body) for one in found] == [(404, b"<Error/>\n")] * 2
    assert server.connections == 1


async def test_a_redirect_is_an_answer() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    async with wired(always(answer)) as (wire, server):
        assert (await wire.ask(HEAD, limit=1)).status == 302
    assert (server.connections, server.asked) == (1, 1)


async def test_what_informs_before_the_answer_is_passed_over() -> None:
    async with wired(always(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)) as (wire, _):
        assert (await wire.ask(HEAD, limit=2)).body == b"hi"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhij", "more bytes than are taken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhij\r\n0\r\n\r\n", "more bytes than are taken"),
        (b"HTTP/1.1 200 OK\r\n\r\nhi", "where its answer ends"),
        (OK + OK, "more than was asked"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi", "cannot be read"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * MOST_HEAD_BYTES, "does not end"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MOST_HEAD_BYTES // 6 + 1), "does not end"),
    ],
)
async def test_answers_that_cannot_be_taken_are_refused(answer: bytes, told: str) -> None:
    async with wired(always(answer)) as (wire, server):
        for _ in range(2):
            with pytest.raises(OSError, match=told):
                await wire.ask(HEAD, limit=2)
    assert server.connections == 2


async def test_a_server_that_does_not_go_on_is_left() -> None:
    over = asyncio.Event()
    async with wired(always(OK), read_s=0.1) as (wire, server):
        server.wait = over.wait
        with pytest.raises(TimeoutError):
            await wire.ask(HEAD, limit=2)
        over.set()
    assert server.asked == 1


async def test_the_answer_to_what_was_given_up_is_nobodys() -> None:
    over = asyncio.Event()
    async with wired(lambda connection, _number: OK if connection == 2 else OK.replace(b"hi", b"no")) as (wire, server):
        server.wait = over.wait
        asking = asyncio.create_task(wire.ask(HEAD, limit=2))
        await server.until(lambda: server.asked == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        over.set()
        assert (await wire.ask(HEAD, limit=2)).body == b"hi"
    assert server.connections == 2


async def test_a_server_that_is_not_there_is_an_error_of_the_line() -> None:
    async with wired(always(OK)) as (wire, _):
        port = wire.server.port
    with pytest.raises(OSError, match=r"(?i)connect"):
        await Wire(Server("127.0.0.1", port), most=1).ask(HEAD, limit=2)


@pytest.mark.parametrize("is_known", [True, False])
async def test_the_certificate_of_a_server_is_verified(tmp_path: Path, *, is_known: bool) -> None:
    theirs, authority = certificate(tmp_path)
    ours = ssl.create_default_context(cafile=authority if is_known else None)
    async with wired(always(OK), tls=(theirs, ours)) as (wire, server):
        if is_known:
            assert [(await wire.ask(HEAD, limit=2)).body for _ in range(2)] == [b"hi"] * 2
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                await wire.ask(HEAD, limit=2)
    assert server.asked == (2 if is_known else 0)


async def test_a_store_trusts_whom_the_library_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, authority = certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    server = Scripted(always(OK))
    async with await asyncio.start_server(server, "127.0.0.1", 0, ssl=theirs) as listener:
        address = f"https://localhost:{listener.sockets[0].getsockname()[1]}"
        config = S3Config(
            bucket="b",
            endpoint_url=address,
            region="us-east-1",
            access_key_id="AKIA",
            secret_access_key=SecretStr("secret"),
            is_path_style=True,
        )
        async with s3_store(config) as store:
            for _ in range(2):
                assert (await store.put_described("a", b"hi", Description())).etag == "x"
    assert (server.connections, server.asked) == (1, 2)


@pytest.mark.parametrize("value", ["a\r\nx-amz-acl: public-read", "a\nb", "a\rb", "a\0b"])
def test_no_header_is_more_than_one(value: str) -> None:
    with pytest.raises(ValueError, match="end of a line"):
        head_of("PUT", "/a", {"x-amz-meta-note": value}, size=1)


def test_the_size_of_a_body_is_told() -> None:
    assert head_of("PUT", "/a?b", {"host": "c"}, size=0) == b"PUT /a?b HTTP/1.1\r\nhost: c\r\ncontent-length: 0\r\n\r\n"
    assert head_of("GET", "/a", {"host": "c"}, size=0) == b"GET /a HTTP/1.1\r\nhost: c\r\n\r\n"
