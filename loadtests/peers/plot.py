"""The plot of a comparison: processor time of a request by server, an operation a panel."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from loadtests.analysis.numbers import number
from loadtests.peers.operations import TITLES
from loadtests.peers.results import Results
from loadtests.report.plots import BLUE, GREY, STYLE

WIDTH, HEAD, ROW = 9.2, 0.9, 0.27
COLUMNS: Final = 2
SHADES: Final = {"ours": BLUE, "ours-kept": "#7fb3d8"}


def draw(results: Results, folder: Path) -> None:
    """Write `plot.svg` and `plot.png` into a folder."""
    rows = -(-len(TITLES) // COLUMNS)
    with mpl.rc_context(STYLE):
        height = rows * (HEAD + ROW * len(results.costs))
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        panels = figure.subplots(rows, COLUMNS, sharey=True).flat
        for axes, operation in zip(panels, TITLES, strict=False):
            _panel(axes, results, operation)
        for axes in [*figure.axes][len(TITLES) :]:
            _explain(axes)
        figure.axes[0].invert_yaxis()
        figure.savefig(folder / "plot.svg", metadata={"Date": None, "Creator": None})
        figure.savefig(folder / "plot.png", dpi=140, metadata={"Software": None})


def _panel(axes: Axes, results: Results, operation: str) -> None:
    costs = {server: found[operation] for server, found in results.costs.items()}
    for place, (server, cost) in enumerate(costs.items()):
        colour = SHADES.get(server, GREY)
        # Dots: the length of a bar means nothing where there is no zero.
        axes.plot([cost.least, cost.most], [place, place], color=colour, linewidth=5, alpha=0.35, zorder=2)
        axes.scatter(cost.cpu_ms, place, color=colour, s=40, zorder=3)
        told = number(cost.cpu_ms) + ("" if cost.ratio is None else f" ({cost.ratio:.2f}x)")
        axes.annotate(told, (cost.most, place), (8, 0), textcoords="offset points", va="center", fontsize=7.5)
    axes.set_xscale("log")
    axes.set_xlim(min(cost.least for cost in costs.values()) / 1.5, 9 * max(cost.most for cost in costs.values()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(costs)), [results.titles[server] for server in costs], fontsize=8)
    axes.set_title(f"{operation}: {TITLES[operation]}", loc="left", fontsize=9, fontweight="bold")


def _explain(axes: Any) -> None:
    axes.axis("off")
    axes.text(
        0,
        0.9,
        "Processor time of a request, in ms, of server and\n"
        "PostgreSQL together; less is better, and the scale is\n"
        "logarithmic. A dot is the median of all rounds, the bar\n"
        "behind it goes from the best to the worst. In brackets,\n"
        "how many times that of Maestro, executed.",
        va="top",
        fontsize=8,
        color="#374151",
        linespacing=1.4,
        transform=axes.transAxes,
    )
