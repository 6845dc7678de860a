"""The application object: routes, middleware and what lives as long as the process."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from app import artifacts, pages
from app.answers import failed, refused
from app.graphql import Endpoint
from app.middleware import LimitedBody, SafeHeaders, SignedIn
from connectors.local import LocalBlobs
from maestro.access import Access
from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST
from maestro.events import Events
from maestro.runtime import Runtime
from maestro.secret import secret_of
from maestro.settings import Settings
from ops.compaction import compact
from schema import schema

logger = logging.getLogger(__name__)


def create_app(settings: Settings, url: str) -> Starlette:
    """Make the application for one database."""
    graphql = Endpoint(schema)
    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", graphql),
            *artifacts.routes,
            *pages.routes,
        ],
        middleware=[
            Middleware(SafeHeaders),
            Middleware(SignedIn),
            Middleware(
                LimitedBody,
                limit=settings.max_body_bytes,
                patience=settings.operation_timeout,
                paths=["/graphql"],
            ),
        ],
        exception_handlers={HTTPException: refused, Exception: failed},
        lifespan=lambda app: _lifespan(app, settings, url),
    )


@asynccontextmanager
async def opened(settings: Settings, url: str) -> AsyncIterator[Runtime]:
    """Open what the requests of one process share, and close it at the end of the block."""
    secret = secret_of(settings)
    db = Database(url, pool_size=settings.pool_size)
    events = Events(db)
    runtime = Runtime(
        settings=settings,
        secret=secret,
        db=db,
        events=events,
        access=Access(db, secret=secret, session_ttl=settings.session_ttl),
    )
    await events.start()
    try:
        yield runtime
    finally:
        await events.stop()
        await db.close()


@asynccontextmanager
async def _lifespan(app: Starlette, settings: Settings, url: str) -> AsyncIterator[None]:
    async with opened(settings, url) as runtime:
        app.state.runtime = runtime
        app.state.blobs = LocalBlobs(settings.data_dir / "blobs")
        compaction = asyncio.create_task(_compact_forever(runtime), name="compaction")
        # What was made so far lives as long as the process: the collector need not look at it again.
        gc.freeze()
        try:
            yield
        finally:
            compaction.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await compaction


async def _compact_forever(runtime: Runtime) -> None:
    while True:
        await asyncio.sleep(runtime.settings.compact_every.total_seconds())
        try:
            await compact(runtime.db)
        except CONNECTION_LOST as error:
            logger.warning("Metric points were not compacted, the database is away: %s", error)
