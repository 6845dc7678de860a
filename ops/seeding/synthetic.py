"""Made-up training runs that behave like real ones: what a run's settings are decides how well it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from maestro.db.tables.enums import MetricDirection, RunKind, RunStatus

S = TypeVar("S", RunKind, RunStatus)

LOSS: Final = "loss"
METRICS: Final[dict[str, tuple[str | None, MetricDirection]]] = {
    LOSS: (None, MetricDirection.MINIMIZE),
    "accuracy": (None, MetricDirection.MAXIMIZE),
    "f1": (None, MetricDirection.MAXIMIZE),
    "precision": (None, MetricDirection.MAXIMIZE),
    "recall": (None, MetricDirection.MAXIMIZE),
    "latency": ("ms", MetricDirection.MINIMIZE),
    "memory": ("MB", MetricDirection.MINIMIZE),
    "throughput": ("samples/s", MetricDirection.MAXIMIZE),
}
"""Unit and direction of each metric; the loss is logged at every epoch, the others once, after the last."""

_EPOCHS: Final = (36, 50)
"""43 on average: with the seven metrics that have one point, 50 points a run."""
_START_LOSS: Final = 2.303
_CHANCE: Final = 0.1
"""The loss and the accuracy of guessing one of ten classes."""
_TOLERANCE: Final = 2
"""By how many orders of magnitude the best learning rate may be exceeded before training may diverge."""
_DEEP: Final = 7
_MODELS: Final = ("mlp", "convnet", "resnet", "transformer", "boosting")
_OPTIMIZERS: Final = ("adam", "adamw", "sgd", "rmsprop")
_TEAMS: Final = ("vision", "language", "forecasting", "ranking")
_KINDS: Final = {RunKind.TRAINING: 0.88, RunKind.TUNING: 0.09, RunKind.EVALUATION: 0.03}
_OUTCOMES: Final = {RunStatus.FINISHED: 0.96, RunStatus.KILLED: 0.03, RunStatus.LOST: 0.01}
_REASONS: Final = {
    RunStatus.FAILED: "The loss is not finite.",
    RunStatus.KILLED: "Stopped to free the machine.",
    RunStatus.LOST: "No heartbeat.",
}


@dataclass(frozen=True, slots=True)
class Training:
    """What one run was given and what came of it; `losses` has one value an epoch, NaN once training has diverged."""

    kind: RunKind
    status: RunStatus
    status_reason: str | None
    tags: dict[str, str]
    params: dict[str, Any]
    epoch_ms: int
    losses: NDArray[np.float64]
    finals: dict[str, float]


def trainings(rng: np.random.Generator, count: int) -> list[Training]:
    """Make up the runs of one project, which share how hard their problem is."""
    problem = _Problem(rng=rng, best_rate=rng.uniform(-3.5, -1.5), ceiling=rng.uniform(0.75, 0.99))
    return [problem.training() for _ in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """What a project works on: the decimal logarithm of the best learning rate, and the accuracy it leads to."""

    rng: np.random.Generator
    best_rate: float
    ceiling: float

    def training(self) -> Training:
        rng, rate = self.rng, self.rng.uniform(-5, 0)
        has_diverged = rng.random() < rate - self.best_rate - _TOLERANCE
        accuracy = _CHANCE if has_diverged else self._accuracy(rate)
        params = self._params(rate)
        status = RunStatus.FAILED if has_diverged else _chosen(rng, _OUTCOMES)
        return Training(
            kind=_chosen(rng, _KINDS),
            status=status,
            status_reason=_REASONS.get(status),
            tags={"team": str(rng.choice(_TEAMS)), "depth": "deep" if params["layers"] >= _DEEP else "shallow"},
            params=params,
            epoch_ms=int(rng.lognormal(9, 0.7)),
            losses=self._losses(params["epochs"], accuracy, has_diverged=has_diverged),
            finals=self._finals(accuracy, params),
        )

    def _accuracy(self, rate: float) -> float:
        """Best at the best learning rate, worse on either side."""
        missed_by = (rate - self.best_rate) / 2.5
        return float(np.clip(self.ceiling - 0.4 * missed_by**2 + self.rng.normal(0, 0.015), _CHANCE, 0.999))

    def _params(self, rate: float) -> dict[str, Any]:
        rng = self.rng
        return {
            "model": str(rng.choice(_MODELS)),
            "optimizer": str(rng.choice(_OPTIMIZERS)),
            "learning_rate": float(f"{10**rate:.3g}"),
            "batch_size": int(2 ** rng.integers(4, 10)),
            "epochs": int(rng.integers(*_EPOCHS, endpoint=True)),
            "dropout": round(rng.uniform(0, 0.5), 2),
            "weight_decay": float(f"{10 ** rng.uniform(-6, -2):.2g}"),
            "layers": int(rng.integers(1, 13)),
            "augment": bool(rng.integers(2)),
            "seed": int(rng.integers(10_000)),
        }

    def _losses(self, epochs: int, accuracy: float, *, has_diverged: bool) -> NDArray[np.float64]:
        """Fall from chance to what the accuracy is worth, with noise."""
        floor = -np.log(accuracy)
        fall = np.exp(-np.arange(epochs) * self.rng.uniform(0.05, 0.25))
        noise = self.rng.lognormal(0, 0.02, epochs)
        losses: NDArray[np.float64] = np.round((floor + (_START_LOSS - floor) * fall) * noise, 5)
        if has_diverged:
            losses[self.rng.integers(2, epochs) :] = np.nan
        return losses

    def _finals(self, accuracy: float, params: dict[str, Any]) -> dict[str, float]:
        precision, recall = np.clip(accuracy + self.rng.normal(0, 0.02, 2), 0.01, 1)
        latency = 0.4 * params["layers"] * self.rng.lognormal(0, 0.2)
        values = {
            "accuracy": accuracy,
            "f1": 2 * precision * recall / (precision + recall),
            "precision": precision,
            "recall": recall,
            "latency": latency,
            "memory": 200 + 30.0 * params["layers"] + 1.5 * params["batch_size"],
            "throughput": 1000 * params["batch_size"] ** 0.5 / latency,
        }
        return {name: round(float(value), 4) for name, value in values.items()}


def _chosen(rng: np.random.Generator, shares: Mapping[S, float]) -> S:
    return list(shares)[rng.choice(len(shares), p=list(shares.values()))]
