"""What looking costs: the same small work, timed before and while somebody looks."""

import time
from dataclasses import dataclass
from typing import Any, Final

ROUNDS: Final = 3
CALLS: Final = 5_000
_NS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Cost:
    """How long something small takes, without anybody looking and with, in nanoseconds."""

    what: str
    before_ns: float
    during_ns: float

    @property
    def plain(self) -> dict[str, Any]:
        """The cost as plain values; `factor` is how many times as long it takes."""
        factor = self.during_ns / self.before_ns if self.before_ns else 1.0
        return {
            "what": self.what,
            "before_ns": round(self.before_ns, 1),
            "during_ns": round(self.during_ns, 1),
            "factor": round(factor, 2),
        }


def call_ns() -> float:
    """Return how long a call of a function takes on this thread, the best of some rounds: milliseconds in all."""

    def called() -> None:
        return None

    def once() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            called()
        return time.perf_counter() - began

    return min(once() for _ in range(ROUNDS)) / CALLS * _NS


def allocation_ns() -> float:
    """Return how long the allocation of a small object takes, as of `call_ns`."""

    def once() -> float:
        began = time.perf_counter()
        made = [bytearray(64) for _ in range(CALLS)]
        taken = time.perf_counter() - began
        made.clear()
        return taken

    return min(once() for _ in range(ROUNDS)) / CALLS * _NS
