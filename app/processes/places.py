"""The places of server processes: each has a number, a socket, and a process, or two while one succeeds another."""

import socket
import time
from dataclasses import dataclass, field
from typing import Final

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 5.0
"""Connections that the system has put to the place's socket wait for the next process."""
HEALTHY_S: Final = 30.0
"""A process that has lived for so long was no failure: the next one is started without a long pause."""


@dataclass(eq=False, slots=True)
class Child:
    """A process, and the line to it, whose end says that it has ended."""

    pid: int
    line: socket.socket
    place: "Place"
    column: int
    is_ready: bool = False
    started: float = field(default_factory=time.monotonic)


@dataclass(eq=False, slots=True)
class Place:
    """What a process is started for, again and again."""

    number: int
    listener: socket.socket
    children: list[Child] = field(default_factory=list)
    starts_at: float | None = None
    """When the next process is started; None while there is one."""
    _pause_s: float = FIRST_PAUSE_S
    _generation: int = 0

    @property
    def is_served(self) -> bool:
        """Whether a process is ready here."""
        return any(child.is_ready for child in self.children)

    def next_column(self, places: int) -> int:
        """Return the column in which the next process counts, which is not the one of whom it succeeds."""
        self._generation += 1
        return self.number - 1 + places * (self._generation % 2)

    def pause_after(self, child: Child) -> float:
        """Have a process started after a pause, and return its length in seconds."""
        is_healthy = time.monotonic() - child.started > HEALTHY_S
        self._pause_s = FIRST_PAUSE_S if is_healthy else min(self._pause_s * 2, LONGEST_PAUSE_S)
        self.starts_at = time.monotonic() + self._pause_s
        return self._pause_s
