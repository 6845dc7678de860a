"""Tenant isolation: organisations at work beside each other, reaching for what is not theirs all the time."""

from loadtests.scenarios.phases import TRESPASSING, Options, Phase, Plan


def plan(options: Options) -> Plan:
    """Ask as fast as answers come until there were as many requests as are wanted."""
    yield Phase(
        name="side by side", seconds=options.seconds, mix=TRESPASSING, requests=options.requests, is_judged=True
    )
