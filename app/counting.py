"""What a server process counts of its requests, and what is read from its parts when its metrics are written."""

from collections.abc import Callable, Iterator
from typing import Any

from starlette.applications import Starlette

from maestro.cache import Cache
from maestro.db.engine import Database
from maestro.runtime import Runtime
from maestro.telemetry import caches, database, http, process
from maestro.telemetry.values import Number
from schema import operations


def sources(app: Starlette) -> list[Callable[[], Iterator[Number]]]:
    """Return what tells of the parts of a running application that keep count of themselves."""
    runtime: Runtime = app.state.runtime
    found: list[Callable[[], Iterator[Number]]] = [_documents, lambda: pool(runtime.db), lambda: _settings(runtime)]
    if runtime.cache is not None:
        kept = runtime.cache
        found.append(lambda: _kept(kept))
    return [*found, lambda: _sockets(app.state.sockets)]


def pool(db: Database) -> Iterator[Number]:
    """Tell of the connections to our own database."""
    for family, value in zip(
        (database.POOL_SIZE, database.POOL_USED, database.POOL_IDLE, database.POOL_OVERFLOW),
        db.connections,
        strict=True,
    ):
        yield family, (), float(value)
    yield database.STATEMENTS, (), float(db.statements_run)


def _documents() -> Iterator[Number]:
    stats = operations.stats
    yield caches.OPERATION_HITS, (), stats.hits
    yield caches.OPERATION_MISSES, (), stats.misses
    yield caches.OPERATION_EVICTIONS, (), stats.evictions
    yield caches.OPERATION_ENTRIES, ("good",), stats.documents
    yield caches.OPERATION_ENTRIES, ("other",), stats.others
    yield caches.OPERATION_CHARACTERS, (), stats.characters


def _kept(cache: Cache) -> Iterator[Number]:
    yield from _fields(cache)
    answers = cache.answers
    yield caches.ANSWER_HITS, (), answers.stats.hits
    yield caches.ANSWER_MISSES, (), answers.stats.misses
    yield caches.ANSWER_OUTDATED, (), answers.stats.outdated
    yield caches.ANSWER_EVICTIONS, (), answers.stats.evicted
    yield caches.ANSWER_ENTRIES, (), len(answers)
    yield caches.ANSWER_BYTES, (), answers.filled
    yield caches.ANSWER_ROOM, (), answers.room
    yield caches.CHECKS, (), cache.versions.asked
    yield caches.CHECK_STATEMENTS, (), cache.versions.statements
    if cache.fields.shared is not None:
        yield caches.REDIS_FAILURES, (), cache.fields.shared.failures
        yield caches.REDIS_RUBBISH, (), cache.fields.shared.rubbish


def _fields(cache: Cache) -> Iterator[Number]:
    for one in cache.fields.stats():
        tally, key = one.tally, (one.field,)
        yield caches.FIELD_HITS, (one.field, "memory"), tally.hits
        yield caches.FIELD_HITS, (one.field, "redis"), tally.shared_hits
        yield caches.FIELD_HITS, (one.field, "joined"), tally.joined
        yield caches.FIELD_MISSES, key, tally.misses
        yield caches.FIELD_OUTDATED, key, tally.outdated
        yield caches.FIELD_EVICTIONS, key, one.evicted
        yield caches.FIELD_LOAD, key, tally.load_s
        yield caches.FIELD_BYTES, key, one.bytes
    yield caches.FIELD_ENTRIES, (), len(cache.fields.memory.entries)
    yield caches.FIELD_ROOM, (), cache.fields.memory.room


def _sockets(sockets: Any) -> Iterator[Number]:
    yield http.SOCKETS, (), len(sockets)


def _settings(runtime: Runtime) -> Iterator[Number]:
    settings = runtime.settings
    told = {
        "pool_size": settings.pool_size,
        "workers": settings.workers,
        "job_concurrency": settings.job_concurrency,
        "operation_timeout": settings.operation_timeout.total_seconds(),
        "max_body_bytes": settings.max_body_bytes,
        "max_sockets": settings.max_sockets,
        "cache_bytes": settings.cache_bytes if settings.cache else 0,
        "answer_cache_bytes": settings.answer_cache_bytes if settings.cache else 0,
        "compact_every": settings.compact_every.total_seconds(),
        "connector_failures": settings.connector_failures,
    }
    for name, value in told.items():
        yield process.SETTING, (name,), float(value)
