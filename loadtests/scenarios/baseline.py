"""Baseline: the highest rate at which the objectives are kept and the generator is not the limit, then held."""

from typing import Final

from loadtests.scenarios.phases import BARE, Options, Phase, Plan

FACTOR: Final = 1.25
STEPS: Final = 16
HOLDS: Final = 4
STEP_SHARE: Final = 0.25
"""Seconds of a step to those of the hold."""


def plan(options: Options) -> Plan:
    """Measure the ceiling, raise the rate by a quarter until something gives, and hold the last one that was kept.

    What is judged is the hold, which did not choose itself. Where it misses, the rate below is held.
    """
    step_s = max(1.0, options.seconds * STEP_SHARE)
    yield Phase(name="ceiling", seconds=step_s, mix=BARE)
    yield Phase(name="warm-up", seconds=step_s, rate=options.rate)
    rates = [options.rate * FACTOR**number for number in range(STEPS)]
    kept = 0
    for number, rate in enumerate(rates):
        seen = yield Phase(name=f"step {number + 1}", seconds=step_s, rate=rate)
        if not seen.is_kept:
            break
        kept = number
    for number in range(kept, max(-1, kept - HOLDS), -1):
        seen = yield Phase(name="hold", seconds=options.seconds, rate=rates[number], is_judged=True)
        if seen.is_kept:
            break
