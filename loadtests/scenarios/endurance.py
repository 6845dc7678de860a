"""Endurance: the same load for long, to see what grows."""

from typing import Final

from loadtests.scenarios.phases import Options, Phase, Plan

WARM_SHARE: Final = 0.25


def plan(options: Options) -> Plan:
    """Warm up for a quarter of the time, then go on; judged is what comes after the warm-up."""
    warm_s = options.seconds * WARM_SHARE
    yield Phase(name="warm-up", seconds=warm_s, rate=options.rate)
    yield Phase(name="endurance", seconds=options.seconds - warm_s, rate=options.rate, is_judged=True)
