"""Names that come from outside, as labels: known ones, the first others, and one word for whatever comes then."""

from typing import Final

from maestro.telemetry.values import OTHER

ANONYMOUS: Final = "anonymous"
MOST_REGISTERED: Final = 200
MOST_SENT: Final = 50
LONGEST: Final = 80
"""Characters of a name that is told; a longer one counts as `other`."""


class Names:
    """The names of operations that a process tells apart.

    Who registers a document has made its name known on purpose; of those that are only sent, the first ones are told,
    so that nobody makes a new series by each request.
    """

    def __init__(self, registered: int = MOST_REGISTERED, sent: int = MOST_SENT) -> None:
        self._room = {True: registered, False: sent}
        self._known: dict[bool, set[str]] = {True: set(), False: set()}

    def label(self, name: str | None, *, is_registered: bool) -> str:
        """Return what an operation is called in a label."""
        if not name:
            return ANONYMOUS
        known = self._known[is_registered]
        if name in known:
            return name
        if len(known) >= self._room[is_registered] or len(name) > LONGEST:
            return name if name in self._known[not is_registered] else OTHER
        known.add(name)
        return name


OPERATION_NAMES: Final = Names()
