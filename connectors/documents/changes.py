"""Changes of documents as a stream of them tells."""

from collections.abc import Mapping
from typing import Any

from bson import json_util

from connectors.documents.capability import Change
from maestro.errors import InvalidInput


def change_of(event: Mapping[str, Any]) -> Change:
    """Return what an event of a change stream says; the document is as it is now, None once it is gone."""
    return Change(
        operation=str(event["operationType"]),
        key=(event.get("documentKey") or {}).get("_id"),
        document=event.get("fullDocument"),
        token=json_util.dumps(event["_id"]),
    )


def token_of(text: str) -> Mapping[str, Any]:
    """Return the token that a change had, as the server takes it; InvalidInput."""
    try:
        token = json_util.loads(text)
    except (ValueError, TypeError):
        token = None
    if not isinstance(token, Mapping):
        raise InvalidInput("This is no token of a change.", field="after", hint="Pass the `token` of a Change.")
    return token
