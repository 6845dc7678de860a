"""A measured figure and the table that shows it beside its goal."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

WIDTH = 120


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and the least or the most that it should be."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_reached(self) -> bool:
        """Say whether the goal is reached; a figure without a goal is told for its own sake."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.at_most is not None:
            return f"≤ {number(self.at_most)} {self.unit}"
        return f"≥ {number(self.at_least)} {self.unit}" if self.at_least is not None else ""


def number(value: float) -> str:
    """Return a number as people read it: three significant digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 -- from 100 on no decimals


def show(title: str, figures: list[Figure]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    table.add_column("measured", justify="right")
    table.add_column("goal", justify="right")
    table.add_column("")
    for figure in figures:
        mark = "" if not figure.goal else "[green]reached[/]" if figure.is_reached else "[bold red]missed[/]"
        table.add_row(figure.name, f"{number(figure.value)} {figure.unit}", figure.goal, mark)
    console = Console(highlight=False, width=WIDTH)
    console.print()
    console.print(table)
