"""The training loop that scripts share: advance a model by one step, score it, and stop when it has diverged."""

import time
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from ops.demo.train.data import Dataset
from ops.demo.train.metrics import score
from ops.demo.train.runs import Diverged, OverBudget, RunRecorder

Advance: TypeAlias = Callable[[int], object]
Judge: TypeAlias = Callable[[int, dict[str, float]], str | None]

PATIENCE = 5


def by_epoch(model: Any, data: Dataset, *, seed: int) -> Advance:
    """A step is one pass over the training rows, in an order drawn anew each time."""
    rng = np.random.default_rng(seed)
    arguments = {"classes": np.arange(len(data.classes))} if data.classes else {}

    def advance(_: int) -> None:
        order = rng.permutation(len(data.train.y))
        model.partial_fit(data.train.x[order], data.train.y[order], **arguments)

    return advance


def by_tree(model: Any, data: Dataset) -> Advance:
    """Step n is the ensemble of n trees, grown from the one before; the model must have `warm_start` set."""
    return lambda trees: model.set_params(n_estimators=trees).fit(data.train.x, data.train.y)


def train(
    run: RunRecorder, model: Any, data: Dataset, *, advance: Advance, steps: Iterable[int], judge: Judge | None = None
) -> dict[str, float]:
    """Train through the steps, logging each, and answer the last validation scores.

    Raises Diverged when a step cannot be computed or the loss was not finite for five steps in a row, and OverBudget
    with the reason that `judge` gave for a step and its validation scores.
    """
    run.configure(model)
    scores: dict[str, float] = {}
    wild = 0
    with np.errstate(all="ignore"):
        for step in steps:
            scores = _step(run, model, data, advance=advance, step=step)
            wild = 0 if isfinite(scores["loss"]) else wild + 1
            if wild == PATIENCE:
                raise Diverged(f"the validation loss was not finite for {PATIENCE} steps, up to step {step}")
            if judge and (reason := judge(step, scores)):
                raise OverBudget(reason)
    return scores


def _step(run: RunRecorder, model: Any, data: Dataset, *, advance: Advance, step: int) -> dict[str, float]:
    began = time.perf_counter()
    try:
        advance(step)
    except ValueError as error:
        raise Diverged(f"step {step}: {error}") from error
    run.log(step, {"epoch_duration": (time.perf_counter() - began) * 1000})
    run.log(step, score(model, data.train, data), split="train")
    scores = score(model, data.val, data)
    run.log(step, scores, split="val")
    return scores
