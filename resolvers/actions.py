"""What a mutation does, as it is told to the audit log."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from maestro.access import Permission
from maestro.access.secrets import KEY_PREFIX
from maestro.db.tables import Base
from maestro.storable import LARGEST_INTEGER, UNSTORABLE

REDACTED: Final = "[redacted]"
SECRETIVE: Final = re.compile(
    "secret|password|passwd|passphrase|token|credential|ciphertext|wrappedkey|privatekey|accesskey|authorization"
    "|cookie|hash|dsn"
)
"""What the name of a column or a key has in it, without its underscores, whose value is not for the log."""
KEY_FORM: Final = re.compile(rf"{KEY_PREFIX}[\w-]{{20,}}")
"""A key of ours, wherever somebody has put it."""
LONGEST: Final = 1_000
"""A longer text is cut, and of a value four times as long its size is told; the log is no backup."""


@dataclass(slots=True)
class Action:
    """A mutation that is being carried out, and what it has changed first: that is its target."""

    operation: str
    needs: Permission | None = None
    aim: tuple[str, UUID] | None = None
    """The object that the client names; told as the target of what has come to nothing."""
    target_type: str | None = None
    target_id: UUID | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None
    is_recorded: bool = False
    """Whether its entry is committed, with all that it tells."""
    under_way: asyncio.Future[Any] | None = None
    """What goes on, and may still record it, when the request is cut off."""
    id: UUID = field(default_factory=uuid7)
    """That of its entry: whatever happens, there cannot be two."""

    def concerns(self, table: type[Base], key: UUID | None) -> None:
        """Take note of what is to be changed, before it is known whether it may be."""
        if self.target_type is None and key is not None:
            self.target_type, self.target_id = table.__name__, key

    @property
    def target(self) -> tuple[str, UUID | None] | tuple[None, None]:
        """The type and the id of what it is about."""
        return (self.target_type, self.target_id) if self.target_type is not None else self.aim or (None, None)

    def changed(
        self,
        table: type[Base],
        key: UUID | None,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Take note of a change; of several the first one is told, or that of the target."""
        self.concerns(table, key)
        if (self.target_type, self.target_id) == (table.__name__, key) and self.after is None:
            self.before = None if before is None else told(before)
            self.after = None if after is None else told(after)

    def adds(self, more: Mapping[str, Any]) -> None:
        """Take note of what else the change has brought about."""
        self.after = {**(self.after or {}), **told(more)}


def told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as the log keeps them: plain JSON, secrets left out, long ones cut."""
    return {clean(name): REDACTED if _is_secret(name) else _short(_plain(value)) for name, value in values.items()}


def clean(text: str) -> str:
    """Return a text as the log can keep it: of a reasonable length, without keys, and without what is no text."""
    shown = UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", KEY_FORM.sub(REDACTED, text))
    return shown if len(text) <= LONGEST else f"{shown[:LONGEST]}… [{len(text):,} characters]"


def _is_secret(name: str) -> bool:
    return SECRETIVE.search(name.lower().replace("_", "").replace("-", "")) is not None


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if abs(value) <= LARGEST_INTEGER else str(value)
        case Mapping():
            named = {str(name): content for name, content in value.items()}
            return {clean(name): REDACTED if _is_secret(name) else _plain(one) for name, one in named.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(one) for one in value]
        case _:
            return _text(value)


def _text(value: Any) -> str:
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return f"[{len(value):,} bytes]"
        case _:
            # Among others an expression that the database computes, such as the time.
            return clean(str(value))


def _short(value: Any) -> Any:
    size = len(orjson.dumps(value))
    return value if size <= 4 * LONGEST else f"[{size:,} bytes of JSON]"
