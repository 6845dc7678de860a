"""The reference page of metrics: every family, with its labels and what it says."""

from importlib import import_module
from typing import Final

from app.markdown import page, table
from maestro.telemetry.values import FAMILIES, Family, Gauge, Histogram, Reading

AREAS: Final = {
    "GraphQL": "graphql",
    "HTTP, WebSockets and streams": "http",
    "Caches": "caches",
    "Connections to the database, and loaders": "database",
    "Access and limits": "access",
    "Logging": "ingest",
    "Jobs and syncs, as workers see them": "jobs",
    "Connectors": "connectors",
    "Processes": "process",
    "Read at each scrape": "readings",
}
"""The modules of `maestro.telemetry` that declare families, by the titles of their parts of the page."""
INTRO: Final = """\
What [`/metrics`](guides/metrics.md) tells Prometheus. Names and labels are an interface: dashboards and alert rules
rest on them, and a change is one of the changelog. A counter ends with `_total`; sizes are in bytes, times in seconds.
A family with labels is told from its first value on, and holds no more series than stand in the last column: what comes
beyond is counted under `other`. Histograms have a series for each bound, for their sum and for their count.

Values of several processes are summed up; a gauge whose kind says `max` or `latest` is the largest or the latest one.
Those *read at each scrape* are of the whole installation, whichever server is asked: take their maximum over servers,
not their sum."""


def families() -> dict[str, list[Family]]:
    """Return every family by the title of its area, in the order of their declarations."""
    found = {}
    for title, module in AREAS.items():
        declared = vars(import_module(f"maestro.telemetry.{module}")).values()
        found[title] = [one for one in declared if isinstance(one, Family)]
    return found


def metrics_page() -> str:
    """Return the page in Markdown."""
    header = ("Family", "Kind", "Labels", "What it says", "Most series")
    parts = [
        f"## {title}\n\n{table(header, [_row(one) for one in declared])}" for title, declared in families().items()
    ]
    count = f"There are {len(FAMILIES)} families."
    return page("Metrics", INTRO, count, *parts)


def _row(family: Family) -> tuple[str, str, str, str, str]:
    labels = ", ".join(f"`{label}`" for label in family.labels) or "none"
    return f"`{family.name}`", _kind(family), labels, family.help, f"{most_series(family):,}"


def most_series(family: Family) -> int:
    """Return how many series of a family there may be at most."""
    combinations = family.most if family.labels else 1
    return combinations * (len(family.bounds) + 3 if isinstance(family, Histogram) else 1)


def _kind(family: Family) -> str:
    if isinstance(family, Reading):
        return "gauge, read"
    if isinstance(family, Gauge) and family.mode != "livesum":
        return f"gauge, {'max' if family.mode == 'livemax' else 'latest'}"
    return family.kind
