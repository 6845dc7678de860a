"""Rate limit: what it costs the server to refuse, beside what it costs to serve."""

from typing import Final

from loadtests.scenarios.phases import READS, Options, Phase, Plan

LIMIT: Final = 6_000
"""Requests a day that the server of this scenario allows a key."""
SERVED_SHARE: Final = 0.75
"""Part of the limit that is used up while it is measured what serving costs."""
PATIENCE_S: Final = 600.0


def plan(options: Options) -> Plan:
    """Ask as fast as answers come: within the limit, until all is refused, and beyond; between them, nothing."""
    yield Phase(name="idle", seconds=min(5.0, options.seconds / 2), rate=0)
    yield Phase(name="warm-up", seconds=min(5.0, options.seconds / 4), mix=READS, requests=int(LIMIT * 0.1))
    served = int(LIMIT * SERVED_SHARE)
    yield Phase(name="served", seconds=options.seconds, mix=READS, requests=served, is_judged=True)
    yield Phase(name="using up", seconds=PATIENCE_S, mix=READS, until_refused=True)
    yield Phase(name="refused", seconds=options.seconds, mix=READS, is_judged=True)
