"""Users that follow a run and note how old each point is when they are told of it."""

import http.client
import time
from abc import abstractmethod
from itertools import count
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import orjson
from locust import User, task
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from loadtests.generator.answers import VIOLATION
from loadtests.generator.running import Test
from loadtests.ground.documents import document_id
from loadtests.lines import Line

PAUSE_S: Final = 1.0
numbers = count()


class Listener(User):
    """Follows a run that is logged to, by one of the transports; comes back when it breaks off."""

    abstract = True
    test: ClassVar[Test]
    via: ClassVar[str]

    def on_start(self) -> None:
        """Choose an organisation and one of its runs."""
        number, places = next(numbers), self.test.ground.places
        self.number = number % len(places)
        self.place = places[self.number]
        self.run_id = self.place.logged[number // len(places) % len(self.place.logged)]
        self.payload = {"documentId": document_id("Points"), "variables": {"id": self.run_id}}

    @task
    def listen(self) -> None:
        """Follow until that breaks off, and note it when it does."""
        try:
            self.follow()
        except (OSError, WebSocketException, http.client.HTTPException) as error:
            self.note(type(error).__name__, 0, b"")
        time.sleep(PAUSE_S)

    @abstractmethod
    def follow(self) -> None:
        """Follow the run."""

    def told(self, content: bytes, payload: dict[str, Any]) -> None:
        """Note an event; the first one has no points and only says that the others will come."""
        if "errors" in payload:
            self.note(str(payload["errors"][0]["extensions"].get("code", "NO_CODE")), 0, content)
            return
        sent = [value for one in payload["data"]["metricAppended"]["series"] for value in one["values"]]
        if sent:
            self.note("", 1000 * (time.time() - min(sent)), content)

    def note(self, error: str, ms: float, content: bytes) -> None:
        """Note an event or a failure."""
        boundaries, phase = self.test.boundaries, self.test.arrivals.phase
        if boundaries is not None and boundaries.are_crossed(self.number, content):
            error = VIOLATION
        name = phase.name if phase is not None else ""
        # An event without points is as old as nothing; one with a failure has no age.
        line = Line(time.time(), name, "Points", self.via, self.number, 0.0, ms, 200, error, "", len(content))
        self.test.recording.note(line)


class SocketListener(Listener):
    """Follows over a WebSocket."""

    via = "WS"

    def follow(self) -> None:
        """Follow the run; pings are answered."""
        address = f"{str(self.host).replace('http', 'ws', 1)}/graphql"
        headers = {"Authorization": f"Bearer {self.place.key}"}
        protocol = [Subprotocol("graphql-transport-ws")]
        with connect(
            address, additional_headers=headers, subprotocols=protocol, compression=None, ping_interval=None, proxy=None
        ) as socket:
            socket.send(orjson.dumps({"type": "connection_init"}), text=True)
            socket.recv()
            socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": self.payload}), text=True)
            for text in socket:
                self.heard(socket, text if isinstance(text, bytes) else text.encode())

    def heard(self, socket: ClientConnection, text: bytes) -> None:
        """Take in a message."""
        message = orjson.loads(text)
        if message["type"] == "ping":
            socket.send(orjson.dumps({"type": "pong"}), text=True)
        elif message["type"] == "next":
            self.told(text, message["payload"])
        elif message["type"] == "error":
            self.told(text, {"errors": message["payload"]})


class StreamListener(Listener):
    """Follows by server-sent events."""

    via = "SSE"

    def follow(self) -> None:
        """Follow the run; comments, which keep the line open, are passed over."""
        connection = http.client.HTTPConnection(urlsplit(str(self.host)).netloc)
        headers = {
            "Authorization": f"Bearer {self.place.key}",
            "Accept": "text/event-stream",
            "Content-Type": "application/json",
        }
        try:
            connection.request("POST", "/graphql", orjson.dumps(self.payload), headers)
            answer = connection.getresponse()
            while line := answer.readline():
                if line.startswith(b"data: {"):
                    self.told(line, orjson.loads(line[len(b"data: ") :]))
        finally:
            connection.close()
