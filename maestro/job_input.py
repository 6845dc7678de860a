"""What every job is told by whoever starts it: the base of the models in `job_inputs`."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from maestro.access.permissions import Permission
from maestro.db.tables.enums import JobKind
from maestro.strict import Strict


class JobInput(Strict):
    """What a job of one kind is asked to do; as a row keeps it: `stored()`, and back: `read`.

    What belongs to a single job, such as the row of its backup, is None in a schedule.
    """

    kind: ClassVar[JobKind]
    needs: ClassVar[Permission]
    """What whoever starts such a job has to hold."""
    is_of_installation: ClassVar[bool] = True
    """Whether it concerns all organisations, so that it is the first one's."""
    is_schedulable: ClassVar[bool] = True
    own: ClassVar[frozenset[str]] = frozenset()
    """What the server alone writes: a schedule has none of it."""

    @property
    def connectors(self) -> tuple[UUID, ...]:
        """The connectors that it works with, for each of which `needs` has to be held."""
        return ()

    @property
    def takes(self) -> Mapping[UUID | None, tuple[Permission, ...]]:
        """What has to be held beside `needs`, by project; None for the whole organisation."""
        return {}

    def stored(self) -> dict[str, Any]:
        """Return it as plain JSON, by the names of the fields."""
        return self.model_dump(mode="json")
