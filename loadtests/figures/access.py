"""What it costs a request to find out who is asking and what they may do: with it and without, side by side."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import Any, Final
from uuid import UUID

import orjson
from starlette.applications import Starlette

from app.database import database
from app.server import create_app
from loadtests.figures.results import Figure
from loadtests.figures.server import command
from maestro.access import Access, Grants, Permission, SignInMethod, Viewer
from maestro.access.door import Credentials
from maestro.access.keys import KeySpec
from maestro.db.engine import Database, Scope
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import Owner, ensure_owner

ROUNDS: Final = 60
REQUESTS: Final = 100
WARM: Final = 3
OFF: Final = "off"
BODY: Final = orjson.dumps({"query": "query Names { projects(first: 5) { nodes { id name } } }"})


class OpenGrants(Grants):
    """Allows everything without a look."""

    def allow(self, permission: Permission, project_id: UUID | None = None) -> bool:  # noqa: ARG002 -- as inherited
        """Say yes."""
        return True

    def allow_somewhere(self, permission: Permission) -> bool:  # noqa: ARG002 -- as inherited
        """Say yes."""
        return True


class OpenDoor(Access):
    """Lets everybody in as one viewer, whatever they show."""

    def __init__(self, viewer: Viewer) -> None:
        self.everybody = viewer

    async def viewer(self, shown: Credentials) -> Viewer:  # noqa: ARG002 -- as inherited
        """Return the viewer."""
        return self.everybody


class OpenDatabase(Database):
    """Shows every row to everybody, so that no connection is ever bound to a scope."""

    def within(self, scope: Scope, *, in_turn: bool = False) -> Database:  # noqa: ARG002 -- as inherited
        """Return the same view."""
        return self


@dataclass(frozen=True, slots=True)
class Asked:
    """An application with the headers of the requests to it."""

    app: Starlette
    headers: tuple[tuple[bytes, bytes], ...]

    async def ask(self) -> None:
        """Send one request through all of the application; RuntimeError unless it is answered with data."""
        answer = await self.send(BODY)
        if not answer.startswith(b'{"data":{"projects"'):
            raise RuntimeError(answer.decode())

    async def send(self, body: bytes) -> bytes:
        """Send a body and return that of the answer."""
        answer = bytearray()

        is_read, never = False, asyncio.Event()

        async def receive() -> MutableMapping[str, Any]:
            nonlocal is_read
            if is_read:
                # The client stays until it is answered.
                await never.wait()
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            answer.extend(message.get("body", b""))

        await self.app(self._scope(), receive, send)
        return bytes(answer)

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *self.headers],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8000),
        }


def measure() -> list[Figure]:
    """Seed the demo, and ask one small query many times, with and without authentication and authorisation."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "seed")
        unlimited: dict[str, Any] = {f"rate_limit_{name}": OFF for name in ("requests", "cost", "ingest")}
        # What is kept of answers would spare most of what is compared.
        settings = Settings(data_dir=folder, cache=False, **unlimited)
        with database(settings) as url:
            guarded, open_ = asyncio.run(_measure(settings, url))
    finally:
        rmtree(folder)
    return [
        Figure("CPU of a request with a key seen before", guarded, "ms"),
        Figure("  without authentication, authorisation and binding", open_, "ms"),
        Figure("authentication and authorisation add to a request", guarded - open_, "ms", at_most=0.15),
        Figure("CPU of a request, with them to without", guarded / open_, "times"),
    ]


async def _measure(settings: Settings, url: str) -> tuple[float, float]:
    """Return the median CPU of a request with everything on and with everything off, in ms; rounds take turns."""
    app = create_app(settings, url)
    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        owner = await ensure_owner(runtime.db)
        spec = KeySpec(organization_id=owner.organization_id, user_id=owner.user_id, name="figures")
        made = await runtime.access.create_key(spec)
        guarded = Asked(app, ((b"authorization", f"Bearer {made.key}".encode()),))
        db = OpenDatabase(url, pool_size=settings.pool_size)
        try:
            return await _alternating(guarded, Asked(_opened(app, _viewer(owner, made.row.id), db), ()))
        finally:
            await db.close()


async def _alternating(guarded: Asked, open_: Asked) -> tuple[float, float]:
    times: dict[Asked, list[float]] = {guarded: [], open_: []}
    for turn in range(WARM + ROUNDS):
        for asked in (guarded, open_) if turn % 2 else (open_, guarded):
            spent = await _round(asked)
            if turn >= WARM:
                times[asked].append(spent)
    return statistics.median(times[guarded]), statistics.median(times[open_])


async def _round(asked: Asked) -> float:
    started = time.process_time()
    for _ in range(REQUESTS):
        await asked.ask()
    return (time.process_time() - started) * 1000 / REQUESTS


def _viewer(owner: Owner, key_id: UUID) -> Viewer:
    return Viewer(
        owner.user_id,
        owner.organization_id,
        "Owner",
        None,
        SignInMethod.API_KEY,
        OpenGrants(frozenset(Permission)),
        api_key_id=key_id,
    )


def _opened(app: Starlette, viewer: Viewer, db: Database) -> Starlette:
    """Return the same application without a door and without bounds."""
    runtime: Runtime = app.state.runtime
    other = create_app(runtime.settings, runtime.db.url.render_as_string(hide_password=False))
    other.state.runtime, other.state.blobs = replace(runtime, access=OpenDoor(viewer), db=db), app.state.blobs
    return other
