"""The objectives of the service, as data: what each scenario has to reach, and from when the generator is the limit."""

from dataclasses import dataclass
from typing import Final

P95_MS: Final = 100.0
P99_MS: Final = 200.0
"""Of all requests together, from the moment each was due."""
EVENT_P95_MS: Final = 1_000.0
"""From the sending of a point to its event at a subscriber."""
GENERATOR_CPU: Final = 0.85
"""A generator that is busy for more of its core answers late by itself."""
GENERATOR_LAG_P95_MS: Final = 25.0
"""So late its loop may come to what is due; later, it measures itself."""
MACHINE_CPU: Final = 0.95
"""Of all cores: from then on everybody waits for everybody."""
OTHERS_CPU: Final = 0.25
"""Of all cores, used by other processes of the machine while all are busy: then it is these that are measured."""
SERVER_CPU: Final = 0.9
"""Of one core, which is what one server process can use."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a measure has to be: `measure` is its name in a summary, `unit` that in which it is told."""

    name: str
    measure: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    def is_reached(self, value: float | None) -> bool:
        """Say whether a value reaches it; what was not measured does not."""
        if value is None or value != value:  # noqa: PLR0124 -- not a number
            return False
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    @property
    def goal(self) -> str:
        """The goal in words."""
        sign, bound = ("≤", self.at_most) if self.at_most is not None else ("≥", self.at_least)
        return f"{sign} {bound:,.6g} {self.unit}".strip()


NO_ERRORS: Final = Objective("requests that failed or could not be sent", "errors", "", at_most=0)
LATENCY: Final = (
    Objective("95 of 100 requests are answered within", "p95_ms", "ms", at_most=P95_MS),
    Objective("99 of 100 requests are answered within", "p99_ms", "ms", at_most=P99_MS),
)
OBJECTIVES: Final[dict[str, tuple[Objective, ...]]] = {
    "baseline": (
        *LATENCY,
        NO_ERRORS,
        Objective("95 of 100 events are told within", "event_p95_ms", "ms", at_most=EVENT_P95_MS),
    ),
    "stress": (
        Objective("failures that are no refusal, under any rate", "failures", "", at_most=0),
        Objective("95 of 100 requests are answered within, after it", "p95_ms", "ms", at_most=P95_MS),
        Objective("requests that failed or could not be sent, after it", "errors", "", at_most=0),
    ),
    "spike": (
        Objective("failures that are no refusal, during the spike", "failures", "", at_most=0),
        Objective("back to 100 ms for 95 of 100 requests within", "recovery_s", "s", at_most=5),
        Objective("requests that failed or could not be sent, after it", "errors", "", at_most=0),
    ),
    "endurance": (
        *LATENCY,
        NO_ERRORS,
        Objective("growth of resident memory after warm-up", "memory_growth", "%", at_most=2),
        Objective("growth of open files after warm-up", "files_growth", "", at_most=2),
        Objective("growth of threads after warm-up", "threads_growth", "", at_most=0),
        Objective("growth of tasks of the loop after warm-up", "tasks_growth", "", at_most=5),
    ),
    "rate-limit": (
        Objective("processor time of a refused request to a served one", "refused_cost", "%", at_most=10),
        Objective("requests beyond the limit that were served", "served_beyond", "", at_most=0),
        Objective("failures that are no refusal", "failures", "", at_most=0),
    ),
    "tenant-isolation": (
        Objective("answers with something of another organisation", "violations", "", at_most=0),
        Objective("requests that asked for something of another organisation", "trespasses", "", at_least=1),
        Objective("failures", "failures", "", at_most=0),
    ),
    "sockets": (
        Objective("memory that the sockets take", "sockets_mb", "MB", at_most=250),
        Objective("one event has reached every socket within", "fanout_s", "s", at_most=1),
        Objective("sockets that were not told", "untold", "", at_most=0),
        Objective("failures", "failures", "", at_most=0),
    ),
}
"""What each scenario has to reach."""
REQUESTS_FOR_ISOLATION: Final = 100_000
"""So many requests the long form of the scenario of isolation sends."""
SOCKETS: Final = 5_000
"""So many idle WebSockets with a subscription each the scenario of sockets opens."""
