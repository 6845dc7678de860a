"""How long to wait before the next attempt: longer each time, and never in step with others."""

import random
from typing import Final

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0


def delay_s(failures: int, *, at_least: float = 0.0) -> float:
    """Return the seconds to wait after so many failures in a row, from half of the full time to all of it."""
    full = min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 10))
    return max(at_least, full * random.uniform(0.5, 1.0))  # noqa: S311 -- nothing is kept secret by it
