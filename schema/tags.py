"""Tags in the schema: keys and values that people and programs put on things."""

from collections.abc import Iterable, Mapping
from typing import Any

import strawberry

from maestro.errors import InvalidInput


@strawberry.type(description="A key with a value, to sort things by what matters to a team.")
class Tag:
    """One tag."""

    key: str = strawberry.field(description="The key.")
    value: str = strawberry.field(description="The value; may be empty.")


@strawberry.input(description="A tag to set.")
class TagInput:
    """One tag."""

    key: str = strawberry.field(description="The key: 1 to 100 characters.")
    value: str = strawberry.field(default="", description="The value: at most 5,000 characters.")


def tags_of(row: Any) -> list[Tag]:
    """Return the tags of a row, sorted by key."""
    return [Tag(key=key, value=value) for key, value in sorted(row.tags.items())]


def keyed(pairs: Iterable[Mapping[str, Any]] | None, *, field: str) -> dict[str, Any]:
    """Return a list of keys with values as a mapping; InvalidInput for a key that is given twice."""
    found: dict[str, Any] = {}
    for pair in pairs or ():
        if pair["key"] in found:
            raise InvalidInput(f"{field} has the key {pair['key'][:80]!r} twice.", field=field, hint="Give it once.")
        found[pair["key"]] = pair["value"]
    return found


def with_tags(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an input with its tags, if it has any, as a mapping."""
    tags = values.get("tags")
    return values if tags is None else {**values, "tags": keyed(tags, field="tags")}
