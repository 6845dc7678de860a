"""Single writes of a bulk, from the form that MongoDB's shell has for them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pymongo

from connectors.documents.capability import Document
from maestro.errors import InvalidInput

_WRITES: Final[Mapping[str, tuple[Callable[..., Any], tuple[str, ...]]]] = {
    "insertOne": (pymongo.InsertOne, ("document",)),
    "updateOne": (pymongo.UpdateOne, ("filter", "update")),
    "updateMany": (pymongo.UpdateMany, ("filter", "update")),
    "replaceOne": (pymongo.ReplaceOne, ("filter", "replacement")),
    "deleteOne": (pymongo.DeleteOne, ("filter",)),
    "deleteMany": (pymongo.DeleteMany, ("filter",)),
}
"""Each write by its name, with what it takes, in the library's order."""
_UPSERTING: Final = frozenset({"updateOne", "updateMany", "replaceOne"})


def written_as(operation: Document, number: int) -> Any:
    """Return an operation as the library has it; InvalidInput, which names its place."""
    place = f"operations.{number}"
    if len(operation) != 1 or (name := next(iter(operation))) not in _WRITES:
        raise InvalidInput(
            f"{place} is no write.", field=place, hint=f"Each has one of {', '.join(_WRITES)}, as in MongoDB's shell."
        )
    given = operation[name]
    made, takes = _WRITES[name]
    may_have = {"upsert"} if name in _UPSERTING else set()
    if not isinstance(given, Mapping) or not set(takes) <= set(given) <= {*takes, *may_have}:
        optional = " and perhaps upsert" if may_have else ""
        raise InvalidInput(f"{place}.{name} takes {' and '.join(takes)}{optional}.", field=f"{place}.{name}")
    options = {"upsert": bool(given["upsert"])} if "upsert" in given else {}
    return made(*(given[part] for part in takes), **options)
