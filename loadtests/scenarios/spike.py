"""Spike: a quiet server is asked ten times as much from one second to the next, and then left in peace again."""

from typing import Final

from loadtests.scenarios.phases import Options, Phase, Plan

HEIGHT: Final = 10


def plan(options: Options) -> Plan:
    """Ask quietly, ten times as much for a while, and quietly again; judged is how soon all is as before."""
    part_s = max(1.0, options.seconds / 2)
    yield Phase(name="calm", seconds=part_s, rate=options.rate)
    yield Phase(name="spike", seconds=max(1.0, options.seconds / 4), rate=options.rate * HEIGHT)
    yield Phase(name="after", seconds=part_s, rate=options.rate, is_judged=True)
