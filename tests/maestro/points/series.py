"""Series to test with: arbitrary ones from hypothesis, and ones that look like metrics."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from maestro.points import PointColumns

START_MS = 1_760_000_000_000
INT64 = st.integers(-(2**63), 2**63 - 1)
# Small integers meet often, so that ties and both zeros occur.
VALUES = st.one_of(st.floats(width=64), st.sampled_from([0.0, -0.0, 1.0, -1.0, float("nan"), float("inf")]))


def columns(steps: Any, values: Any, timestamps_ms: Any = None) -> PointColumns:
    """Of any sequences; without timestamps, a second a step."""
    steps = np.asarray(steps, np.int64)
    times = START_MS + 1000 * steps if timestamps_ms is None else np.asarray(timestamps_ms, np.int64)
    return PointColumns(steps, times, np.asarray(values, np.float64))


@st.composite
def points(draw: st.DrawFn, max_size: int = 200, values: st.SearchStrategy[float] = VALUES) -> PointColumns:
    """Any steps that strictly increase, mostly even ones; any timestamps; any values."""
    drawn = draw(st.lists(values, min_size=1, max_size=max_size))
    n = len(drawn)
    if draw(st.booleans()):
        first, stride = draw(st.integers(0, 2**40)), draw(st.integers(1, 1000))
        steps = first + stride * np.arange(n)
    else:
        steps = np.array(sorted(draw(st.sets(st.integers(0, 2**53 - 1), min_size=n, max_size=n))))
    rising = START_MS + np.cumsum(np.full(n, draw(st.integers(0, 10**6))))
    times = draw(st.one_of(st.just(rising), st.lists(INT64, min_size=n, max_size=n)))
    return columns(steps, drawn, times)


def noisy(n: int, seed: int = 1) -> PointColumns:
    """A random walk of full mantissas, about a second apart."""
    random = np.random.default_rng(seed)
    times = START_MS + np.cumsum(random.integers(950, 1050, n))
    return columns(np.arange(n), np.cumsum(random.normal(size=n)), times)


def assert_same(left: PointColumns, right: PointColumns) -> None:
    """Bit by bit, but for the payload of a NaN."""
    np.testing.assert_array_equal(left.steps, right.steps, strict=True)
    np.testing.assert_array_equal(left.timestamps_ms, right.timestamps_ms, strict=True)
    np.testing.assert_array_equal(left.values, right.values, strict=True)
    numbers = ~np.isnan(left.values)
    np.testing.assert_array_equal(np.signbit(left.values[numbers]), np.signbit(right.values[numbers]))
