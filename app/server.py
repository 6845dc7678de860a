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
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.routing import Route, WebSocketRoute

from app import artifacts, audit, join, metrics, oidc, pages, profiles
from app.answers import failed, lost, refused
from app.archiving import archive_of, archives
from app.counting import sources
from app.errands import ChildErrands
from app.graphql import Endpoint
from app.limiting import limiter_of
from app.member import Member
from app.middleware import (
    Counted,
    LimitedBody,
    LimitedHead,
    OwnOrigin,
    SafeHeaders,
    SignedIn,
    Spanned,
    Traced,
    TrustedProxies,
    other_sites,
)
from app.profiling import profiled
from app.sign_on import sign_on_of
from app.sockets import OpenSockets, SocketEndpoint
from connectors.local import LocalBlobs
from maestro.access import Access
from maestro.access.invalidation import kept_current
from maestro.cache import Cache
from maestro.db.engine import SYSTEM_ROLE, Database
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.documents import known
from maestro.documents.automatic import AutomaticDocuments
from maestro.documents.known import KnownDocuments
from maestro.documents.usage import kept_written
from maestro.events import Events
from maestro.master_keys import vault_of
from maestro.profiles import ProcessRole
from maestro.runtime import Runtime
from maestro.secret import secret_of
from maestro.settings import Settings
from maestro.telemetry.tracing import traced
from maestro.telemetry.writing import counted
from maestro.windows import Windows
from ops.compaction import compact
from ops.database.usage import Refreshing
from ops.readings import Readings
from schema import schema

logger = logging.getLogger(__name__)


def create_app(settings: Settings, url: str, member: Member | None = None) -> Starlette:
    """Make the application for one database, for the one process of a server, or one of several."""
    graphql, sockets = Endpoint(schema), OpenSockets(settings, None if member is None else member.sockets)
    app = Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", SocketEndpoint(sockets)),
            *artifacts.routes,
            *profiles.routes,
            *audit.routes,
            *oidc.routes,
            *pages.routes,
            *metrics.routes,
            *join.routes,
        ],
        middleware=[
            Middleware(Traced),
            *([Middleware(Spanned)] if settings.otlp_endpoint else []),
            *([Middleware(Counted)] if settings.metrics else []),
            Middleware(TrustedProxies, trusted_hosts=[str(network) for network in settings.trusted_proxies]),
            Middleware(SafeHeaders, settings=settings),
            *other_sites(settings),
            # Starlette's own stands outside of all others, and its answers would lack their headers.
            Middleware(ServerErrorMiddleware, handler=failed),
            Middleware(LimitedHead),
            Middleware(SignedIn),
            Middleware(OwnOrigin, settings=settings),
            Middleware(
                LimitedBody,
                limit=settings.max_body_bytes,
                patience=settings.operation_timeout,
                paths=["/graphql", "/join"],
            ),
        ],
        exception_handlers={HTTPException: refused, **dict.fromkeys(CONNECTION_LOST, lost)},
        lifespan=lambda app: _lifespan(app, settings, url),
    )
    app.state.sockets = sockets
    app.state.member = member
    app.state.sign_on = sign_on_of(settings)
    app.state.stopping = graphql.stopping
    return app


@asynccontextmanager
async def opened(
    settings: Settings, url: str, *, system_role: str = SYSTEM_ROLE, windows: Windows | None = None
) -> AsyncIterator[Runtime]:
    """Open what the requests of one process share, and close it at the end of the block.

    Rate limits that are not in Redis are counted in `windows`, which processes may share. The owner of the tables gives
    `OWNER_ROLE` for work that row-level security forbids to the server's roles.
    """
    secret, vault = secret_of(settings), vault_of(settings)
    db = Database(url, pool_size=settings.pool_size, system_role=system_role)
    events, errands = Events(db), ChildErrands(settings, url)
    runtime = Runtime(
        settings=settings,
        secret=secret,
        db=db,
        events=events,
        access=Access(db),
        vault=vault,
        limiter=limiter_of(settings, windows),
        documents=KnownDocuments(db),
        automatic=AutomaticDocuments(None if settings.redis_url is None else settings.redis_url.get_secret_value()),
        cache=_cache_of(settings, db, secret),
        errands=errands,
    )
    await events.start()
    try:
        async with kept_current(runtime.access, events), known.kept_current(runtime.documents, events):
            yield runtime
    finally:
        await errands.close()
        await events.stop()
        if runtime.cache is not None:
            await runtime.cache.close()
        await runtime.limiter.close()
        await runtime.automatic.close()
        await db.close()


def _cache_of(settings: Settings, db: Database, secret: bytes) -> Cache | None:
    if not settings.cache:
        return None
    return Cache.over(
        db,
        fields=settings.cache_bytes,
        answers=settings.answer_cache_bytes,
        redis_url=None if settings.redis_url is None else settings.redis_url.get_secret_value(),
        secret=secret,
    )


@asynccontextmanager
async def _lifespan(app: Starlette, settings: Settings, url: str) -> AsyncIterator[None]:
    member: Member | None = app.state.member
    async with opened(settings, url, windows=None if member is None else member.windows) as runtime:
        app.state.runtime = runtime
        app.state.blobs = LocalBlobs(settings.data_dir / "blobs")
        app.state.readings = Readings(
            runtime.db, settings.data_dir, archive_of(settings) if archives(settings) else None
        )
        upkeep = _compacting(runtime) if member is None or member.does_upkeep else contextlib.nullcontext()
        # What was made so far lives as long as the process: the collector need not look at it again.
        gc.freeze()
        try:
            async with (
                traced(settings, "server"),
                upkeep,
                kept_written(runtime.usage, runtime.db),
                profiled(runtime, ProcessRole.SERVER),
                counted(settings.data_dir, "server", sources(app), is_on=settings.metrics) as app.state.metrics,
            ):
                yield
        finally:
            app.state.readings.close()
            if app.state.sign_on is not None:
                await app.state.sign_on.provider.close()


@asynccontextmanager
async def _compacting(runtime: Runtime) -> AsyncIterator[None]:
    compaction = asyncio.create_task(_compact_forever(runtime), name="compaction")
    try:
        yield
    finally:
        compaction.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await compaction


async def _compact_forever(runtime: Runtime) -> None:
    usage = Refreshing()
    while True:
        await asyncio.sleep(runtime.settings.compact_every.total_seconds())
        try:
            await compact(runtime.db)
            await usage.refresh(runtime.db)
        except (*CONNECTION_LOST, StatementFailed) as error:
            logger.warning("Points were not compacted, or usage was not counted, and will be later: %s", error)
