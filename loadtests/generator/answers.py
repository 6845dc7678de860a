"""What an answer is: good, refused or failed, kept before or not, and whether it tells of another organisation."""

import re
from typing import Final

import orjson

from loadtests.ground.places import Ground

VIOLATION: Final = "VIOLATION"
"""The class of an answer with something of another organisation in it, whatever else it is."""
REFUSED: Final = "RATE_LIMITED"
SUCCESS: Final = range(200, 300)
ERRORS: Final = b'"errors"'
MARK: Final = re.compile(rb"mark[0-9a-f]{10}")
ID: Final = re.compile(rb"[a-z_]+_[0-9a-f]{32}")
ANOTHER: Final = " another"
"""How the name of a request ends that asks for what is another organisation's."""
NOT_THERE: Final = frozenset({"NOT_FOUND", "FORBIDDEN"})
"""How what is another organisation's is refused; a list or a null without an error are as good."""


def error_of(status: int, content: bytes | None) -> str:
    """Return the class of what went wrong: the code of the first error, or the status; empty for a good answer."""
    if content and ERRORS in content:
        try:
            found = orjson.loads(content).get("errors")
        except orjson.JSONDecodeError:
            return "NO_JSON"
        if found:
            return str(found[0].get("extensions", {}).get("code", "NO_CODE"))
    return "" if status in SUCCESS else f"HTTP_{status}"


def judged(name: str, error: str) -> str:
    """Return the class of an answer in the light of what was asked: what is another's has to be refused."""
    if not name.endswith(ANOTHER):
        return error
    if error in NOT_THERE:
        return ""
    return VIOLATION if name.startswith("Log") and not error else error


def cache_of(told: str | None) -> str:
    """Return what the header `Cache-Status` tells: `hit`, `miss`, or nothing of an answer that is never kept."""
    if told is None:
        return ""
    return "hit" if told.endswith("hit") else "miss"


class Boundaries:
    """What each organisation must not be told: marks and ids of the others."""

    def __init__(self, ground: Ground) -> None:
        marks = [one.mark.encode() for one in ground.places]
        ids = [frozenset(key.encode() for key in (one.id, *one.ids)) for one in ground.places]
        numbers = range(len(ground.places))
        self._marks = [frozenset(marks[other] for other in numbers if other != here) for here in numbers]
        self._ids = [frozenset().union(*(ids[other] for other in numbers if other != here)) for here in numbers]

    def are_crossed(self, place: int, content: bytes) -> bool:
        """Say whether an answer to an organisation tells of another one."""
        return not (
            self._marks[place].isdisjoint(MARK.findall(content)) and self._ids[place].isdisjoint(ID.findall(content))
        )
