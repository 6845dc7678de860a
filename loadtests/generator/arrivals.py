"""When requests are due: by the clock at a rate, or as soon as a user is free."""

import time
from random import Random
from typing import Final

import gevent
from gevent.queue import Queue

from loadtests.scenarios.phases import Phase

LOOK_S: Final = 0.05
ALL_REFUSED: Final = 200
"""After so many refusals one after the other, everything is refused."""


class Arrivals:
    """A line at which users wait for the next request that is due.

    At a rate, requests come by chance, independent of one another and of the answers (a Poisson process): what comes
    while all users wait for answers stands in line, and its time counts from then.
    """

    def __init__(self, random: Random, users: int) -> None:
        self.phase: Phase | None = None
        self.sent = 0
        self.answered = 0
        self._random = random
        self._users = users
        self._line: Queue[float] = Queue()
        self._refused_in_a_row = 0

    def next(self) -> float:
        """Wait for a request to be due, and return the moment at which it was, in seconds of `time.perf_counter`."""
        due: float = self._line.get()
        self.sent += 1
        return due

    def done(self, *, is_refused: bool) -> None:
        """Note an answer; where there is no rate, the next request is due at once."""
        self.answered += 1
        self._refused_in_a_row = self._refused_in_a_row + 1 if is_refused else 0
        phase = self.phase
        if phase is not None and phase.rate is None and not self._has_enough(phase):
            self._line.put(time.perf_counter())

    def carry_out(self, phase: Phase) -> int:
        """Let requests be due as a phase says, until it is over; return how many of them were never sent."""
        self.sent = self.answered = self._refused_in_a_row = 0
        self.phase = phase
        until = time.perf_counter() + phase.seconds
        if phase.rate is None:
            self._freely(phase, until)
        else:
            self._at_rate(phase.rate, until)
        self.phase = None
        return self._drop()

    def _freely(self, phase: Phase, until: float) -> None:
        for _ in range(self._users if phase.requests is None else min(self._users, phase.requests)):
            self._line.put(time.perf_counter())
        while time.perf_counter() < until and not (self._has_enough(phase) and self.answered >= self.sent):
            gevent.sleep(LOOK_S)

    def _at_rate(self, rate: float, until: float) -> None:
        due = time.perf_counter()
        while rate > 0 and (due := due + self._random.expovariate(rate)) < until:
            if (pause := due - time.perf_counter()) > 0:
                gevent.sleep(pause)
            self._line.put(due)
        gevent.sleep(max(0.0, until - time.perf_counter()))

    def _has_enough(self, phase: Phase) -> bool:
        # Those that are under way belong to the phase as well.
        is_full = phase.requests is not None and self.sent + len(self._line) >= phase.requests
        return is_full or (phase.until_refused and self._refused_in_a_row >= ALL_REFUSED)

    def _drop(self) -> int:
        dropped = len(self._line)
        while not self._line.empty():
            self._line.get()
        return dropped
