"""Draws the pictures that runs keep: a confusion matrix, and predictions against the truth; small PNG files."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

INK, MUTED, ACCENT = "#1b2540", "#6b7690", "#2f6fed"
SHADES = LinearSegmentedColormap.from_list("shades", ["#f3f6fc", "#b9d0fb", "#5c92f4", "#1f4fc4", "#12296b"])
DARK_FROM = 0.45
MANY_CLASSES = 5
DOTS_PER_INCH = 130
COLOURS = 40


def confusion_matrix(counts: NDArray[Any], labels: Sequence[str], *, title: str, subtitle: str) -> bytes:
    """Draw counts[truth, predicted], each row shaded by its shares, as a PNG."""
    figure, axes = _canvas(title, subtitle)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    few = len(labels) < MANY_CLASSES
    size = 14 if few else 9
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > DARK_FROM else INK
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=size)
    ticks = np.arange(len(labels))
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels, rotation=90 if few else 0, va="center")
    axes.set_xticks(ticks[1:] - 0.5, minor=True)
    axes.set_yticks(ticks[1:] - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return _png(figure)


def predicted_against_true(predicted: NDArray[Any], truth: NDArray[Any], *, title: str, subtitle: str) -> bytes:
    """Draw one dot a row over the diagonal of perfect predictions, as a PNG."""
    figure, axes = _canvas(title, subtitle)
    low, high = min(predicted.min(), truth.min()), max(predicted.max(), truth.max())
    axes.axline((low, low), (high, high), color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.scatter(truth, predicted, s=22, color=ACCENT, alpha=0.55, linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(color="#e6eaf3", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")
    return _png(figure)


def _canvas(title: str, subtitle: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 4.5), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.17, 0.12, 0.78, 0.74))
    axes.spines[:].set_visible(False)
    axes.tick_params(labelsize=9, labelcolor=MUTED)
    axes.xaxis.label.set(color=MUTED, fontsize=9.5)
    axes.yaxis.label.set(color=MUTED, fontsize=9.5)
    figure.text(0.04, 0.94, title, color=INK, fontsize=11.5, fontweight="bold")
    figure.text(0.04, 0.895, subtitle, color=MUTED, fontsize=9)
    return figure, axes


def _png(figure: Figure) -> bytes:
    """Render with a palette: flat shades need few colours, and the file is a third of the size."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    reduced = io.BytesIO()
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(reduced, "png", optimize=True)
    return reduced.getvalue()
