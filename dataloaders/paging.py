"""Pages of a list: the window that a client asks for, and cursors that are bound to their list."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from maestro.db.rows import Row
from maestro.errors import InvalidInput

DEFAULT_SIZE: Final = 20
MAX_SIZE: Final = 1000
_BINDING_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Window:
    """How many rows, from which cursor on, and in which direction; made by `window` from Relay's four arguments."""

    size: int = DEFAULT_SIZE
    cursor: str | None = None
    is_backward: bool = False


def window(
    first: int | None = None, after: str | None = None, *, last: int | None = None, before: str | None = None
) -> Window:
    """Check Relay's arguments; InvalidInput for both directions at once and for sizes out of 0 … 1,000."""
    if (first is not None or after is not None) and (last is not None or before is not None):
        raise InvalidInput(
            "A page goes forward or backward, not both.",
            field="first" if first is not None else "after",
            hint="Pass first with after, or last with before.",
        )
    if last is not None or before is not None:
        return Window(_size(last, "last"), before, is_backward=True)
    return Window(_size(first, "first"), after)


def _size(value: int | None, field: str) -> int:
    if value is None:
        return DEFAULT_SIZE
    if not 0 <= value <= MAX_SIZE:
        raise InvalidInput(
            f"{field} is {value}; a page has 0 to {MAX_SIZE} items.",
            field=field,
            limit=MAX_SIZE,
            hint="Ask for less and follow pageInfo.endCursor.",
        )
    return value


@dataclass(frozen=True, slots=True)
class Position:
    """Where a cursor points: the sort values of a row and its id, which breaks ties."""

    values: tuple[Any, ...]
    id: UUID


def binding(*parts: object) -> bytes:
    """Digest what a cursor belongs to: organisation, list, scope, filter and sort."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=_BINDING_BYTES).digest()


def encode_cursor(bound_to: bytes, position: Position) -> str:
    """Return the opaque text of a position."""
    content = bound_to + position.id.bytes + orjson.dumps(position.values)
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode_cursor(bound_to: bytes, cursor: str, *, field: str) -> Position:
    """Return the position in a cursor; InvalidInput when it is damaged or comes from another list."""
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        values = orjson.loads(content[_BINDING_BYTES + 16 :])
        key = UUID(bytes=content[_BINDING_BYTES : _BINDING_BYTES + 16])
    except (binascii.Error, ValueError):
        raise no_cursor(field) from None
    if not isinstance(values, list):
        raise no_cursor(field)
    if content[:_BINDING_BYTES] != bound_to:
        raise InvalidInput(
            "This cursor belongs to another list.",
            field=field,
            hint="A cursor goes on where its own query stopped: same list, same filter, same sort.",
        )
    return Position(tuple(values), key)


def no_cursor(field: str) -> InvalidInput:
    """Return the error for a text that no list has answered as a cursor."""
    return InvalidInput(
        "This is not a cursor.", field=field, hint="Pass endCursor or startCursor of a page as it was answered."
    )


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list with what Relay's connection tells about them.

    `total_key` says which list it is, so that its total can be counted when somebody asks.
    """

    rows: list[Row]
    has_next: bool
    has_previous: bool
    bound_to: bytes
    sort_width: int
    total_key: Any

    def cursor(self, row: Row) -> str:
        """Return the cursor that points at a row of this page."""
        return encode_cursor(self.bound_to, Position(tuple(row[f"_s{i}"] for i in range(self.sort_width)), row.id))
