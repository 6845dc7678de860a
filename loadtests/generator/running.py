"""A test that is running: its orders, its line of arrivals, its log, and the plan that drives it."""

import time
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any, Final

import gevent
import orjson

from loadtests.generator.answers import Boundaries
from loadtests.generator.arrivals import Arrivals
from loadtests.generator.orders import Orders
from loadtests.generator.recording import Recording
from loadtests.ground.places import Ground
from loadtests.lines import Load
from loadtests.scenarios.catalogue import SCENARIOS
from loadtests.scenarios.phases import BARE, Phase, Seen
from loadtests.slo import GENERATOR_CPU, GENERATOR_LAG_P95_MS

DRAIN_S: Final = 10.0
"""So long the answers of a phase may take after its end."""
STREAMED: Final = frozenset({"WS", "SSE"})


class Test:
    """One test; the users and listeners share it."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.scenario = SCENARIOS[orders.scenario]
        self.ground = Ground.read(Path(orders.ground))
        self.boundaries = Boundaries(self.ground) if orders.checks else None
        self.arrivals = Arrivals(Random(orders.seed), orders.users)
        self.recording = Recording(Path(orders.folder))
        self._told: list[dict[str, Any]] = []

    def start(self) -> None:
        """Begin to note how the generator fares."""
        gevent.spawn(self.recording.measure_lag)
        gevent.spawn(self.recording.keep_writing)

    def carry_out(self) -> None:
        """Go through the plan, each phase in view of the one before, and write down what they were."""
        if self.scenario.plan is None:
            raise ValueError(f"{self.orders.scenario} is no scenario of Locust.")
        plan = self.scenario.plan(self.orders.options)
        phase = next(plan)
        while True:
            seen = self._phase(phase)
            print(_told(phase, seen), flush=True)
            try:
                phase = plan.send(seen)
            except StopIteration:
                break
        self.recording.write()

    def _phase(self, phase: Phase) -> Seen:
        if phase.mix == BARE and self.orders.bare is None:
            return Seen(requests=0, errors=0, p95_ms=0, p99_ms=0, is_generator_limit=False)
        self.recording.begin()
        began = time.time()
        unsent = self.arrivals.carry_out(phase)
        ended = time.time()
        self._drain()
        self.recording.write()
        seen = self._seen(unsent)
        self._told.append({**asdict(phase), "began": began, "ended": ended, "seen": asdict(seen)})
        (Path(self.orders.folder) / "phases.json").write_bytes(orjson.dumps(self._told, option=orjson.OPT_INDENT_2))
        return seen

    def _drain(self) -> None:
        until = time.monotonic() + DRAIN_S
        while self.arrivals.answered < self.arrivals.sent and time.monotonic() < until:
            gevent.sleep(0.01)

    def _seen(self, unsent: int) -> Seen:
        lines = [one for one in self.recording.of_phase if one.via not in STREAMED]
        times = sorted(one.late_ms + one.ms for one in lines) or [0.0]
        return Seen(
            requests=len(lines),
            errors=sum(1 for one in self.recording.of_phase if one.error),
            p95_ms=times[int(len(times) * 0.95)],
            p99_ms=times[int(len(times) * 0.99)],
            is_generator_limit=is_limit(self.recording.loads_of_phase),
            unsent=unsent,
        )


def is_limit(loads: list[Load]) -> bool:
    """Say whether the generator was its own limit in some seconds: by its processor time, or the lag of its loop."""
    if len(loads) <= 1:
        return False
    cpu = (loads[-1].cpu_s - loads[0].cpu_s) / max(1e-9, loads[-1].at - loads[0].at)
    lags = sorted(one.lag_p95_ms for one in loads)
    return cpu > GENERATOR_CPU or lags[len(lags) // 2] > GENERATOR_LAG_P95_MS


def _told(phase: Phase, seen: Seen) -> str:
    rate = "as fast as it goes" if phase.rate is None else f"{phase.rate:,.0f}/s"
    limit = ", the generator is the limit" if seen.is_generator_limit else ""
    times = f"p95 {seen.p95_ms:,.1f} ms, p99 {seen.p99_ms:,.1f} ms"
    return f"{phase.name}: {rate}: {seen.requests:,} requests, {seen.errors:,} errors, {times}{limit}"
