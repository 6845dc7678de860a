"""What a process knows of the registry: it asks once, keeps no more than it may, and forgets at every change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID, uuid4

import pytest

from maestro.db.engine import Database
from maestro.documents import known as module
from maestro.documents.known import TOPIC, KnownDocuments, kept_current
from maestro.errors import Unavailable
from maestro.events import Event, publish
from tests.fixtures.documents import NAMES, ROLE, register, sha256
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import caught_up

WAITING: Final = """
    SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database
    WHERE NOT granted AND datname = current_database() AND relation = 'document'::regclass
"""


@pytest.fixture
async def documents(api: Api) -> AsyncIterator[KnownDocuments]:
    """A process that knows nothing yet of two documents that are registered."""
    await register(api, ROLE, NAMES)
    fresh = KnownDocuments(api.runtime.db)
    async with kept_current(fresh, api.runtime.events):
        await caught_up(api.runtime.events, api.runtime.db)
        yield fresh


@pytest.fixture
def here(api: Api) -> UUID:
    """The organisation."""
    return api.viewer.organization_id


async def asked(api: Api, documents: KnownDocuments, *ids: str) -> int:
    """How many statements it takes to look for ids."""
    before = api.runtime.db.statements_run
    for id_ in ids:
        await documents.find(api.viewer.organization_id, id_)
    return api.runtime.db.statements_run - before


async def test_a_document_is_looked_up_once(api: Api, documents: KnownDocuments) -> None:
    assert await asked(api, documents, sha256(ROLE)) == 1
    assert await asked(api, documents, sha256(ROLE), f"sha256:{sha256(ROLE)}") == 0


async def test_an_id_that_nobody_knows_is_looked_up_once(api: Api, documents: KnownDocuments) -> None:
    assert await asked(api, documents, "unknown") == 1
    assert await asked(api, documents, "unknown", "unknown") == 0


@pytest.mark.parametrize("id_", ["", "a\0b", "x" * 257, "\ud800"])
async def test_what_can_be_no_id_is_not_looked_up(api: Api, documents: KnownDocuments, id_: str) -> None:
    assert await asked(api, documents, id_) == 0


async def test_who_tries_ids_pushes_no_document_out(
    api: Api, documents: KnownDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNKNOWN", 3)
    await asked(api, documents, sha256(ROLE), "a", "b", "c", "d")
    assert await asked(api, documents, sha256(ROLE), "d", "c", "b") == 0
    assert await asked(api, documents, "a") == 1


@pytest.mark.parametrize("limit", ["MOST_KNOWN", "MOST_BYTES"])
async def test_documents_make_room_for_others(
    api: Api, documents: KnownDocuments, monkeypatch: pytest.MonkeyPatch, *, limit: str
) -> None:
    monkeypatch.setattr(module, limit, {"MOST_KNOWN": 1, "MOST_BYTES": max(len(ROLE), len(NAMES))}[limit])
    await asked(api, documents, sha256(ROLE), sha256(NAMES))
    assert await asked(api, documents, sha256(NAMES)) == 0
    assert await asked(api, documents, sha256(ROLE)) == 1


async def test_what_is_known_for_long_is_looked_up_again(
    api: Api, documents: KnownDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KNOWN_FOR_S", -1.0)
    assert await asked(api, documents, sha256(ROLE), sha256(ROLE), "unknown", "unknown") == 4


async def test_a_change_is_heard(api: Api, documents: KnownDocuments) -> None:
    await asked(api, documents, sha256(ROLE), "unknown")
    async with api.runtime.db.transaction() as tx:
        await publish(tx, [Event(TOPIC)])
    await caught_up(api.runtime.events, api.runtime.db)
    await asyncio.sleep(0)
    assert await asked(api, documents, sha256(ROLE), "unknown") == 2


async def test_what_was_looked_up_before_a_change_is_not_kept(api: Api, documents: KnownDocuments, here: UUID) -> None:
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE document IN ACCESS EXCLUSIVE MODE")
        late = asyncio.create_task(documents.find(here, sha256(ROLE)))
        while not await waiting(api.runtime.db):  # noqa: ASYNC110 -- it waits for the database
            await asyncio.sleep(0.01)
        documents.forget()
    assert await late is not None
    assert await asked(api, documents, sha256(ROLE)) == 1


async def waiting(db: Database) -> bool:
    return bool(await db.fetch_sql(WAITING))


async def test_without_the_database_it_is_told_that_it_is_away() -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1)
    with pytest.raises(Unavailable):
        await KnownDocuments(nowhere).find(uuid4(), "anything")
    await nowhere.close()
