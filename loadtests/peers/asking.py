"""One connection that stays open, on which requests are sent one after the other."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

PATIENCE_S: Final = 60


class Asking:
    """Sends the same requests to a server over one connection."""

    def __init__(self, url: str, key: str, bodies: Mapping[str, Any]) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        self._bodies = {name: orjson.dumps(body) for name, body in bodies.items()}

    def ask(self, operation: str) -> bytes:
        """Send an operation and return the body of the answer; RuntimeError when it is refused."""
        try:
            answer = self._answer(operation)
        except ConnectionError:
            # A server may close a connection that was silent while others had their turns.
            self._connection.close()
            answer = self._answer(operation)
        content = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{operation}: {answer.status}, {content[:500].decode(errors='replace')}")
        return content

    def _answer(self, operation: str) -> http.client.HTTPResponse:
        self._connection.request("POST", "/graphql", self._bodies[operation], self._headers)
        return self._connection.getresponse()

    def data(self, operation: str) -> Any:
        """Send an operation and return the data of the answer; RuntimeError when it has errors."""
        told = orjson.loads(self.ask(operation))
        if "errors" in told:
            raise RuntimeError(f"{operation}: {told['errors'][0]['message']}")
        return told["data"]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def asking(url: str, key: str, bodies: Mapping[str, Any]) -> Iterator[Asking]:
    """Give a connection for the length of a block."""
    made = Asking(url, key, bodies)
    try:
        yield made
    finally:
        made.close()
