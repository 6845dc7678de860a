"""The first rows of what a connector leads to: of a table, of a collection, or of an object that holds some."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

from connectors.documents.capability import DocumentSource
from connectors.sql.capability import SqlSource
from connectors.sql.extras import Peek
from connectors.stores.capability import ObjectStore
from maestro.db.tables.enums import ConnectorKind
from maestro.errors import InvalidInput
from maestro.vendors import ConnectorCapability
from ops.connectors.browsing import HINTS
from ops.connectors.documents import taken_documents
from ops.connectors.files import Parsed, parsed
from ops.connectors.opening import Openings
from ops.connectors.rows import Taken, columns_of, taken_from

QUOTES: Final = {ConnectorKind.MYSQL: "`"}
"""What stands around the names of tables; elsewhere it is `"`."""
LARGEST: Final = 8 * 1024**2
"""Only objects of so many bytes are read whole; of larger ones the beginning is shown."""
BEGINNING: Final = 1024


async def preview(openings: Openings, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the first `limit` rows of the table `table` of `schema`, of `collection`, or of the object `key`.

    The answer has `columns`, `rows` and `is_truncated`, and of an object its `text`, `size` and `media_type`.
    InvalidInput when none or several are named, NotSupported for what the connector does not have, NotFound.
    """
    named = [name for name in ("table", "collection", "key") if asked[name] is not None]
    if len(named) != 1 or (asked["table"] is not None and asked["schema"] is None):
        raise InvalidInput(
            "It has to be said of what the preview is.",
            field="preview",
            hint="Pass either `schema` and `table`, or `collection`, or `key`.",
        )
    target = await openings.find(UUID(asked["connector_id"]), UUID(asked["organization_id"]))
    capability = {
        "table": ConnectorCapability.SQL_SOURCE,
        "collection": ConnectorCapability.DOCUMENT_SOURCE,
        "key": ConnectorCapability.OBJECT_STORE,
    }[named[0]]
    target.require(capability, hint=HINTS[capability])
    most_bytes = openings.settings.query_bytes
    async with openings.use(target) as connector:
        match capability:
            case ConnectorCapability.SQL_SOURCE:
                made = await _of_table(connector, target.kind, asked, most_bytes=most_bytes)
            case ConnectorCapability.DOCUMENT_SOURCE:
                made = await _of_collection(connector, asked, most_bytes)
            case _:
                made = await _of_object(connector, asked, most_bytes)
    openings.moved(target, read=made["read"])
    return made


async def _of_table(
    source: SqlSource, kind: ConnectorKind, asked: dict[str, Any], *, most_bytes: int
) -> dict[str, Any]:
    limit, place = asked["limit"], (asked["schema"], asked["table"])
    if isinstance(source, Peek):
        found = source.peek(*place, rows=limit + 1)
    else:
        # NotFound where there is none; only names that are there become part of a statement.
        await source.columns(*place)
        name = ".".join(_quoted(part, QUOTES.get(kind, '"')) for part in place)
        found = source.query(f"SELECT * FROM {name} LIMIT {limit + 1:d}", batch_rows=limit + 1)  # noqa: S608 -- quoted, and there
    async with found as result:
        taken = await taken_from(result, most=limit, most_bytes=most_bytes)
        return _answer(columns_of(result.columns), taken)


def _quoted(name: str, quote: str) -> str:
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


async def _of_collection(source: DocumentSource, asked: dict[str, Any], most_bytes: int) -> dict[str, Any]:
    limit = asked["limit"]
    found = source.find(asked["collection"], limit=limit + 1)
    columns, taken = await taken_documents(found, most=limit, most_bytes=most_bytes)
    return _answer(columns_of(columns), taken)


async def _of_object(store: ObjectStore, asked: dict[str, Any], most_bytes: int) -> dict[str, Any]:
    key, limit = asked["key"], asked["limit"]
    head = await store.head(key)
    content = await _bytes(store, key, head.size if head.size <= LARGEST else BEGINNING)
    is_whole = len(content) == head.size
    found = await asyncio.to_thread(parsed, key, content, limit=limit + 1) if is_whole else None
    made = _of_rows(found or Parsed(), limit, most_bytes)
    return {
        **made,
        "text": _text(content[:BEGINNING]),
        "size": head.size,
        "media_type": head.media_type,
        "is_truncated": made["is_truncated"] or (found is None and head.size > BEGINNING),
        "read": len(content),
    }


async def _bytes(store: ObjectStore, key: str, size: int) -> bytes:
    async with aclosing(store.get(key, end=size)) as parts:
        return b"".join([part async for part in parts])


def _text(beginning: bytes) -> str | None:
    """Return bytes as the text that they are, None for what is none; the last character may be cut in two."""
    for cut in range(4):
        try:
            text = beginning[: len(beginning) - cut].decode()
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else text
    return None


def _of_rows(found: Parsed, limit: int, most_bytes: int) -> dict[str, Any]:
    taken = Taken()
    taken.add(found.rows, most=limit, most_bytes=most_bytes)
    return _answer(columns_of(found.columns), taken)


def _answer(columns: Sequence[dict[str, Any]], taken: Taken) -> dict[str, Any]:
    return {
        "columns": list(columns),
        "rows": taken.rows,
        "is_truncated": taken.is_truncated,
        "text": None,
        "size": None,
        "media_type": None,
        "read": taken.size,
    }
