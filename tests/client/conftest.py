"""A real server for the client, on the database of a test, and a gate before it that can be shut."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from maestro.runtime import Runtime
from maestro_client import Client, lane, retrying
from resolvers.setup import Owner
from tests.fixtures.access import make_key
from tests.fixtures.sockets import listening

RUNS = """
query Runs($text: String) { runs(filterText: $text, sort: [{ field: NUMBER }]) { nodes {
  id number name status statusReason durationMs stopRequestedAt
  project { name } experiment { name path } tags { key value } params { key value } environment source { commit dirty }
  series { key { name } name count lastNonFinite points(first: 10000) { step value } }
  outputs { number state artifact { name type } entries { path sha256 } } } } }
"""


@dataclass
class Server:
    """A server by its address and a key of its owner."""

    url: str
    key: str

    async def ask(self, query: str, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30) as client:
            answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask(RUNS))["runs"]["nodes"]
        return found

    async def run(self) -> dict[str, Any]:
        """The only run that there is."""
        (found,) = await self.runs()
        return found


def told(run: dict[str, Any], what: str) -> dict[str, Any]:
    """The params or the tags of a run."""
    return {pair["key"]: pair["value"] for pair in run[what]}


def points(run: dict[str, Any]) -> dict[str, list[tuple[int, float | None]]]:
    """The points of each series."""
    columns = {series["name"]: series["points"] for series in run["series"]}
    return {name: list(zip(found["step"], found["value"], strict=True)) for name, found in columns.items()}


class Gate:
    """A line to a server that can be shut: then nobody is let through, and whoever is inside is cut off."""

    def __init__(self, url: str) -> None:
        self.lead_to(url)
        self._inside: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.is_open = True
        self.refused = 0
        """So many of the next connections are told to come again in a second."""
        self.swallowed = 0
        """So many of the next answers are lost on their way, with the line that they come by."""

    def lead_to(self, url: str) -> None:
        """Lead to this server from now on."""
        self._port = int(url.rpartition(":")[2])

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        if self.refused:
            self.refused -= 1
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 429 X\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        self._inside.add(writer)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        with suppress(ConnectionError):
            await asyncio.gather(self._carry(reader, up_writer), self._carry(up_reader, writer, may_be_lost=True))
        for one in (writer, up_writer):
            one.close()
        self._inside.discard(writer)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, may_be_lost: bool = False
    ) -> None:
        while content := await reader.read(65_536):
            if may_be_lost and self.swallowed:
                self.swallowed -= 1
                writer.transport.abort()
                raise ConnectionResetError
            writer.write(content)
            await writer.drain()
        writer.close()

    def shut(self) -> None:
        self.is_open = False
        for writer in self._inside:
            writer.transport.abort()


@pytest.fixture
async def server(app: Starlette, fresh_key: str) -> AsyncIterator[Server]:
    """A server in this process; what speaks to it has to run in another thread."""
    async with listening(app) as url:
        yield Server(url, fresh_key)


@pytest.fixture
async def gate(server: Server) -> AsyncIterator[Gate]:
    """A gate before the server, open at first; its address is `gate.url`."""
    gate = Gate(server.url)
    async with await asyncio.start_server(gate, "127.0.0.1", 0) as listener:
        gate.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield gate
        gate.shut()


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Client:
    """A client that goes to the server."""
    return Client(server.url, server.key, unsent=tmp_path / "unsent")


@pytest.fixture
def gated(gate: Gate, server: Server, tmp_path: Path) -> Client:
    """A client that goes through the gate."""
    return Client(gate.url, server.key, unsent=tmp_path / "unsent")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are as short as tests are patient; and no proxy stands between here and here."""
    monkeypatch.setattr(retrying, "FIRST_S", 0.02)
    monkeypatch.setattr(retrying, "LONGEST_S", 0.05)
    monkeypatch.setattr(lane, "INTERVAL_S", 0.02)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the client has warned of."""
    caplog.set_level(logging.WARNING, logger="maestro_client")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "maestro_client"]


@pytest.fixture
async def logging_key(runtime: Runtime, owner: Owner) -> str:
    """A key that logs and never reads."""
    return await make_key(runtime, owner, is_append_only=True)
