"""What every step of a copy works with."""

from dataclasses import dataclass
from typing import Any

from maestro.db.engine import Database
from maestro.progress import Progress
from ops.restores.scoped.results import OrganizationCopy, Places, ProjectCopy
from ops.restores.scoped.selection import Selection


@dataclass(frozen=True, slots=True)
class Route:
    """Both ends of a copy, open, what is wanted, and how rows of the one become those of the other.

    `source` is a connection in a transaction that sees the source as it was at its beginning.
    """

    source: Any
    target: Database
    places: Places
    wanted: OrganizationCopy | ProjectCopy
    selection: Selection
    progress: Progress
