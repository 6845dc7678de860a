"""How long calls take, counted in buckets that grow by a fifth: counts of all processes are simply added."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

FIRST_MS: Final = 0.25
"""Upper bound of the first bucket."""
PER_DOUBLING: Final = 4
BUCKETS: Final = 80
"""The last one begins at about four minutes, and holds all that is longer."""


def bucket_of(milliseconds: float) -> int:
    """Return the bucket of a call."""
    if milliseconds <= FIRST_MS:
        return 0
    return min(math.ceil(PER_DOUBLING * math.log2(milliseconds / FIRST_MS)), BUCKETS - 1)


def quantile_ms(counts: Sequence[int], share: float) -> float | None:
    """Return the time that a share of the calls did not exceed, 9 % off at most; None without calls."""
    total = sum(counts)
    if not total:
        return None
    wanted = math.ceil(total * share)
    bucket = next(place for place, seen in enumerate(accumulate(counts)) if seen >= wanted)
    # The middle of the bucket, by the ratio of its bounds.
    return FIRST_MS * 2.0 ** ((bucket - 0.5) / PER_DOUBLING) if bucket else FIRST_MS
