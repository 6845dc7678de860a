"""MongoDB as a source of documents, against SecantusDB, and against lines that fail."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from pydantic import SecretStr

from connectors.catalogue import opened
from connectors.documents.capability import Document
from connectors.documents.mongodb import MongodbSource, mongodb_source
from connectors.documents.values import opened as value_of
from maestro.credentials import MongodbCredential
from maestro.errors import Forbidden, InvalidInput, Transient
from maestro.vendor_errors import TimedOut
from maestro.vendors import Mongodb
from tests.connectors.documents.contract import NOW, DocumentContract, all_of
from tests.fixtures.emulators import free_port
from tests.fixtures.faults import Line, listening
from tests.fixtures.mongodb_server import PASSWORD, USER, MongoServer
from tests.rules.sources import ROOT

PAGE = ROOT / "docs" / "connectors" / "mongodb.md"
CREDENTIAL = MongodbCredential(password=SecretStr(PASSWORD))


def config_of(server: MongoServer, **changes: Any) -> Mongodb:
    given = {"host": "127.0.0.1", "port": server.port, "database": f"d{uuid4().hex[:12]}", "user": USER}
    return Mongodb(**{**given, "authSource": "admin", **changes})


@pytest.fixture
async def source(mongo_server: MongoServer) -> AsyncIterator[MongodbSource]:
    async with mongodb_source(config_of(mongo_server), CREDENTIAL) as opened_source:
        yield opened_source


class TestMongodb(DocumentContract):
    @pytest.fixture
    def slow(self) -> Document:
        doubled = {"$map": {"input": {"$range": [0, 120_000]}, "in": {"$multiply": ["$$this", 2]}}}
        return {"$expr": {"$lt": [{"$sum": doubled}, 0]}}


async def test_a_connector_of_the_kind_is_opened_by_the_catalogue(mongo_server: MongoServer) -> None:
    async with opened("MONGODB", config_of(mongo_server), CREDENTIAL) as source:
        assert await source.insert("runs", [{"_id": 1}])


async def test_a_wrong_password_is_told(mongo_server: MongoServer) -> None:
    wrong = MongodbCredential(password=SecretStr("another-secret"))
    async with mongodb_source(config_of(mongo_server), wrong) as source:
        with pytest.raises(Forbidden) as refused:
            await source.identify()
    assert refused.value.details["vendorCode"] == "AuthenticationFailed"
    assert "another-secret" not in str(refused.value)


async def test_nobody_reads_without_a_password(mongo_server: MongoServer) -> None:
    async with mongodb_source(config_of(mongo_server, user=None), None) as source:
        with pytest.raises(Forbidden):
            await all_of(source.find("runs"))


async def test_a_server_that_is_not_there_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.documents.mongodb.CONNECT_S", 0.3)
    async with mongodb_source(Mongodb(host="127.0.0.1", port=free_port(), database="d"), None) as source:
        with pytest.raises(Transient) as refused:
            await source.identify()
    assert "reached" in refused.value.message


async def test_whoever_is_cut_off_leaves_nothing_running(source: MongodbSource) -> None:
    await source.insert("runs", [{"_id": number} for number in range(5000)])
    reading = asyncio.create_task(all_of(source.find("runs")))
    await asyncio.sleep(0)
    reading.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert time.monotonic() - began < 30
    assert len(await all_of(source.find("runs"))) == 5000


@asynccontextmanager
async def behind(line: Line, server: MongoServer) -> AsyncIterator[MongodbSource]:
    """A source over a line, with some hundred kilobytes in a collection."""
    async with listening(line) as address:
        config = config_of(server, port=urlsplit(address).port)
        async with mongodb_source(config, CREDENTIAL) as source:
            await source.insert("large", [{"_id": number, "text": "x" * 1000} for number in range(900)])
            yield source


async def test_a_line_that_breaks_is_told_as_something_that_passes(mongo_server: MongoServer) -> None:
    line = Line(mongo_server.port)
    async with behind(line, mongo_server) as source:
        # Once more than the library tries by itself.
        line.breaks = [300_000] * 2
        with pytest.raises(Transient):
            await all_of(source.find("large"))
        assert len(await all_of(source.find("large"))) == 900


async def test_a_server_that_falls_silent_is_not_waited_for(
    mongo_server: MongoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.documents.mongodb.GRACE_S", 0.2)
    monkeypatch.setattr("connectors.documents.mongodb.STOPPING_S", 0.2)
    line = Line(mongo_server.port)
    async with behind(line, mongo_server) as source:
        line.goes_on.clear()
        line.breaks = [300_000]
        began = time.monotonic()
        with pytest.raises(TimedOut):
            await all_of(source.find("large", timeout_s=0.2))
        assert time.monotonic() - began < 30
        line.goes_on.set()


async def test_what_cannot_be_stored_is_refused(source: MongodbSource) -> None:
    with pytest.raises(InvalidInput):
        await source.insert("runs", [{"_id": 1, "n": 2**70}])
    assert await all_of(source.find("runs")) == []


async def test_the_example_of_the_page_runs(source: MongodbSource, capsys: pytest.CaptureFixture[str]) -> None:
    await source.insert("images", [{"label": "cat", "labelled": True}] * 2 + [{"label": "dog", "labelled": False}])
    example: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0], example)  # noqa: S102 -- our own page
    frame = await example["look"](source)
    assert capsys.readouterr().out == "2\n"
    assert sorted(frame.itertuples(index=False, name=None)) == [("cat", 2), ("dog", 1)]


async def test_the_example_of_many_writes_runs(source: MongodbSource) -> None:
    await source.insert("images", [{"_id": 1, "label": "cat"}, {"_id": 2, "label": "cat"}, {"_id": 3, "label": "dog"}])
    example: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1], example)  # noqa: S102 -- our own page
    assert await example["relabel"](source, {1: "dog", 3: "wolf"}) == 2
    found = await all_of(source.find("images", sort=[("_id", 1)]))
    assert [one["label"] for one in found] == ["dog", "cat", "wolf"]


def test_values_are_read_from_extended_json() -> None:
    given = {"_id": {"$oid": "5f0000000000000000000001"}, "at": {"$date": "2026-11-29T12:30:00Z"}, "n": 3, "s": "x"}
    found = value_of(given, field="where")
    assert (found["at"], found["n"]) == (NOW, 3)
    assert (type(found["_id"]).__name__, str(found["_id"])) == ("ObjectId", "5f0000000000000000000001")


def test_what_is_no_extended_json_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidInput) as refused:
        value_of({"_id": {"$oid": "zz"}}, field="where")
    assert refused.value.details["field"] == "where"
