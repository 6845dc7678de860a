"""What a resolver works with: who is asking, the database, and the loaders of this request."""

from dataclasses import dataclass, field
from uuid import UUID

from dataloaders.base import Loaders
from maestro.access import Viewer
from maestro.db.engine import Database
from maestro.runtime import Runtime


@dataclass(slots=True)
class Context:
    """One operation of one viewer."""

    runtime: Runtime
    viewer: Viewer
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.runtime.db, self.viewer)

    @property
    def db(self) -> Database:
        """The database."""
        return self.runtime.db

    @property
    def organization_id(self) -> UUID:
        """The organisation in which the request acts."""
        return self.viewer.organization_id
