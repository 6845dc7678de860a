"""What of a project goes to another system, how much was written there, and what was not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

from connectors.local import LocalBlobs
from maestro.db.engine import Database
from maestro.errors import MaestroError, Transient

MOST_FAILURES: Final = 200
"""So many failures are told of one by one; beyond that they are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is exported: a project, or one experiment of it; `db` shows its organisation and no other one.

    `model_ids` are the models that are wanted: None for those of the project, or with an experiment for those of which
    a version is of one of its runs.
    """

    db: Database
    organization_id: UUID
    project_id: UUID
    experiment_id: UUID | None
    blobs: LocalBlobs
    with_files: bool = True
    with_models: bool = True
    model_ids: Sequence[UUID] | None = None


@dataclass(slots=True)
class Written:
    """How much was written, and what was not."""

    experiments: int = 0
    runs: int = 0
    points: int = 0
    files: int = 0
    models: int = 0
    model_versions: int = 0
    """Those that were not there before."""
    failed: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)

    def fails(self, noun: str, name: str, error: MaestroError) -> None:
        """Take note of something that could not be written."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append({"noun": noun, "name": name, "code": error.code, "message": error.message})

    @contextmanager
    def noting(self, noun: str, name: str) -> Iterator[None]:
        """Take note of what is refused in the block; Transient when the server does not answer any more."""
        try:
            yield
        except MaestroError as error:
            if isinstance(error, Transient):
                raise
            self.fails(noun, name, error)

    @property
    def document(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return asdict(self)
