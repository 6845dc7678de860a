"""Which function does the work of which kind of job, and who is told when one has ended."""

from collections.abc import Callable
from typing import Final

from maestro.db.tables.enums import JobKind
from maestro.queue.work import SHARED, Follower, JobFunction, JobSpec

JOBS: Final[dict[str, JobSpec]] = {}
"""By their kinds; one that this version does not know may stand in a row all the same."""
FOLLOWERS: Final[list[Follower]] = []


def job(kind: JobKind, *, queue: str = SHARED) -> Callable[[JobFunction], JobFunction]:
    """Register a function as what jobs of a kind do; with the queue SINGLE no two of that queue run at a time."""

    def register(function: JobFunction) -> JobFunction:
        if kind in JOBS:
            raise ValueError(f"two functions are registered for {kind}")
        JOBS[kind] = JobSpec(function, queue)
        return function

    return register


def after_each_job(function: Follower) -> Follower:
    """Register a function that is called when a job has ended, however it did."""
    FOLLOWERS.append(function)
    return function
