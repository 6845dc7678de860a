"""Handwritten digits: a random search for a network, whose trials are child runs that may run out of budget."""

from statistics import median
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from ops.demo.train.loop import Judge, by_epoch, train
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.reports import report
from ops.demo.train.runs import RunRecorder
from ops.demo.train.session import ExperimentRecorder, Session

TRIALS, EPOCHS, GRACE, RUNG = 40, 24, 10, 8
SHAPES = ([32], [48], [64], [64, 32])
SPACE = {
    "learning_rate": {"log_uniform": [3e-4, 3e-2]},
    "alpha": {"log_uniform": [1e-6, 1e-1]},
    "batch_size": {"choice": [16, 32, 64, 128]},
    "hidden_layer_sizes": {"choice": list(SHAPES)},
}


def record(session: Session, model: ModelRecorder) -> None:
    """Search; a trial past its grace period is stopped when it is worse than the median trial was at that epoch."""
    experiment = session.experiment(
        model.about.project,
        "digits-mlp-tuning",
        path="networks/tuning",
        name="MLP random search",
        description="Forty networks drawn at random; a trial that does worse than the median one gets no more budget.",
        entrypoint="ops/demo/train/tuning.py",
    )
    params = {"trials": TRIALS, "epochs": EPOCHS, "pruner": "median", "space": SPACE, "seed": 7}
    with experiment.run("random search", params, kind="TUNING", inputs=(model.data.version,)) as search:
        rng = np.random.default_rng(7)
        at_rung: list[float] = []
        for trial in range(1, TRIALS + 1):
            child = _trial(experiment, model, search, params=_draw(rng), at_rung=at_rung)
            if child.status == "FINISHED":
                search.log(trial, {"accuracy": child.tracks["accuracy", "split", "val"].values[-1]}, split="val")
            finished = search.track("accuracy", split="val").values
            search.log(trial, {"best_accuracy": max(finished)}, split="val")
        search.notes = f"## Result\n\nBest of {TRIALS} trials: **{max(finished):.2%}** on validation data.\n"
    model.promote()


def _draw(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "model": "mlp",
        "learning_rate": float(f"{10 ** rng.uniform(-3.5, -1.5):.3g}"),
        "alpha": float(f"{10 ** rng.uniform(-6, -1):.3g}"),
        "batch_size": int(rng.choice([16, 32, 64, 128])),
        "hidden_layer_sizes": SHAPES[rng.integers(len(SHAPES))],
        "seed": int(rng.integers(1000)),
    }


def _trial(
    experiment: ExperimentRecorder,
    model: ModelRecorder,
    search: RunRecorder,
    *,
    params: dict[str, Any],
    at_rung: list[float],
) -> RunRecorder:
    name = f"trial {experiment.count}"
    with experiment.run(name, params, inputs=(model.data.version,), parent=search) as run:
        network = MLPClassifier(
            tuple(params["hidden_layer_sizes"]),
            learning_rate_init=params["learning_rate"],
            alpha=params["alpha"],
            batch_size=params["batch_size"],
            random_state=params["seed"],
        )
        advance = by_epoch(network, model.data, seed=params["seed"])
        steps = range(1, EPOCHS + 1)
        scores = train(run, network, model.data, advance=advance, steps=steps, judge=_pruner(at_rung))
        report(run, network, model.data)
        model.offer(run, network, scores)
    return run


def _pruner(at_rung: list[float]) -> Judge:
    """Judge a trial once, at the rung, against the trials before it; the first ones are let through."""

    def judge(epoch: int, scores: dict[str, float]) -> str | None:
        if epoch != RUNG:
            return None
        at_rung.append(scores["loss"])
        middle = median(at_rung)
        if len(at_rung) <= GRACE or scores["loss"] <= 2 * middle:
            return None
        return f"out of budget at epoch {RUNG}: loss {scores['loss']:.4f}, more than twice the median {middle:.4f}"

    return judge
