"""What PostgreSQL can store of what JSON and Python can write."""

import re
from collections.abc import Mapping
from typing import Any, Final

from maestro.errors import InvalidInput

LARGEST_INTEGER: Final = 2**63 - 1
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""The characters that no text may hold: NUL, and halves of a character."""


def require_storable(value: Any, *, field: str) -> None:
    """Raise InvalidInput for a JSON value with something that cannot be stored, or sent on, anywhere in it."""
    match value:
        case int() if abs(value) > LARGEST_INTEGER:
            raise InvalidInput(f"{field} holds an integer beyond 64 bits.", field=field, hint="Send it as a text.")
        case str():
            if UNSTORABLE.search(value):
                raise InvalidInput(f"{field} holds a NUL or half a character.", field=field, hint="Remove it.")
        case Mapping():
            for name, inner in value.items():
                require_storable(name, field=field)
                require_storable(inner, field=field)
        case list() | tuple():
            for inner in value:
                require_storable(inner, field=field)
