"""What a job is made of, as its author sees it: the job's own run, its steps, and what a step works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from maestro.db.engine import Database
from maestro.errors import PreflightFailed
from maestro.progress import Progress
from maestro.settings import Settings
from maestro.vault import Vault

SHARED: Final = "jobs"
"""The queue of jobs that may run side by side, as many as a worker takes."""
SINGLE: Final = "installation"
"""The queue of jobs that concern the whole installation: one at a time, whichever worker runs it."""


@dataclass(frozen=True, slots=True)
class Partial:
    """The result of a job that has done a part of its work: it ends as PARTIAL, and `message` says what is left."""

    result: Mapping[str, Any]
    message: str


class Tell(Protocol):
    """Adds an event to a job's history, with the level DEBUG, INFO, WARNING or ERROR and plain details."""

    async def __call__(self, level: str, message: str, **details: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What a step works with: the database as the system role, the vault, the settings, and whom it tells."""

    job_id: UUID
    organization_id: UUID
    settings: Settings
    db: Database
    vault: Vault
    progress: Progress
    event: Tell
    owner_url: str | None

    @property
    def operations_url(self) -> str:
        """The URL of the account that owns the database, for backups, restores and upkeep; PreflightFailed without."""
        if self.owner_url is None:
            raise PreflightFailed(
                "This worker has no account that owns the database.",
                hint="Set MAESTRO_OPERATIONS_URL for the workers to an account that owns the tables and may create "
                "databases.",
                checks=["operations account"],
            )
        return self.owner_url


Step = Callable[..., Awaitable[Any]]
"""`async def step(work, *plain arguments) -> plain result`; it runs at least once, and again after a crash."""


class JobRun(Protocol):
    """One run of a job, which goes on where it was when its worker has died."""

    job_id: UUID
    organization_id: UUID
    attempt: int

    async def step(self, name: str, function: Step, /, *arguments: Any) -> Any:
        """Run a step unless it has been run already, and return its result, as JSON has it.

        Raises the step's error once it does not pass, or has been tried as often as the settings say. The names and
        their order are what a resumed job is matched by: they depend on the input and earlier results alone.
        """
        ...

    async def event(self, level: str, message: str, **details: Any) -> None:
        """Add an event to the job's history, once, however often the job is resumed."""
        ...


JobFunction = Callable[[JobRun, Mapping[str, Any]], Awaitable[Mapping[str, Any] | Partial]]
"""A job: given its run and its input, it returns its result. What it does itself, outside of steps, is done again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has just ended, as those are told who follow jobs."""

    job_id: UUID
    organization_id: UUID
    kind: str
    state: str
    input: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error_code: str | None
    error_message: str | None


Follower = Callable[[Work, Ended], Awaitable[None]]
"""Is called after a job has ended, at least once; what it raises is logged."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """How jobs of a kind are run."""

    function: JobFunction
    queue: str
