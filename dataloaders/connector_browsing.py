"""Loaders of what connectors lead to, which is asked for whenever it is selected."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dataloaders.connector_finds import (
    ColumnsAsked,
    FieldsAsked,
    FoundCollection,
    FoundColumn,
    FoundExperiment,
    FoundField,
    FoundObject,
    FoundPage,
    FoundRows,
    FoundTable,
    ObjectsAsked,
    PreviewAsked,
    TablesAsked,
    checked,
    columns_of,
    cursor,
    no_cursor,
    read_cursor,
)
from dataloaders.errands import ErrandLoader
from maestro.errands import ErrandKind


class ObjectsByConnector(ErrandLoader[FoundPage]):
    """The objects of a store."""

    kind = ErrandKind.OBJECTS

    def arguments(self, asked: ObjectsAsked) -> Mapping[str, Any]:
        """Return the prefix and the window."""
        after = None if asked.window.after is None else read_cursor(asked.window.after)
        if after is not None and not isinstance(after, str):
            raise no_cursor()
        return {"prefix": checked(asked.prefix, "prefix"), "first": asked.window.first, "after": after}

    def made(self, answer: Mapping[str, Any]) -> FoundPage:
        """Return a page of objects."""
        found = [found_object(one) for one in answer["items"]]
        return _page(found, [one.key for one in found], answer)


class SchemasByConnector(ErrandLoader[list[str]]):
    """The schemas of a database."""

    kind = ErrandKind.SCHEMAS

    def arguments(self, asked: None) -> Mapping[str, Any]:  # noqa: ARG002 -- nothing can be asked
        """Return nothing."""
        return {}

    def made(self, answer: Mapping[str, Any]) -> list[str]:
        """Return names."""
        names: list[str] = answer["items"]
        return names


class TablesByConnector(ErrandLoader[FoundPage]):
    """The tables of a database."""

    kind = ErrandKind.TABLES

    def arguments(self, asked: TablesAsked) -> Mapping[str, Any]:
        """Return the schema and the window."""
        after = None if asked.window.after is None else read_cursor(asked.window.after)
        if after is not None and not (isinstance(after, list) and [type(one) for one in after] == [str, str]):
            raise no_cursor()
        return {"schema": checked(asked.schema, "schema"), "first": asked.window.first, "after": after}

    def made(self, answer: Mapping[str, Any]) -> FoundPage:
        """Return a page of tables."""
        found = [
            FoundTable(one["schema"], one["name"], one["kind"], one["rows"], one["size"], one["comment"])
            for one in answer["items"]
        ]
        return _page(found, [[one.schema_name, one.name] for one in found], answer)


class ColumnsByConnector(ErrandLoader[list[FoundColumn]]):
    """The columns of a table."""

    kind = ErrandKind.COLUMNS

    def arguments(self, asked: ColumnsAsked) -> Mapping[str, Any]:
        """Return the table."""
        return {"schema": checked(asked.schema, "schema"), "table": checked(asked.table, "table")}

    def made(self, answer: Mapping[str, Any]) -> list[FoundColumn]:
        """Return columns."""
        return columns_of(answer["items"])


class CollectionsByConnector(ErrandLoader[list[FoundCollection]]):
    """The collections of a database of documents."""

    kind = ErrandKind.COLLECTIONS

    def arguments(self, asked: None) -> Mapping[str, Any]:  # noqa: ARG002 -- nothing can be asked
        """Return nothing."""
        return {}

    def made(self, answer: Mapping[str, Any]) -> list[FoundCollection]:
        """Return collections."""
        return [FoundCollection(one["name"], one["kind"], one["documents"], one["size"]) for one in answer["items"]]


class FieldsByConnector(ErrandLoader[list[FoundField]]):
    """The fields of a collection."""

    kind = ErrandKind.FIELDS

    def arguments(self, asked: FieldsAsked) -> Mapping[str, Any]:
        """Return the collection."""
        return {"collection": checked(asked.collection, "collection")}

    def made(self, answer: Mapping[str, Any]) -> list[FoundField]:
        """Return fields."""
        return [FoundField(one["path"], list(one["types"]), one["count"]) for one in answer["items"]]


class ExperimentsByConnector(ErrandLoader[list[FoundExperiment]]):
    """The experiments of another tracking server."""

    kind = ErrandKind.EXPERIMENTS

    def arguments(self, asked: None) -> Mapping[str, Any]:  # noqa: ARG002 -- nothing can be asked
        """Return nothing."""
        return {}

    def made(self, answer: Mapping[str, Any]) -> list[FoundExperiment]:
        """Return experiments."""
        return [
            FoundExperiment(one["id"], one["name"], _moment(one["created_at"]), one["artifact_location"])
            for one in answer["items"]
        ]


class PreviewByConnector(ErrandLoader[FoundRows]):
    """The first rows of a table, a collection or an object."""

    kind = ErrandKind.PREVIEW

    def arguments(self, asked: PreviewAsked) -> Mapping[str, Any]:
        """Return what the preview is of."""
        named = {name: checked(getattr(asked, name), name) for name in ("schema", "table", "collection", "key")}
        return {**named, "limit": asked.limit}

    def made(self, answer: Mapping[str, Any]) -> FoundRows:
        """Return rows."""
        columns = columns_of(answer["columns"])
        about = (answer["text"], answer["size"], answer["media_type"])
        return FoundRows(columns, answer["rows"], answer["is_truncated"], *about)


def _page(items: list[Any], places: list[Any], answer: Mapping[str, Any]) -> FoundPage:
    start, end = (cursor(places[0]), cursor(places[-1])) if places else (None, None)
    return FoundPage(items, answer["has_next"], has_previous=False, start=start, end=end)


def found_object(one: Mapping[str, Any]) -> FoundObject:
    """Return an object as an errand tells it."""
    modified_at = datetime.fromisoformat(one["modified_at"])
    known = (one["etag"], one["sha256"], one["version_id"], one["tier"], one["media_type"], one["metadata"])
    return FoundObject(one["key"], one["size"], modified_at, *known)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
