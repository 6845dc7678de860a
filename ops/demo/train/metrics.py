"""The metrics of the demo: what their names mean, and how a classifier or a regressor is scored."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from ops.demo.recording import Direction
from ops.demo.train.data import Dataset, Part

METRICS: Final[dict[str, tuple[str | None, Direction]]] = {
    "accuracy": (None, "MAXIMIZE"),
    "best_accuracy": (None, "MAXIMIZE"),
    "confidence": (None, "NONE"),
    "epoch_duration": ("ms", "MINIMIZE"),
    "f1": (None, "MAXIMIZE"),
    "latency": ("ms", "MINIMIZE"),
    "loss": (None, "MINIMIZE"),
    "mae": ("points", "MINIMIZE"),
    "r2": (None, "MAXIMIZE"),
    "rmse": ("points", "MINIMIZE"),
    "roc_auc": (None, "MAXIMIZE"),
    "rows": ("rows", "NONE"),
    "tree_nodes": ("nodes", "NONE"),
}

# As is usual for a mean over rows: one confident mistake must not hide all the others.
LEAST: Final = 1e-15


def score(model: Any, part: Part, data: Dataset) -> dict[str, float]:
    """Score a fitted model on a part of its data set; a model that has diverged scores infinity or NaN."""
    if data.classes:
        return classification_scores(np.asarray(model.predict_proba(part.x), dtype=np.float64), part.y)
    return regression_scores(np.asarray(model.predict(part.x), dtype=np.float64), part.y)


def classification_scores(probabilities: NDArray[np.float64], truth: NDArray[Any]) -> dict[str, float]:
    """Mean cross-entropy in nats, accuracy and macro F1; no true class counts as less likely than 1e-15."""
    predicted = probabilities.argmax(axis=1)
    return {
        "loss": float(-np.log(np.clip(probabilities[np.arange(len(truth)), truth], LEAST, 1)).mean()),
        "accuracy": float((predicted == truth).mean()),
        "f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
    }


def regression_scores(predicted: NDArray[np.float64], truth: NDArray[Any]) -> dict[str, float]:
    """Mean squared error as the loss, its root, the mean absolute error and the share of variance explained."""
    error = predicted - truth
    squared = float((error**2).mean())
    return {
        "loss": squared,
        "rmse": float(np.sqrt(squared)),
        "mae": float(np.abs(error).mean()),
        "r2": float(1 - squared / truth.var()),
    }
