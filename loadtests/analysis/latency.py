"""How long answers took: percentiles in all, by operation, and over time."""

from typing import Final

import numpy as np
import pandas as pd

PERCENTILES: Final = (50, 95, 99)


def percentile(times: pd.Series, percent: float) -> float:
    """Return the time within which so many of a hundred were answered: one that was measured, none between two."""
    if times.empty:
        return float("nan")
    return float(np.percentile(times.to_numpy(float), percent, method="inverted_cdf"))


def percentiles(times: pd.Series) -> dict[str, float]:
    """Return `p50_ms`, `p95_ms`, `p99_ms` and `max_ms`."""
    found = {f"p{percent}_ms": percentile(times, percent) for percent in PERCENTILES}
    return {**found, "max_ms": float(times.max()) if len(times) else float("nan")}


def by_operation(lines: pd.DataFrame) -> list[dict[str, object]]:
    """Return for each operation and transport how many there were, how many failed, and how long they took."""
    return [
        {
            "name": name,
            "via": via,
            "requests": len(group),
            "errors": int((group.error != "").sum()),
            **percentiles(group.total_ms),
            "bytes": float(group.bytes.mean()),
        }
        for (name, via), group in lines.groupby(["name", "via"])
    ]


def over_time(lines: pd.DataFrame, every_s: float) -> pd.DataFrame:
    """Return percentiles of the requests that were due in each so many seconds, and how many were answered or failed.

    The index is the middle of each span; one in which nothing was due has no percentiles.
    """
    due = lines["at"] - lines.late_ms / 1000
    spans = (due // every_s).astype(int)
    found = {
        span: {
            **percentiles(group.total_ms),
            "answered": float((group.error == "").sum()) / every_s,
            "failed": float((group.error != "").sum()) / every_s,
        }
        for span, group in lines.groupby(spans)
    }
    table = pd.DataFrame.from_dict(found, orient="index").reindex(range(spans.min(), spans.max() + 1))
    table[["answered", "failed"]] = table[["answered", "failed"]].fillna(0)
    return table.set_index((table.index + 0.5) * every_s)


def recovery_s(lines: pd.DataFrame, since: float, most_ms: float) -> float:
    """Return the seconds from a moment until the last second whose 95th percentile was above a bound was over.

    0 when there was none; infinite when it was so in the last second of all.
    """
    after = lines[lines["at"] - lines.late_ms / 1000 >= since]
    if after.empty:
        return float("inf")
    seconds = ((after["at"] - after.late_ms / 1000) - since).astype(int)
    slow = [second for second, group in after.groupby(seconds) if percentile(group.total_ms, 95) > most_ms]
    if not slow:
        return 0.0
    return float("inf") if slow[-1] == seconds.max() else float(slow[-1] + 1)
