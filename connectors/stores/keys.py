"""The keys of objects: paths with slashes that every kind of store can hold."""

from typing import Final

from maestro.errors import InvalidInput
from maestro.storable import UNSTORABLE

WORK: Final = ".work"
"""The first name of what is no object: below it stores that are folders keep what is in the making."""
LONGEST_KEY: Final = 900
LONGEST_NAME: Final = 255
"""Most bytes of a key, and of a name between two slashes: what the narrowest store takes, with room for a prefix."""
_NO_NAMES: Final = frozenset({"", ".", ".."})


def checked_key(key: str) -> str:
    """Return a key that any store can hold; InvalidInput.

    It is a path of names with a slash between each two; `.` and `..` are no names, and `.work` is not the first one.
    """
    names = key.split("/")
    if len(key.encode(errors="replace")) > LONGEST_KEY or UNSTORABLE.search(key):
        raise InvalidInput(f"{key[:80]!r} is no key: it has at most {LONGEST_KEY} bytes of UTF-8, and no NUL.")
    if any(name in _NO_NAMES or len(name.encode()) > LONGEST_NAME for name in names):
        raise InvalidInput(
            f"{key[:80]!r} is no key: each name between slashes has 1 to {LONGEST_NAME} bytes, and is not '.' or '..'."
        )
    if names[0] == WORK:
        raise InvalidInput(f"{key[:80]!r} is no key: what lies below {WORK} is the store's own.")
    return key


def is_key(text: str) -> bool:
    """Say whether a text is a key that any store can hold."""
    try:
        checked_key(text)
    except InvalidInput:
        return False
    return True
