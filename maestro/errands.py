"""Errands: what a request has another process do, such as asking a cloud, while it waits for the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from maestro.errors import Unavailable


class ErrandKind(StrEnum):
    """What can be asked for; each names a function of `ops/connectors/`, which says what it takes and answers."""

    TEST = "TEST"
    OBJECTS = "OBJECTS"
    SCHEMAS = "SCHEMAS"
    TABLES = "TABLES"
    COLUMNS = "COLUMNS"
    COLLECTIONS = "COLLECTIONS"
    FIELDS = "FIELDS"
    EXPERIMENTS = "EXPERIMENTS"
    PREVIEW = "PREVIEW"
    QUERY = "QUERY"
    AGGREGATION = "AGGREGATION"
    INSPECT = "INSPECT"
    ADMINISTER = "ADMINISTER"
    SIGN = "SIGN"
    ARRIVED = "ARRIVED"


class ErrandLost(Unavailable):
    """The process that asks clouds in the server's place has ended meanwhile; the next errand starts another one."""

    code = "ERRAND_LOST"


class Errands(Protocol):
    """Whoever runs errands."""

    async def run(self, kind: ErrandKind, arguments: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """Have something done with plain JSON, and return its answer, plain JSON as well.

        Cancelled, it is stopped where it is done, within seconds. Raises the errors of what is done; TimedOut after so
        many seconds, ErrandLost when the process that does it has ended, Unavailable when too much is asked for.
        """
        ...


class NoErrands:
    """The errands of a process that has none run."""

    async def run(self, kind: ErrandKind, arguments: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:  # noqa: ARG002 -- as of Errands
        """Raise Unavailable."""
        raise Unavailable("This process asks no connector for anything.", hint="Ask a server for it.")


@dataclass(frozen=True, slots=True)
class ErrandDesk:
    """Where what connectors lead to is asked for, and how long that may take."""

    errands: Errands
    timeout_s: float


NO_DESK = ErrandDesk(NoErrands(), 0.0)
"""Where nothing can be asked for."""
