"""Times in buckets: what comes out is near to what went in."""

import pytest

from maestro.documents.latencies import BUCKETS, bucket_of, quantile_ms


def counted(*times: float) -> list[int]:
    counts = [0] * BUCKETS
    for time in times:
        counts[bucket_of(time)] += 1
    return counts


@pytest.mark.parametrize("time", [0.3, 1.0, 7.7, 123.0, 4_000.0, 100_000.0])
def test_a_quantile_is_within_nine_per_cent(time: float) -> None:
    found = quantile_ms(counted(time), 0.95)
    assert found is not None
    assert abs(found / time - 1) < 0.0906


def test_a_share_of_the_calls_does_not_exceed_a_quantile() -> None:
    counts = counted(*[10.0] * 95, *[1_000.0] * 5)
    assert quantile_ms(counts, 0.95) == pytest.approx(10.0, rel=0.0906)
    assert quantile_ms(counts, 0.96) == pytest.approx(1_000.0, rel=0.0906)


def test_counts_of_two_processes_are_added() -> None:
    together = [one + other for one, other in zip(counted(5.0), counted(50.0), strict=True)]
    assert quantile_ms(together, 0.5) == pytest.approx(5.0, rel=0.0906)
    assert quantile_ms(together, 1.0) == pytest.approx(50.0, rel=0.0906)


def test_nothing_has_no_quantile() -> None:
    assert quantile_ms([0] * BUCKETS, 0.95) is None


@pytest.mark.parametrize(("time", "bucket"), [(0.0, 0), (0.25, 0), (0.26, 1), (0.5, 4), (1e12, BUCKETS - 1)])
def test_a_bucket_holds_its_upper_bound(time: float, bucket: int) -> None:
    assert bucket_of(time) == bucket
