"""How commands show rows and moments on a terminal and in a pipe."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED: Final = 240
"""Characters a line where nothing says how wide a line is."""
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

Cell = str | Text


def console() -> Console:
    """Return the terminal; a pipe has no width, and the rows of a table that is read by programs are lines."""
    made = Console(highlight=False)
    made.width = made.width if made.is_terminal else PIPED
    return made


def show(titles: Sequence[str], lines: Sequence[Sequence[Cell]]) -> None:
    """Print a table; texts are shown as they are, whatever stands in them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in line))
    console().print(table)


def moment(text: str | None, *, otherwise: str = "never") -> str:
    """Return a moment as the schema tells it, to the minute and in UTC."""
    return otherwise if text is None else f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"


def lasting(began: str | None, ended: str | None) -> str:
    """Return how long something took, or has taken so far: nothing when it has not begun."""
    if began is None:
        return ""
    end = datetime.now(UTC) if ended is None else datetime.fromisoformat(ended)
    return span(end - datetime.fromisoformat(began))


def span(time: timedelta) -> str:
    """Return a length of time in its two largest units."""
    left = max(time.total_seconds(), 0.0)
    if left < _UNITS[2][1]:
        return f"{left:.1f} s"
    parts = []
    for unit, seconds in _UNITS:
        if left >= seconds:
            parts.append(f"{int(left // seconds)} {unit}")
            left %= seconds
    return " ".join(parts[:2])
