"""Handwritten digits as a stream: one image, one update, one point; half way the images are turned by 90 degrees."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ops.demo.train.data import Dataset
from ops.demo.train.metrics import classification_scores
from ops.demo.train.runs import RunRecorder
from ops.demo.train.session import Session

SIDE, CLASSES = 8, 10
CHECK_EVERY = 500
RUNS = ((0.02, 0.0, 240_000), (0.02, 1e-3, 20_000), (0.2, 0.0, 20_000), (50.0, 0.0, 2_000))


@dataclass
class OnlineSoftmax:
    """Multinomial logistic regression that learns from one sample at a time by stochastic gradient descent."""

    rate: float
    decay: float
    updates: int = 0
    weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros((CLASSES, SIDE * SIDE + 1)))

    def learn(self, x: NDArray[np.float64], label: int) -> float:
        """Learn, and answer the loss in nats before learning: infinite when the true class was ruled out."""
        logits = self.weights @ x
        odds = np.exp(logits - logits.max())
        gradient = odds / odds.sum()
        loss = float(np.log(1 / gradient[label]))
        gradient[label] -= 1
        self.weights -= (self.rate / (1 + self.decay * self.updates)) * gradient[:, None] * x
        self.updates += 1
        return loss

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        logits = x @ self.weights.T
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def record(session: Session, project: str, data: Dataset) -> None:
    """Learn from streams of different lengths and rates; the first is the long one."""
    experiment = session.experiment(
        project,
        "digits-online-learning",
        path="online/drift",
        name="Online learning under drift",
        description="A linear model learns from a stream, a point an update. Half way all images are turned.",
        entrypoint="ops/demo/train/streaming.py",
    )
    for rate, decay, updates in RUNS:
        params = {
            "model": "softmax",
            "learning_rate": rate,
            "decay": decay,
            "updates": updates,
            "drift_at": updates // 2,
        }
        with experiment.run(f"online lr {rate:g} decay {decay:g}", params, inputs=(data.version,)) as run:
            run.tags["stream"] = "drift"
            run.notes = f"## Drift\n\nFrom update **{updates // 2:,}** on, the images arrive turned by 90 degrees.\n"
            with np.errstate(all="ignore"):
                _stream(run, OnlineSoftmax(rate, decay), data, updates=updates)


def _stream(run: RunRecorder, model: OnlineSoftmax, data: Dataset, *, updates: int) -> None:
    rng = np.random.default_rng(0)
    loss = run.track("loss", split="stream")
    upright, turned = (_images(part, turns) for part in (data.train.x,) for turns in (0, 1))
    held_out = _images(data.val.x, 0), _images(data.val.x, 1)
    for update in range(updates):
        drifted = update >= updates // 2
        row = int(rng.integers(len(data.train.y)))
        loss.add(update, model.learn((turned if drifted else upright)[row], data.train.y[row]))
        if update % CHECK_EVERY == CHECK_EVERY - 1:
            scores = classification_scores(model.predict_proba(held_out[drifted]), data.val.y)
            run.log(update, scores, split="val")


def _images(rows: NDArray[Any], turns: int) -> NDArray[np.float64]:
    """Turn the images by quarter turns, and add a constant feature for the bias."""
    images = np.rot90(rows.reshape(-1, SIDE, SIDE), turns, axes=(1, 2)).reshape(-1, SIDE * SIDE)
    return np.hstack([images, np.ones((len(images), 1))]).astype(np.float64)
