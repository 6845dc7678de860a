"""Families of what is logged: batches on their way into the database."""

from typing import Final

from maestro.telemetry.values import SECONDS, SIZES, Counter, Histogram

BATCHES: Final = Counter(
    "ingest_batches_total", "Batches of runs: `written`, `repeated` and known already, or `refused`.", ["outcome"]
)
POINTS: Final = Counter("ingest_points_total", "Points of metrics that were written.")
PARAMS: Final = Counter("ingest_params_total", "Params of runs that were written.")
GROUP: Final = Histogram("ingest_group_commit_batches", "Batches that were committed together.", bounds=SIZES)
GROUP_TIME: Final = Histogram(
    "ingest_group_commit_duration_seconds", "Time of a transaction that writes batches together.", bounds=SECONDS
)
COMPACTED: Final = Counter(
    "points_compacted_total", "Points that were put into blocks, from rows or from smaller blocks."
)
COMPACTIONS: Final = Counter("compactions_total", "Rounds of the compaction of points that came to their end.")
