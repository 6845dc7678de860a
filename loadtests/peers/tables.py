"""The tables of a comparison, for a terminal and as Markdown: the same rows."""

from collections.abc import Callable, Iterable

from rich.table import Table

from loadtests.analysis.numbers import UNKNOWN, number
from loadtests.peers.operations import TITLES
from loadtests.peers.results import Results
from loadtests.peers.summary import Cost

Row = tuple[str, ...]


def processor_rows(results: Results) -> list[Row]:
    """Return what a request costs each server and its database, and how that is to ours."""
    return _rows(results, lambda cost: f"{number(cost.cpu_ms)} ({_times(cost.ratio)})")


def spread_rows(results: Results) -> list[Row]:
    """Return between which values the rounds lay, and PostgreSQL's part of the median."""
    return _rows(
        results, lambda cost: f"{number(cost.least)} to {number(cost.most)}, {number(cost.postgres_ms)} PostgreSQL"
    )


def wall_rows(results: Results) -> list[Row]:
    """Return how long an answer took on the clock."""
    return _rows(results, lambda cost: number(cost.wall_ms))


def size_rows(results: Results) -> list[Row]:
    """Return how many bytes each answers."""
    return [
        (results.titles[server], *(f"{told[operation].bytes:,}" for operation in TITLES))
        for server, told in results.answered.items()
    ]


def rate_rows(results: Results) -> list[Row]:
    """Return how many requests a second were answered on several connections; nothing when that was not measured."""
    return [
        (results.titles[server], *(number(told[operation]) for operation in TITLES))
        for server, told in results.rates.items()
    ]


def shown(title: str, rows: Iterable[Row], *, with_titles: bool = False) -> Table:
    """Return a table for the terminal."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name, what in TITLES.items():
        table.add_column(f"{name}\n{what}" if with_titles else name, justify="right", max_width=22)
    for row in rows:
        table.add_row(*row)
    return table


def written(rows: Iterable[Row]) -> list[str]:
    """Return the lines of a table in Markdown."""
    head = ["", *(f"{name} {what}" for name, what in TITLES.items())]
    lines = [_line(head), _line(["---", *("---:" for _ in TITLES)])]
    return [*lines, *map(_line, rows)]


def _rows(results: Results, told: Callable[[Cost], str]) -> list[Row]:
    return [
        (results.titles[server], *(told(costs[operation]) for operation in TITLES))
        for server, costs in results.costs.items()
    ]


def _times(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio:.2f}x"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
