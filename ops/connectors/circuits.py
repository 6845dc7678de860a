"""Circuit breakers: what fails again and again is left alone for a while, then tried once, then used as before."""

import math
import time
from collections.abc import Callable

from maestro.vendor_errors import CircuitOpen


class Circuit:
    """Whether something is to be used; opened by so many failures in a row, for so long."""

    def __init__(self, failures: int, pause_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._pause_s, self._clock = failures, pause_s, clock
        self._failures = 0
        self._open_until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is left alone, or tried after that and not answered yet."""
        return self._open_until is not None

    def enter(self) -> None:
        """Raise CircuitOpen while it is left alone; after that one is let through, and the others wait for it."""
        if self._open_until is None:
            return
        left = self._open_until - self._clock()
        if left > 0:
            raise CircuitOpen(
                f"The connector has failed {self._failures} times in a row, and is left alone.",
                hint="Look by testConnector what is wrong; a test that passes ends this.",
                retryAfterSeconds=math.ceil(left),
            )
        self._open_until = self._clock() + self._pause_s

    def succeeded(self) -> None:
        """Say that it works."""
        self._failures, self._open_until = 0, None

    def failed(self) -> None:
        """Say that it has failed in a way that may pass."""
        self._failures += 1
        if self._failures >= self._most:
            self._open_until = self._clock() + self._pause_s
