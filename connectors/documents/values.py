"""Values of documents that come as JSON: MongoDB's Extended JSON, in which numbers and texts are what they are."""

from typing import Any, Final

import orjson
from bson import json_util
from bson.errors import BSONError
from bson.json_util import JSONOptions

from maestro.errors import InvalidInput

_READ: Final = JSONOptions(tz_aware=True)
SOURCE: Final = "https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md"


def opened(value: Any, *, field: str) -> Any:
    """Return what JSON stands for; InvalidInput, which names the `field`."""
    try:
        return json_util.loads(orjson.dumps(value).decode(), json_options=_READ)
    except (BSONError, ValueError, TypeError) as error:
        raise InvalidInput(
            f"{field} holds what is no Extended JSON: {error}.",
            field=field,
            hint='An ObjectId is written {"$oid": "24 hexadecimal digits"}, a time {"$date": "2026-11-29T14:30:00Z"}.',
        ) from None
