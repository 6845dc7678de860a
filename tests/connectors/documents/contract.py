"""What every database of documents has to do, run against each kind of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.documents.capability import Document, DocumentSource, FieldSeen, Written
from maestro.errors import Conflict, Forbidden, InvalidInput, NotFound
from maestro.vendor_errors import TimedOut

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
RUNS: list[dict[str, Any]] = [
    {"_id": number, "name": f"run {number}", "loss": number / 4, "tags": ["a", "b"][: number % 3]}
    for number in range(8)
]


async def all_of(batches: AsyncIterator[Sequence[Document]]) -> list[Document]:
    return [one async for batch in batches for one in batch]


class DocumentContract:
    """Subclassed for each vendor, with a fixture `source` of an empty database."""

    async def test_it_says_who_we_are_and_what_answers(self, source: DocumentSource) -> None:
        user, _, version = (await source.identify()).partition(", ")
        assert user.startswith("app@")
        assert version.split()[1][0].isdigit()

    async def test_documents_that_are_inserted_are_found(self, source: DocumentSource) -> None:
        assert await source.insert("runs", RUNS) == Written(inserted=8)
        assert await all_of(source.find("runs", sort=[("_id", 1)])) == RUNS
        assert await all_of(source.find("runs", {"loss": {"$gte": 1.5}}, sort=[("_id", 1)])) == RUNS[6:]

    async def test_fields_order_and_number_are_chosen(self, source: DocumentSource) -> None:
        await source.insert("runs", RUNS)
        found = await all_of(source.find("runs", fields=["name"], sort=[("loss", -1)], limit=2))
        assert found == [{"_id": 7, "name": "run 7"}, {"_id": 6, "name": "run 6"}]

    async def test_values_keep_their_types(self, source: DocumentSource) -> None:
        value = {
            "_id": "v",
            "i": 2**40,
            "f": 0.1,
            "s": "ä🙂",
            "b": True,
            "n": None,
            "t": NOW,
            "d": {"x": [1, {"y": 2}]},
        }
        await source.insert("values", [value])
        assert await all_of(source.find("values")) == [value]

    async def test_many_documents_come_in_batches(self, source: DocumentSource) -> None:
        await source.insert("many", [{"_id": number} for number in range(2500)])
        batches = [len(batch) async for batch in source.find("many")]
        assert sum(batches) == 2500
        assert max(batches) <= 1000

    async def test_nothing_is_found_where_there_is_nothing(self, source: DocumentSource) -> None:
        assert await all_of(source.find("none")) == []
        assert await source.collections() == []
        assert await source.insert("none", []) == Written()

    async def test_a_pipeline_makes_something_of_documents(self, source: DocumentSource) -> None:
        await source.insert("runs", RUNS)
        pipeline: list[Document] = [
            {"$unwind": "$tags"},
            {"$group": {"_id": "$tags", "n": {"$sum": 1}, "best": {"$min": "$loss"}}},
            {"$sort": {"_id": 1}},
        ]
        assert await all_of(source.aggregate("runs", pipeline)) == [
            {"_id": "a", "n": 5, "best": 0.25},
            {"_id": "b", "n": 2, "best": 0.5},
        ]

    async def test_a_pipeline_that_may_write_does(self, source: DocumentSource) -> None:
        await source.insert("runs", RUNS)
        pipeline: list[Document] = [{"$match": {"_id": {"$lt": 2}}}, {"$out": "copy"}]
        assert await all_of(source.aggregate("runs", pipeline, is_writing=True)) == []
        assert [one["_id"] for one in await all_of(source.find("copy", sort=[("_id", 1)]))] == [0, 1]

    async def test_a_pipeline_over_no_collection_is_told_and_empties_nothing(self, source: DocumentSource) -> None:
        await source.insert("copy", [{"_id": 1}])
        with pytest.raises(NotFound):
            await all_of(source.aggregate("none", [{"$match": {}}]))
        with pytest.raises(NotFound):
            await all_of(source.aggregate("none", [{"$out": "copy"}], is_writing=True))
        assert await all_of(source.find("copy")) == [{"_id": 1}]

    @pytest.mark.parametrize("stage", [{"$out": "copy"}, {"$merge": {"into": "copy"}}, {"$match": {"$where": "1"}}])
    async def test_a_pipeline_that_may_not_be_is_refused(self, source: DocumentSource, stage: Document) -> None:
        await source.insert("runs", RUNS)
        with pytest.raises(Forbidden):
            await all_of(source.aggregate("runs", [{"$match": {}}, stage]))
        assert [one.name for one in await source.collections()] == ["runs"]

    async def test_collections_are_listed_with_their_sizes(self, source: DocumentSource) -> None:
        await source.insert("runs", RUNS)
        await source.insert("models", [{"name": "m"}])
        models, runs = await source.collections()
        assert [(one.name, one.kind, one.documents) for one in (models, runs)] == [
            ("models", "COLLECTION", 1),
            ("runs", "COLLECTION", 8),
        ]
        assert (runs.size or 0) > (models.size or 0) > 0

    async def test_the_fields_of_a_sample_are_told(self, source: DocumentSource) -> None:
        await source.insert("odd", [{"_id": 1, "a": 1, "p": {"lr": 0.1}}, {"_id": 2, "a": "x", "l": [{"k": NOW}, 3]}])
        assert await source.fields("odd") == [
            FieldSeen("_id", ("int",), 2),
            FieldSeen("a", ("int", "string"), 2),
            FieldSeen("l", ("array",), 1),
            FieldSeen("l[]", ("int", "object"), 1),
            FieldSeen("l[].k", ("date",), 1),
            FieldSeen("p", ("object",), 1),
            FieldSeen("p.lr", ("double",), 1),
        ]
        with pytest.raises(NotFound):
            await source.fields("none")

    async def test_a_table_of_pandas_has_a_column_for_each_field(self, source: DocumentSource) -> None:
        await source.insert("runs", [*RUNS[:2], {"_id": 2, "name": "run 2", "at": NOW}])
        frame = await source.frame("runs", [{"$sort": {"_id": 1}}])
        assert list(frame.columns) == ["_id", "name", "loss", "tags", "at"]
        assert frame["name"].tolist() == ["run 0", "run 1", "run 2"]
        assert frame["loss"].isna().tolist() == [False, False, True]
        assert frame["at"].iloc[2].to_pydatetime() == NOW
        with pytest.raises(NotFound):
            await source.frame("none")

    async def test_documents_are_changed_and_removed(self, source: DocumentSource) -> None:
        await source.insert("runs", RUNS)
        wanted = {"loss": {"$lt": 1}}
        assert await source.update("runs", wanted, {"$set": {"loss": 0.0}}) == Written(matched=4, modified=3)
        assert await source.delete("runs", {"loss": 0.0}) == Written(deleted=4)
        made = await source.update("runs", {"_id": 99}, {"$set": {"name": "new"}}, is_upsert=True)
        assert made == Written(upserted=1)
        assert [one["_id"] for one in await all_of(source.find("runs", sort=[("_id", 1)]))] == [4, 5, 6, 7, 99]

    async def test_many_writes_are_done_at_once(self, source: DocumentSource) -> None:
        await source.insert("runs", RUNS)
        done = await source.bulk_write(
            "runs",
            [
                {"insertOne": {"document": {"_id": 8, "loss": 9.0}}},
                {"updateOne": {"filter": {"_id": 0}, "update": {"$set": {"name": "first"}}}},
                {"updateMany": {"filter": {"_id": {"$gt": 6}}, "update": {"$inc": {"loss": 1}}}},
                {"replaceOne": {"filter": {"_id": 20}, "replacement": {"name": "made"}, "upsert": True}},
                {"deleteOne": {"filter": {"_id": 1}}},
                {"deleteMany": {"filter": {"_id": {"$in": [2, 3]}}}},
            ],
        )
        assert done == Written(inserted=1, matched=3, modified=3, deleted=3, upserted=1)
        assert [one["_id"] for one in await all_of(source.find("runs", sort=[("_id", 1)]))] == [0, 4, 5, 6, 7, 8, 20]

    @pytest.mark.parametrize(
        "operation",
        [
            {"dropCollection": {}},
            {"insertOne": {}},
            {"deleteOne": {"filter": {}, "upsert": True}},
            {"insertOne": {"document": {}}, "deleteOne": {"filter": {}}},
        ],
    )
    async def test_what_is_no_write_is_refused_before_any_is_done(
        self, source: DocumentSource, operation: Document
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            await source.bulk_write("runs", [{"insertOne": {"document": {"_id": 1}}}, operation])
        assert str(refused.value.details["field"]).startswith("operations.1")
        assert await all_of(source.find("runs")) == []

    async def test_a_key_that_is_taken_is_told_with_what_was_done(self, source: DocumentSource) -> None:
        await source.insert("runs", [{"_id": 2}])
        with pytest.raises(Conflict) as refused:
            await source.insert("runs", [{"_id": 1}, {"_id": 2}, {"_id": 3}])
        assert refused.value.details["failed"] == [1]
        assert refused.value.details["done"]["inserted"] == 1
        assert [one["_id"] for one in await all_of(source.find("runs", sort=[("_id", 1)]))] == [1, 2]

    async def test_unordered_writes_go_on_behind_one_that_cannot_be(self, source: DocumentSource) -> None:
        writes = [{"insertOne": {"document": {"_id": key}}} for key in (1, 1, 2)]
        with pytest.raises(Conflict):
            await source.bulk_write("runs", writes, is_ordered=False)
        assert [one["_id"] for one in await all_of(source.find("runs", sort=[("_id", 1)]))] == [1, 2]

    @pytest.mark.parametrize("where", [{"loss": {"$nope": 1}}, {"$and": 5}])
    async def test_what_the_vendor_does_not_understand_is_told(self, source: DocumentSource, where: Document) -> None:
        await source.insert("runs", RUNS)
        with pytest.raises(InvalidInput) as refused:
            await all_of(source.find("runs", where))
        assert refused.value.details["vendorCode"]

    async def test_a_statement_that_takes_too_long_is_stopped(self, source: DocumentSource, slow: Document) -> None:
        await source.insert("runs", RUNS)
        began = time.monotonic()
        with pytest.raises(TimedOut) as refused:
            await all_of(source.find("runs", slow, timeout_s=0.3))
        assert refused.value.details["timeoutSeconds"] == 0.3
        assert time.monotonic() - began < 5

    async def test_reading_may_be_given_up(self, source: DocumentSource) -> None:
        await source.insert("many", [{"_id": number} for number in range(3000)])
        reading = source.find("many")
        assert len(await anext(reading)) == 1000
        await reading.aclose()  # type: ignore[attr-defined] # it is a generator
        assert await all_of(source.find("many", {"_id": 1})) == [{"_id": 1}]

    async def test_changes_are_heard_and_gone_on_with_after_a_token(self, source: DocumentSource) -> None:
        await source.insert("runs", [{"_id": 0}])
        async with source.watch("runs") as changes:
            await source.insert("runs", [{"_id": 1, "n": 1}])
            await source.update("runs", {"_id": 1}, {"$set": {"n": 2}})
            await source.delete("runs", {"_id": 1})
            heard = [await asyncio.wait_for(anext(changes), 10) for _ in range(3)]
        assert [(one.operation, one.key) for one in heard] == [("insert", 1), ("update", 1), ("delete", 1)]
        assert heard[0].document == {"_id": 1, "n": 1}
        assert heard[2].document is None
        async with source.watch("runs", after=heard[0].token) as changes:
            again = [await asyncio.wait_for(anext(changes), 10) for _ in range(2)]
        assert [one.operation for one in again] == ["update", "delete"]

    async def test_a_token_that_is_none_is_refused(self, source: DocumentSource) -> None:
        with pytest.raises(InvalidInput):
            async with source.watch("runs", after="nonsense"):
                pass

    async def test_a_source_says_where_it_is_and_no_secret(self, source: DocumentSource) -> None:
        assert "://" in str(source)
        assert "secret" not in f"{source!s}{source!r}"
