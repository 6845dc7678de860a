"""A phase of a scenario, and what was seen of it."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeAlias

from loadtests.slo import P95_MS, P99_MS

MIXED: Final = "mixed"
READS: Final = "reads"
"""The same without what is logged, which has a limit of its own."""
TRESPASSING: Final = "trespassing"
"""The same, and what belongs to another organisation is asked for with every third request."""
BARE: Final = "bare"
"""The same small request again and again, to the bare application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Some seconds of load; it ends earlier once it has had so many requests, or only refusals.

    `rate` is in requests a second, which are sent when they are due whatever became of those before; without one each
    of the users sends as soon as it is answered.
    """

    name: str
    seconds: float
    rate: float | None = None
    mix: str = MIXED
    is_judged: bool = False
    requests: int | None = None
    until_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the generator saw of a phase; times are from the moment a request was due."""

    requests: int
    errors: int
    p95_ms: float
    p99_ms: float
    is_generator_limit: bool
    unsent: int = 0
    """Requests that were due and had not been sent at the end of the phase."""

    @property
    def is_kept(self) -> bool:
        """Whether the objectives of latency and errors were kept, and the generator did not measure itself."""
        is_quick = self.p95_ms <= P95_MS and self.p99_ms <= P99_MS
        return self.requests > 0 and not self.errors and not self.unsent and is_quick and not self.is_generator_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What whoever runs a scenario can say: the first rate in requests a second, and the seconds of its long parts."""

    rate: float
    seconds: float
    requests: int


Plan: TypeAlias = Generator[Phase, Seen, None]
Planned: TypeAlias = Callable[[Options], Plan]
