"""Profiles: what can be asked of a process of the server, how processes are called, and what they are asked by."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

LONGEST_S: Final = 300.0
SHORTEST_S: Final = 0.1
"""How long a profile may last."""
KEPT_S: Final = 120.0
"""So long a question waits for its job to begin."""
MOST_QUESTIONS: Final = 100


class ProcessRole(StrEnum):
    """What a process of an installation does; the members are what a profile can be asked of besides a name."""

    SERVER = "SERVER"
    WORKER = "WORKER"
    COMMAND = "COMMAND"


class CpuMode(StrEnum):
    """How a profile of the processor is taken."""

    SAMPLED = "SAMPLED"
    EACH_CALL = "EACH_CALL"


def process_name() -> str:
    """Return how this process is called: by its machine and its number, which are unique while it lives."""
    return f"{socket.gethostname()}-{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Question:
    """An operation whose statements are to be looked at, by whom it was asked; it never leaves the process."""

    document: str
    variables: Mapping[str, Any] = field(repr=False)
    operation_name: str | None
    asker: Any = field(repr=False)
    """The context in which it was asked."""


@dataclass(slots=True)
class Questions:
    """What was asked of this very process, until its job comes round: in memory alone, as it holds arguments."""

    _held: dict[UUID, tuple[float, Question]] = field(default_factory=dict, repr=False)

    def hold(self, profile_id: UUID, question: Question) -> None:
        """Keep a question for some minutes; the oldest goes when there are too many."""
        now = time.monotonic()
        for key in [key for key, (since, _) in self._held.items() if now - since > KEPT_S]:
            del self._held[key]
        while len(self._held) >= MOST_QUESTIONS:
            del self._held[next(iter(self._held))]
        self._held[profile_id] = now, question

    def take(self, profile_id: UUID) -> Question | None:
        """Return a question and forget it; None when it is not known any more."""
        found = self._held.pop(profile_id, None)
        return None if found is None else found[1]
