"""Samples of the thread that calls: its stack every few milliseconds, with the time that has passed in between.

pyinstrument takes them, on the thread itself, so that a sample knows too which operation was running.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pyinstrument.session import Session
from pyinstrument.stack_sampler import get_stack_sampler

from maestro import effort
from maestro.errors import Conflict
from ops.profiling.places import module_of, short_path, without_paths
from ops.profiling.stacks import Stack, loop_depth

FINEST_S: Final = 0.001
MOST_SAMPLES: Final = 20_000
_SEPARATOR: Final = "\x00"
_ATTRIBUTES: Final = "\x01"
_LOOP: Final = _SEPARATOR.join(("event loop", "<thread>", "0"))


@dataclass(slots=True)
class Samples:
    """What was sampled: stacks as pyinstrument tells them, with seconds on the clock and of the processor."""

    interval_s: float
    began_at: float = field(default_factory=time.time)
    taken: list[tuple[tuple[str, ...], float, float]] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    _known: dict[str, str] = field(default_factory=dict)
    _cpu: float = 0.0

    def take(self, stack: list[str], passed_s: float, _state: Any) -> None:
        """Keep a sample; the processor's time since the last one is the operation's that is running."""
        spent, self._cpu = self._spent()
        known = self._known
        # The same texts come again and again; kept once, thousands of samples take some megabytes.
        self.taken.append((tuple([known.setdefault(one, one) for one in stack]), passed_s, spent))
        if (sums := effort.current()) is not None:
            sums.cpu_seconds += spent

    def begin(self) -> None:
        """Begin to count the processor's time."""
        self._cpu = time.thread_time()

    def _spent(self) -> tuple[float, float]:
        now = time.thread_time()
        return now - self._cpu, now


def interval_for(seconds: float) -> float:
    """Return how often to sample, so that there are enough samples and never too many."""
    return max(FINEST_S, seconds / MOST_SAMPLES)


@contextmanager
def sampled(interval_s: float) -> Iterator[Samples]:
    """Sample this thread during the block; Conflict when that is done already."""
    sampler, samples = get_stack_sampler(), Samples(interval_s)
    if sampler.subscribers:
        raise Conflict("This thread is being profiled already.", hint="Wait for the end of the other profile.")
    began, spent = time.perf_counter(), time.thread_time()
    samples.begin()
    sampler.subscribe(samples.take, desired_interval=interval_s, use_async_context=False)
    try:
        yield samples
    finally:
        sampler.unsubscribe(samples.take)
        samples.wall_s, samples.cpu_s = time.perf_counter() - began, time.thread_time() - spent


def stack_of(told: tuple[str, ...]) -> Stack:
    """Return a stack as `module:function`, without the thread at its root."""
    return tuple(_name(one) for one in told[1:])


def _name(told: str) -> str:
    function, path, _, owner = _parts(told)
    module = module_of(path)
    return without_paths(f"{module}:{owner}.{function}" if owner else f"{module}:{function}")


def _parts(told: str) -> tuple[str, str, str, str]:
    """Return the function, the path, the line where the function begins, and the class of what it was called on."""
    identity, *attributes = told.split(_ATTRIBUTES)
    function, path, line = identity.split(_SEPARATOR)
    owner = next((one[1:] for one in attributes if one.startswith("c")), "")
    return function, path, line, owner


def session_of(samples: Samples, *, description: str) -> Session:
    """Return the samples as a session of pyinstrument, on the clock, without any path of the machine."""
    records = [(_from_loop(stack), passed) for stack, passed, _ in samples.taken]
    session: Session = Session.from_json(
        {
            "frame_records": records,
            "start_time": samples.began_at,
            "duration": samples.wall_s,
            "min_interval": samples.interval_s,
            "max_interval": samples.interval_s,
            "sample_count": len(records),
            "start_call_stack": records[0][0][:1] if records else ["", ""],
            "target_description": description,
            "cpu_time": samples.cpu_s,
            "sys_path": [],
            "sys_prefixes": [],
        }
    )
    return session


def _from_loop(stack: tuple[str, ...]) -> list[str]:
    """Return a stack as pyinstrument has it, from the loop on, which takes the place of its thread."""
    depth = loop_depth(stack_of(stack))
    return [_LOOP, *(_shortened(one) for one in stack[1 + depth :])]


def _shortened(told: str) -> str:
    identity, *attributes = told.split(_ATTRIBUTES)
    function, path, line = identity.split(_SEPARATOR)
    place = _SEPARATOR.join((without_paths(function), short_path(path), line))
    return _ATTRIBUTES.join((place, *attributes))
