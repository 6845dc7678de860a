"""The plots of a report, as SVG: what happened over time, with the phases in the background."""

import io
from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from loadtests.analysis.latency import over_time, percentiles
from loadtests.analysis.numbers import number
from loadtests.analysis.reading import Run, rates
from loadtests.slo import GENERATOR_LAG_P95_MS, P95_MS, P99_MS

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072b2", "#e69f00", "#009e73", "#c1272d", "#9467bd", "#8a8f98"
COLOURS: Final = {"server": BLUE, "postgres": GREEN, "generator": ORANGE, "bare": PURPLE}
STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "loadtests",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#6b7280",
    "axes.labelcolor": "#374151",
    "xtick.color": "#374151",
    "ytick.color": "#374151",
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
WIDTH, HEIGHT = 9.2, 3.0
SPANS: Final = 240
"""About so many points a line has."""
CROWDED: Final = 0.06
"""A phase that takes a smaller part of the time has its name turned."""
LEGEND: Final = {"loc": "upper left", "bbox_to_anchor": (1.005, 1.0), "borderaxespad": 0.0}
JUDGED: Final = "#e8f1fd"
MB: Final = 1e6


def latency(run: Run) -> str:
    """Draw the percentiles of the answer times over time."""
    figure, axes = _figure()
    spans = over_time(run.asked, _every_s(run))
    for name, colour in (("p50_ms", GREEN), ("p95_ms", BLUE), ("p99_ms", PURPLE)):
        axes.plot(spans.index, spans[name], color=colour, linewidth=1.6, label=f"{name[1:3]} of 100")
    for bound, colour in ((P95_MS, BLUE), (P99_MS, PURPLE)):
        axes.axhline(bound, color=colour, linewidth=0.9, linestyle=(0, (4, 3)), label=f"goal: {bound:,.0f} ms")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_ylabel("answered within, ms")
    return _done(run, figure, [axes])


def throughput(run: Run) -> str:
    """Draw what was due, answered and failed a second."""
    figure, axes = _figure()
    spans = over_time(run.asked, _every_s(run))
    moments, due = _due(run)
    if np.isfinite(due).any():
        axes.plot(moments, due, color="#374151", linewidth=1.1, linestyle=(0, (4, 2)), label="due")
    axes.plot(spans.index, spans.answered, color=BLUE, linewidth=1.6, label="answered")
    if spans.failed.any():
        axes.fill_between(spans.index, spans.failed, color=RED, alpha=0.6, linewidth=0, label="failed or refused")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("requests a second")
    return _done(run, figure, [axes])


def processors(run: Run) -> str:
    """Draw which cores who used, and how late the generator's loop came to what was due."""
    figure, (axes, below) = _figures(2, [2, 1])
    shares, index = [], None
    for name in ("server", "postgres", "generator", "bare"):
        if run.machine[f"{name}_cpu_s"].notna().sum() > 1:
            shares.append((name, rates(run.machine, f"{name}_cpu_s").fillna(0).clip(lower=0)))
            index = shares[-1][1].index
    if index is not None:
        total = rates(run.machine, "machine_cpu_s")
        others = (total - sum(share for _, share in shares)).clip(lower=0)
        names = {"server": "server", "postgres": "PostgreSQL", "generator": "generator", "bare": "bare application"}
        axes.stackplot(
            index,
            *[share for _, share in shares],
            others,
            labels=[*(names[name] for name, _ in shares), "everything else"],
            colors=[
                *(COLOURS[name] for name, _ in shares),
                "#d1d5db",
            ],
            linewidth=0,
        )
    axes.axhline(run.facts["cores"], color="#374151", linewidth=0.9, linestyle=(0, (4, 3)), label="all cores")
    axes.set_ylim(0, run.facts["cores"] * 1.08)
    axes.set_ylabel("cores in use")
    if len(run.generator):
        below.plot(
            run.generator["at"], run.generator.lag_p95_ms, color=ORANGE, linewidth=1.2, label="generator, 95 of 100"
        )
        below.axhline(GENERATOR_LAG_P95_MS, color="#374151", linewidth=0.9, linestyle=(0, (4, 3)), label="its limit")
        below.set_ylim(0, max(2 * GENERATOR_LAG_P95_MS, float(run.generator.lag_p95_ms.quantile(0.98)) * 1.1))
    below.set_ylabel("lag, ms")
    return _done(run, figure, [axes, below])


def memory(run: Run) -> str:
    """Draw the resident memory of the server, and its open files."""
    figure, (axes, below) = _figures(2, [2, 1])
    machine = run.machine
    axes.plot(machine["at"], machine.server_rss_bytes / MB, color=BLUE, linewidth=1.6, label="resident memory")
    axes.set_ylabel("MB")
    axes.margins(y=0.25)
    below.plot(machine["at"], machine.server_fds, color=GREEN, linewidth=1.4, label="open files")
    below.plot(machine["at"], machine.server_threads, color=GREY, linewidth=1.4, label="threads")
    if machine.server_tasks.notna().any():
        tasks = machine.dropna(subset=["server_tasks"])
        below.plot(tasks["at"], tasks.server_tasks, color=ORANGE, linewidth=1.4, label="tasks")
    below.set_ylim(bottom=0)
    below.set_ylabel("count")
    return _done(run, figure, [axes, below])


def operations(run: Run) -> str:
    """Draw the percentiles of each operation of the phase that is judged."""
    lines = run.during(run.asked, run.judged)
    groups = sorted(lines.groupby(["name", "via"]), key=lambda one: percentiles(one[1].total_ms)["p95_ms"])
    figure, axes = _figure(0.9 + 0.33 * len(groups))
    for place, ((_, _), group) in enumerate(groups):
        found = percentiles(group.total_ms)
        axes.plot([found["p50_ms"], found["p99_ms"]], [place, place], color="#cbd5e1", linewidth=5, zorder=1)
        for name, colour in (("p50_ms", GREEN), ("p95_ms", BLUE), ("p99_ms", PURPLE)):
            label = f"{name[1:3]} of 100" if place == 0 else None
            axes.scatter(found[name], place, color=colour, s=34, zorder=2, label=label)
    axes.set_yticks(range(len(groups)), [f"{name}, {via}" for (name, via), _ in groups])
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_xlabel("answered within, ms")
    axes.legend(**LEGEND)
    return _svg(figure)


def spread(run: Run) -> str:
    """Draw how many of the sockets were told of each change after how long."""
    figure, axes = _figure()
    changes = run.events[run.events.name.str.startswith("Change") & (run.events.error == "")]
    for place, (name, group) in enumerate(changes.groupby("name")):
        times = np.sort(group.ms.to_numpy(float)) / 1000
        colour = (BLUE, GREEN, ORANGE, PURPLE, GREY)[place % 5]
        axes.plot(times, np.arange(1, len(times) + 1), linewidth=1.6, color=colour, label=str(name).lower())
    axes.axvline(1, color="#374151", linewidth=0.9, linestyle=(0, (4, 3)), label="goal: 1 s")
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds since the mutation was sent")
    axes.set_ylabel("sockets that were told")
    axes.legend(**LEGEND)
    return _svg(figure)


def plots_of(run: Run) -> list[tuple[str, str]]:
    """Return the plots that tell something of a run, each with its title."""
    wanted: list[tuple[str, Callable[[Run], str]]] = [
        ("How long answers took", latency),
        ("How many there were", throughput),
    ]
    if run.facts["scenario"] == "sockets":
        wanted = [("How soon the sockets were told", spread)]
    wanted.append(("Who used the processor", processors))
    if run.machine.server_rss_bytes.notna().any():
        wanted.append(("What the server held", memory))
    if run.facts["scenario"] != "sockets":
        wanted.append(("Operation by operation, in the phase that is judged", operations))
    with mpl.rc_context(STYLE):
        return [(title, draw(run)) for title, draw in wanted]


def _every_s(run: Run) -> float:
    """Return spans of at least a second, few enough to be seen."""
    return max(1.0, float(np.ceil(run.phases[-1]["ended"] / SPANS)))


def _due(run: Run) -> tuple[list[float], np.ndarray[Any, Any]]:
    """Return the rate that was due over time; no number where it was as fast as answers came."""
    moments: list[float] = []
    values: list[float] = []
    for phase in run.phases:
        moments += [phase["began"], phase["ended"]]
        values += [float("nan") if phase["rate"] is None else phase["rate"]] * 2
    return moments, np.array(values, dtype=float)


def _figure(height: float = HEIGHT) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _figures(rows: int, heights: list[int]) -> tuple[Figure, Any]:
    figure = Figure(figsize=(WIDTH, 1.45 * HEIGHT), layout="constrained")
    return figure, figure.subplots(rows, 1, sharex=True, height_ratios=heights)


def _done(run: Run, figure: Figure, panels: list[Axes]) -> str:
    """Put the phases behind the panels, their names above the first one, and return the SVG."""
    end = run.phases[-1]["ended"]
    for axes in panels:
        axes.set_xlim(0, end)
        for place, phase in enumerate(run.phases):
            colour = JUDGED if phase["is_judged"] else ("#f3f4f6" if place % 2 else "#ffffff")
            axes.axvspan(phase["began"], phase["ended"], color=colour, zorder=0, linewidth=0)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(**LEGEND)
    for phase in run.phases:
        is_narrow = phase["ended"] - phase["began"] < CROWDED * end * (1 + len(phase["name"]) / 8)
        panels[0].text(
            (phase["began"] + phase["ended"]) / 2,
            1.02,
            phase["name"],
            transform=panels[0].get_xaxis_transform(),
            rotation=55 if is_narrow else 0,
            ha="left" if is_narrow else "center",
            va="bottom",
            fontsize=7.5,
            color="#4b5563",
        )
    panels[-1].set_xlabel("seconds")
    return _svg(figure)


def _svg(figure: Figure) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    return text[text.index("<svg") :]
