"""What is told of operations: percentiles, shares, and no more names than there may be."""

from maestro.effort import Effort
from ops.profiling.operations import LONGEST_NAME, MOST_NAMES, OTHERS, Watched, rows_of


def test_percentiles_are_by_the_nearest_rank_and_costs_by_operation() -> None:
    watched = Watched()
    for hundredth in range(1, 101):
        done = Effort(statements=2, sql_seconds=0.001, batches=1, cpu_seconds=0.005)
        watched.ended("Runs", done, seconds=hundredth / 1000)
    watched.ended("Other", Effort(), seconds=0.5)
    first, second = rows_of(watched, cpu_s=1.0)
    assert first == {
        "name": "Runs",
        "count": 100,
        "p50_ms": 50.0,
        "p95_ms": 95.0,
        "p99_ms": 99.0,
        "cpu_ms": 500.0,
        "cpu_share": 0.5,
        "statements": 2.0,
        "sql_ms": 1.0,
        "batches": 1.0,
    }
    assert (second["name"], second["count"], second["p50_ms"]) == ("Other", 1, 500.0)


def test_names_that_clients_make_up_add_no_rows_without_end() -> None:
    watched = Watched()
    for number in range(MOST_NAMES + 50):
        watched.ended(f"N{number}" + "x" * 500, Effort(), seconds=0.0)
    rows = rows_of(watched, cpu_s=0.0)
    assert len(rows) == MOST_NAMES + 1
    assert max(len(row["name"]) for row in rows) == LONGEST_NAME
    assert {row["name"]: row["count"] for row in rows}[OTHERS] == 50
