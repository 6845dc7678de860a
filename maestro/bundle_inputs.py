"""What jobs are told of bundles: where one lies, and what becomes of it."""

from typing import Literal
from uuid import UUID

from maestro.strict import Strict


class FromBundle(Strict):
    """A bundle in an object store, as a new project."""

    what: Literal["BUNDLE"] = "BUNDLE"
    connector_id: UUID
    key: str
    name: str | None = None
    """What the project is called; None for what it was called."""


class ToBundle(Strict):
    """A project as a bundle in an object store."""

    what: Literal["BUNDLE"] = "BUNDLE"
    connector_id: UUID
    project_id: UUID
    key: str
