"""Stress: ever more requests, far beyond what can be answered, and then as few as at the beginning."""

from typing import Final

from loadtests.scenarios.phases import Options, Phase, Plan

FACTOR: Final = 1.6
STEPS: Final = 8
MOST_UNSENT: Final = 0.2
"""Once so many of the requests that are due cannot be sent any more, more of them say nothing."""


def plan(options: Options) -> Plan:
    """Raise the rate until a fifth of what is due cannot even be sent, then go back; judged is what comes after."""
    step_s = max(1.0, options.seconds / 4)
    yield Phase(name="warm-up", seconds=step_s, rate=options.rate)
    for number in range(1, STEPS + 1):
        seen = yield Phase(name=f"step {number}", seconds=step_s, rate=options.rate * FACTOR**number)
        if seen.unsent > MOST_UNSENT * (seen.unsent + seen.requests):
            break
    yield Phase(name="settling", seconds=min(step_s, 5.0), rate=options.rate)
    yield Phase(name="after", seconds=2 * step_s, rate=options.rate, is_judged=True)
