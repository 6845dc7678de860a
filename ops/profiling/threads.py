"""What the other threads of the process do: how much of the processor each has had, and where it was seen most."""

import contextlib
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ops.profiling.places import module_of

EVERY_S: Final = 0.02
MOST_PLACES: Final = 3
MOST_THREADS: Final = 32


@dataclass(slots=True)
class Threads:
    """What was seen of them."""

    seen: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    names: dict[int, str] = field(default_factory=dict)
    cpu_s: dict[int, float] = field(default_factory=dict)

    @property
    def plain(self) -> list[dict[str, Any]]:
        """The threads as plain values, the busiest first; `seen_in` tells where, with the part of the looks."""
        ranked = sorted(self.seen, key=lambda ident: -self.cpu_s.get(ident, 0.0))[:MOST_THREADS]
        return [
            {
                "name": self.names.get(ident, "unknown"),
                "cpu_s": round(self.cpu_s.get(ident, 0.0), 4),
                "seen_in": [
                    {"function": place, "share": round(count / self.seen[ident].total(), 3)}
                    for place, count in self.seen[ident].most_common(MOST_PLACES)
                ],
            }
            for ident in ranked
        ]


@contextmanager
def other_threads() -> Iterator[Threads]:
    """Look at all threads but the one that calls, during the block."""
    found, ended, mine = Threads(), threading.Event(), threading.get_ident()
    before: dict[int, float] = {}

    def look_forever() -> None:
        me = threading.get_ident()
        while not ended.wait(EVERY_S):
            _look(found, before, without=(mine, me))

    looking = threading.Thread(target=look_forever, name="profile", daemon=True)
    looking.start()
    try:
        yield found
    finally:
        ended.set()
        looking.join()


def _look(found: Threads, before: dict[int, float], *, without: tuple[int, int]) -> None:
    found.names.update({thread.ident: thread.name for thread in threading.enumerate() if thread.ident is not None})
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 -- documented, for this
        if ident in without:
            continue
        found.seen[ident][f"{module_of(frame.f_code.co_filename)}:{frame.f_code.co_qualname}"] += 1
        # A thread that has just ended has no clock any more; not every system has them.
        with contextlib.suppress(OSError, AttributeError):
            clock = time.clock_gettime(time.pthread_getcpuclockid(ident))
            found.cpu_s[ident] = clock - before.setdefault(ident, clock)
