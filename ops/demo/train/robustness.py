"""Handwritten digits: every version of the network on test images under growing noise, and how fast it answers."""

import time

import numpy as np

from ops.demo.train.metrics import classification_scores
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.reports import report
from ops.demo.train.session import ExperimentRecorder, Session

NOISE_PERCENT = range(0, 201, 5)
BATCHES, BATCH_ROWS = 300, 64


def record(session: Session, model: ModelRecorder) -> None:
    """Evaluate each version on the test rows, then time the champion."""
    experiment = session.experiment(
        model.about.project,
        "digits-robustness",
        path="networks/evaluation",
        name="Robustness to noise",
        description="Test accuracy while noise grows to twice the spread of the pixels; and the time to answer.",
        entrypoint="ops/demo/train/robustness.py",
    )
    for number in model.estimators:
        _evaluate(experiment, model, number)
    _measure_latency(experiment, model)


def _evaluate(experiment: ExperimentRecorder, model: ModelRecorder, number: int) -> None:
    version, network = model.versions[number - 1], model.estimators[number]
    params = {"model_version": number, "noise_seed": 0, "noise_percent": list(NOISE_PERCENT)}
    inputs = (model.data.version, version.artifact_version)
    with experiment.run(f"version {number} on test", params, kind="EVALUATION", inputs=inputs) as run:
        run.configure(network)
        noise = np.random.default_rng(0).standard_normal(model.data.test.x.shape).astype(np.float32)
        for percent in NOISE_PERCENT:
            probabilities = network.predict_proba(model.data.test.x + noise * np.float32(percent / 100))
            run.log(percent, classification_scores(probabilities, model.data.test.y), split="test")
            run.log(percent, {"confidence": float(probabilities.max(axis=1).mean())}, split="test")
        report(run, network, model.data, part="test")


def _measure_latency(experiment: ExperimentRecorder, model: ModelRecorder) -> None:
    number = model.moves["champion"][-1].version
    network, rows = model.estimators[number], model.data.test.x[:BATCH_ROWS]
    params = {"model_version": number, "batches": BATCHES, "batch_rows": BATCH_ROWS}
    inputs = (model.data.version, model.versions[number - 1].artifact_version)
    with experiment.run(f"latency of version {number}", params, kind="INFERENCE", inputs=inputs) as run:
        run.configure(network)
        for batch in range(BATCHES):
            began = time.perf_counter()
            network.predict_proba(rows)
            run.log(batch, {"latency": (time.perf_counter() - began) * 1000})
