"""What is asked of connectors and found there, and the cursors of such lists."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from maestro.errors import InvalidInput

LARGEST_PAGE: Final = 1_000
LONGEST: Final = 4_000
"""Characters of a prefix, a key or a name."""


@dataclass(frozen=True, slots=True)
class Window:
    """So many items, those that follow on a cursor."""

    first: int
    after: str | None


@dataclass(frozen=True, slots=True)
class ObjectsAsked:
    """Objects whose keys begin with a prefix."""

    window: Window
    prefix: str


@dataclass(frozen=True, slots=True)
class TablesAsked:
    """Tables of a schema, None for all."""

    window: Window
    schema: str | None


@dataclass(frozen=True, slots=True)
class ColumnsAsked:
    """The columns of a table."""

    schema: str
    table: str


@dataclass(frozen=True, slots=True)
class FieldsAsked:
    """The fields of a collection."""

    collection: str


@dataclass(frozen=True, slots=True)
class PreviewAsked:
    """The first rows of a table, a collection or an object."""

    limit: int
    schema: str | None
    table: str | None
    collection: str | None
    key: str | None


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object of a store."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str | None
    sha256: str | None
    version_id: str | None
    tier: str | None
    media_type: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table or view; rows and bytes are estimates."""

    schema_name: str
    name: str
    table_kind: str
    row_estimate: int | None
    size_estimate: int | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of a table, a result or a preview."""

    name: str
    type: str
    vendor_type: str
    is_nullable: bool
    is_key: bool
    comment: str | None


@dataclass(frozen=True, slots=True)
class FoundCollection:
    """A collection of documents; the counts are estimates."""

    name: str
    collection_kind: str
    document_estimate: int | None
    size_estimate: int | None


@dataclass(frozen=True, slots=True)
class FoundField:
    """A field of documents, as a sample of them has it."""

    path: str
    types: list[str]
    count: int


@dataclass(frozen=True, slots=True)
class FoundExperiment:
    """An experiment of another tracking server."""

    external_id: str
    name: str
    created_at: datetime | None
    artifact_location: str | None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of what was found, with the cursors of its first and last item."""

    items: list[Any]
    has_next: bool
    has_previous: bool
    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The first rows of something; of an object its beginning as text, its size and media type as well."""

    columns: list[FoundColumn]
    rows: list[list[Any]]
    is_truncated: bool
    text: str | None
    size_bytes: int | None
    media_type: str | None


def columns_of(found: list[dict[str, Any]]) -> list[FoundColumn]:
    """Return columns as an errand tells them."""
    return [FoundColumn(**one) for one in found]


def checked(text: str | None, field: str) -> str | None:
    """Return a text that is sent to a vendor; InvalidInput for one that is too long or holds a NUL."""
    if text is not None and (len(text) > LONGEST or "\0" in text):
        raise InvalidInput(f"{field} is too long, or holds a NUL.", field=field, hint=f"{LONGEST:,} characters fit.")
    return text


def window(first: int | None, after: str | None, *, size: int) -> Window:
    """Return a window; InvalidInput for a length that cannot be."""
    count = size if first is None else first
    if not 1 <= count <= LARGEST_PAGE:
        raise InvalidInput(f"first is from 1 to {LARGEST_PAGE:,}.", field="first", limit=LARGEST_PAGE)
    return Window(count, after)


def cursor(place: Any) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def read_cursor(text: str) -> Any:
    """Return the place that a cursor names; InvalidInput."""
    try:
        return orjson.loads(base64.urlsafe_b64decode(text.encode()))
    except (binascii.Error, ValueError):
        raise no_cursor() from None


def no_cursor() -> InvalidInput:
    """Return the error for what is no cursor of the list."""
    return InvalidInput("after is no cursor of this list.", field="after", hint="Pass `pageInfo.endCursor` of it.")
