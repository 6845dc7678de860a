"""Whether the objectives of a scenario are reached."""

import math
from dataclasses import dataclass
from typing import Any

from loadtests.analysis.numbers import number
from loadtests.slo import OBJECTIVES, Objective


@dataclass(frozen=True, slots=True)
class Verdict:
    """An objective and what was measured; None for what was not."""

    objective: Objective
    value: float | None

    @property
    def is_reached(self) -> bool:
        """Whether it is reached."""
        return self.objective.is_reached(self.value)

    @property
    def mark(self) -> str:
        """How it ended, in a word."""
        return "reached" if self.is_reached else "missed"

    @property
    def told(self) -> str:
        """What was measured, as people read it."""
        is_known = self.value is not None and not math.isnan(self.value)
        return number(self.value, self.objective.unit) if is_known else "not measured"


def verdicts(scenario: str, measured: dict[str, Any]) -> list[Verdict]:
    """Return the verdict on each objective of a scenario."""
    return [Verdict(objective, measured.get(objective.measure)) for objective in OBJECTIVES[scenario]]
