"""Pipelines that connectors' databases of documents run, by GraphQL, against SecantusDB."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from bson import Decimal128, Int64, ObjectId

from maestro.access import Limits, Permission
from maestro.db.tables.enums import Role
from tests.fixtures.connected import SET_SECRET
from tests.fixtures.graphql import Api, viewer_as, with_settings
from tests.fixtures.mongodb_server import PASSWORD, USER, MongoServer
from tests.schema.connector_texts import AGGREGATE, CANCEL, connector

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ID = ObjectId("5f0000000000000000000001")
VALUES = {
    "_id": ID,
    "big": Int64(9007199254740993),
    "small": 7,
    "share": 0.5,
    "exact": Decimal128("0.100"),
    "yes": True,
    "text": "ä",
    "bytes": b"\x00\xff",
    "at": MOMENT,
    "tags": ["a", 1],
    "params": {"lr": 0.1},
    "nothing": None,
}
LOOK = """
query ($id: ID!) {
  connector(id: $id) {
    collections { name kind documentEstimate }
    fields(collection: "values") { path types count }
    preview(collection: "values") { columns { name type vendorType } rows isTruncated }
    queries { nodes { id statement state isWriting rowCount errorCode cancelledBy { name } } }
    usage(days: 1) { operations errors }
  }
}
"""
SLOW = {
    "$match": {
        "$expr": {
            "$lt": [
                {"$sum": {"$map": {"input": {"$range": [0, 120_000]}, "in": {"$multiply": ["$$this", 2]}}}},
                0,
            ]
        }
    }
}
OUT = {"$out": "copy"}


@dataclass
class Documents:
    """A connector, and its database past all connectors."""

    id: str
    database: Any


@pytest.fixture
async def made(api: Api, mongo_server: MongoServer) -> AsyncIterator[Documents]:
    """A connector to a database with two collections."""
    name = f"d{uuid4().hex[:12]}"
    place = {"host": "127.0.0.1", "port": mongo_server.port, "user": USER, "authSource": "admin"}
    made = await connector(api, {"mongodb": {**place, "database": name}})
    await api(SET_SECRET, id=made, secret={"mongodb": {"password": PASSWORD}})
    with pymongo.MongoClient[dict[str, Any]](
        "127.0.0.1", mongo_server.port, username=USER, password=PASSWORD, authSource="admin", directConnection=True
    ) as client:
        client[name]["values"].insert_one(dict(VALUES))
        client[name]["runs"].insert_many([{"_id": number, "loss": number / 4} for number in range(8)])
        yield Documents(made, client[name])


async def run(api: Api, made: Documents, *pipeline: Any, collection: str = "runs", **more: Any) -> Any:
    asked = {"connectorId": made.id, "collection": collection, "pipeline": list(pipeline), **more}
    return (await api(AGGREGATE, input=asked))["runAggregation"]


async def refused(api: Api, made: Documents, *pipeline: Any, collection: str = "runs", **more: Any) -> Any:
    asked = {"connectorId": made.id, "collection": collection, "pipeline": list(pipeline), **more}
    (error,) = await api.errors(AGGREGATE, input=asked)
    return error["extensions"]


async def seen(api: Api, made: Documents) -> Any:
    return (await api(LOOK, id=made.id))["connector"]


async def test_documents_are_answered_as_rows_with_typed_columns(api: Api, made: Documents) -> None:
    answer = await run(api, made, {"$match": {"_id": {"$oid": str(ID)}}}, collection="values")
    columns = {one["name"]: (one["type"], one["vendorType"]) for one in answer["columns"]}
    assert columns == {
        "_id": ("OTHER", "objectId"),
        "big": ("INTEGER", "long"),
        "small": ("INTEGER", "int"),
        "share": ("FLOAT", "double"),
        "exact": ("DECIMAL", "decimal"),
        "yes": ("BOOLEAN", "bool"),
        "text": ("TEXT", "string"),
        "bytes": ("BINARY", "binData"),
        "at": ("TIMESTAMP", "date"),
        "tags": ("ARRAY", "array"),
        "params": ("STRUCT", "object"),
        "nothing": ("JSON", "null"),
    }
    assert answer["rows"] == [
        [
            *(str(ID), "9007199254740993", 7, 0.5, "0.100", True, "ä", "AP8="),
            *("2026-01-31T12:00:00+00:00", ["a", 1], {"lr": 0.1}, None),
        ]
    ]
    assert (answer["rowCount"], answer["isTruncated"]) == (1, False)
    assert answer["sizeBytes"] > 100


async def test_extended_json_in_a_pipeline_is_what_it_stands_for(api: Api, made: Documents) -> None:
    day = {"$match": {"at": {"$gte": {"$date": "2026-01-31T00:00:00Z"}}}}
    assert (await run(api, made, day, {"$project": {"small": 1}}, collection="values"))["rows"] == [[str(ID), 7]]


async def test_no_more_rows_are_answered_than_are_asked_for(api: Api, made: Documents) -> None:
    answer = await run(api, made, {"$sort": {"_id": 1}}, maxRows=3)
    assert (answer["rows"], answer["isTruncated"]) == ([[0, 0.0], [1, 0.25], [2, 0.5]], True)
    exact = await run(api, made, {"$limit": 3}, maxRows=3)
    assert (exact["rowCount"], exact["isTruncated"]) == (3, False)


@with_settings(query_bytes=2000)
async def test_no_more_bytes_are_answered_than_a_setting_allows(api: Api, made: Documents) -> None:
    made.database["long"].insert_many([{"_id": number, "x": "x" * 500} for number in range(50)])
    answer = await run(api, made, {"$sort": {"_id": 1}}, collection="long")
    assert (answer["rowCount"], answer["isTruncated"]) == (3, True)
    assert answer["sizeBytes"] <= 2000


async def test_what_was_run_is_in_the_history_and_counted(api: Api, made: Documents) -> None:
    await run(api, made, {"$match": {"_id": 1}})
    await refused(api, made, {"$nonsense": 1})
    found = await seen(api, made)
    assert [(one["statement"], one["state"], one["rowCount"]) for one in found["queries"]["nodes"]] == [
        ('{"aggregate":"runs","pipeline":[{"$nonsense":1}]}', "FAILED", None),
        ('{"aggregate":"runs","pipeline":[{"$match":{"_id":1}}]}', "SUCCEEDED", 1),
    ]
    entries = await api.runtime.db.fetch_sql(
        "SELECT after->>'statement' AS told, is_allowed FROM audit_entry WHERE operation = 'runAggregation' ORDER BY at"
    )
    assert [("$match" in one.told, one.is_allowed) for one in entries] == [(True, True), (False, True)]
    await api.runtime.errands.openings.tally.close()  # type: ignore[attr-defined] # those of tests
    (day,) = (await seen(api, made))["usage"]
    assert (day["operations"] >= 2, day["errors"]) == (True, 1)


@pytest.mark.parametrize(
    ("stage", "place"),
    [
        (OUT, "input.pipeline.1.$out"),
        ({"$merge": "copy"}, "input.pipeline.1.$merge"),
        ({"$unionWith": {"coll": "runs", "pipeline": [OUT]}}, "input.pipeline.1.$unionWith.pipeline.0.$out"),
        ({"$match": {"$where": "sleep(1000)"}}, "input.pipeline.1.$match.$where"),
    ],
)
async def test_what_a_pipeline_may_not_do_is_refused_with_its_place(
    api: Api, made: Documents, *, stage: Any, place: str
) -> None:
    before = await api.state()
    extensions = await refused(api, made, {"$match": {}}, stage)
    assert (extensions["code"], extensions["field"]) == ("FORBIDDEN", place)
    assert await api.state() == before
    assert "copy" not in made.database.list_collection_names()


async def test_a_pipeline_writes_where_it_may(api: Api, made: Documents) -> None:
    answer = await run(api, made, {"$match": {"_id": {"$lt": 2}}}, OUT, allowWrites=True)
    assert (answer["rows"], answer["columns"], answer["isTruncated"]) == ([], [], False)
    assert [one["_id"] for one in made.database["copy"].find(sort=[("_id", 1)])] == [0, 1]
    assert [one["isWriting"] for one in (await seen(api, made))["queries"]["nodes"]] == [True]
    script = {"$match": {"$where": "true"}}
    assert (await refused(api, made, script, OUT, allowWrites=True))["code"] == "FORBIDDEN"


async def test_writing_takes_the_permission_to_manage_connectors_too(api: Api, made: Documents) -> None:
    limits = Limits(scopes=frozenset({Permission.CONNECTOR_READ, Permission.CONNECTOR_QUERY}))
    reader = Api(api.runtime, viewer_as(Role.MAINTAINER, uuid4(), api.viewer.organization_id, limits=limits))
    assert (await run(reader, made, {"$count": "n"}))["rows"] == [[8]]
    before = await api.state()
    extensions = await refused(reader, made, OUT, allowWrites=True)
    assert (extensions["code"], extensions["permission"]) == ("FORBIDDEN", "connector:manage")
    assert await api.state() == before
    assert "copy" not in made.database.list_collection_names()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"collection": " "}, "input.collection"),
        ({"collection": "x" * 256}, "input.collection"),
        ({"pipeline": ["$match"]}, "input.pipeline.0"),
        ({"pipeline": [{"$match": {"x": "y" * 100_000}}]}, "input.pipeline"),
        ({"pipeline": [{"$match": {}}] * 1001}, "input.pipeline"),
        ({"maxRows": 0}, "input.maxRows"),
        ({"timeoutSeconds": 601}, "input.timeoutSeconds"),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_no_trace(
    api: Api, made: Documents, *, asked: dict[str, Any], field: str
) -> None:
    before = await api.state()
    given = {"connectorId": made.id, "collection": "runs", "pipeline": [], **asked}
    (error,) = await api.errors(AGGREGATE, input=given)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert await api.state() == before


@pytest.mark.parametrize(
    ("stage", "place"),
    [
        ({"$nonsense": 1}, "input.pipeline.1.$nonsense"),
        ({"$match": {"_id": {"$oid": "zz"}}}, "input.pipeline"),
    ],
)
async def test_what_the_database_does_not_understand_is_told_with_its_place(
    api: Api, made: Documents, *, stage: Any, place: str
) -> None:
    extensions = await refused(api, made, {"$match": {}}, stage)
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", place)


async def test_a_collection_that_is_not_there_is_not_found(api: Api, made: Documents) -> None:
    assert (await refused(api, made, collection="none"))["code"] == "NOT_FOUND"


async def test_a_pipeline_that_takes_too_long_is_stopped(api: Api, made: Documents) -> None:
    assert (await refused(api, made, SLOW, timeoutSeconds=1))["code"] == "TIMED_OUT"


async def test_another_request_stops_a_pipeline(api: Api, made: Documents) -> None:
    asked = {"connectorId": made.id, "collection": "runs", "pipeline": [SLOW], "cancelKey": "mine"}
    running = asyncio.create_task(api.run(AGGREGATE, input=asked))
    async with asyncio.timeout(5):
        while not (await seen(api, made))["queries"]["nodes"]:  # noqa: ASYNC110 -- the database tells nobody
            await asyncio.sleep(0.05)
    (stopped,) = (await api(CANCEL, key="mine"))["cancelQuery"]
    _, (error,) = await running
    assert (stopped["state"], error["extensions"]["code"]) == ("CANCELLING", "CANCELLED")
    async with asyncio.timeout(5):
        while (found := (await seen(api, made))["queries"]["nodes"][0])["state"] != "CANCELLED":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert found["cancelledBy"] == {"name": "Owner"}


async def test_strangers_run_nothing(api: Api, foreign: Api, made: Documents) -> None:
    before = await api.state()
    assert (await refused(foreign, made, {"$match": {}}))["code"] == "NOT_FOUND"
    assert await api.state() == before


async def test_a_folder_has_no_collections_to_run_pipelines_over(api: Api, made: Documents) -> None:
    other = Documents(await connector(api, {"s3": {"bucket": "b"}}, "Bucket"), None)
    extensions = await refused(api, other, {"$match": {}})
    assert (extensions["code"], "MONGODB" in extensions["hint"]) == ("NOT_SUPPORTED", True)


async def test_collections_are_looked_into(api: Api, made: Documents) -> None:
    found = await seen(api, made)
    assert [(one["name"], one["documentEstimate"]) for one in found["collections"]] == [("runs", 8), ("values", 1)]
    assert {one["path"]: one["types"] for one in found["fields"]}["params.lr"] == ["double"]
    assert [one["type"] for one in found["preview"]["columns"]][:3] == ["OTHER", "INTEGER", "INTEGER"]
    assert found["preview"]["rows"][0][:3] == [str(ID), "9007199254740993", 7]
