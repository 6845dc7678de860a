"""Handwritten digits: a sweep of learning rates for small neural networks."""

from itertools import product

from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from ops.demo.train.loop import by_epoch, train
from ops.demo.train.preparation import prepare
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.reports import report
from ops.demo.train.session import ExperimentRecorder, Session

PROJECT = "handwritten-digits"
ENTRYPOINT = "ops/demo/train/digits.py"
EPOCHS = 30
LAYERS = ([32], [64], [64, 32])
RATES = {"sgd": (0.003, 0.01, 0.03, 0.1, 0.3, 100.0), "adam": (0.0003, 0.001, 0.003, 0.01, 0.03)}


def record(session: Session) -> ModelRecorder:
    """Make the project, prepare its data set and run the sweep; answers the networks' registered model."""
    project = session.project(PROJECT, "Handwritten digits", "Which digit is written in an image of 8 by 8 pixels?")
    experiment = session.experiment(
        project,
        "digits-mlp-learning-rate",
        path="networks/learning-rate",
        name="MLP learning rate",
        description="How fast may a small network learn? Two optimisers, three shapes, rates from timid to absurd.",
        entrypoint=ENTRYPOINT,
    )
    data = prepare(
        experiment,
        load_digits(),
        name="digits",
        title="Handwritten digits",
        source="Test part of *Optical Recognition of Handwritten Digits* (Alpaydin and Kaynak, UCI, 1998; CC BY 4.0).",
    )
    model = session.model(
        project,
        "digit-network",
        data=data,
        metric="accuracy",
        description="A small neural network that reads handwritten digits.",
    )
    for solver, layers, seed in product(RATES, LAYERS, (0, 1)):
        for rate in RATES[solver]:
            _train(experiment, model, layers=layers, solver=solver, rate=rate, seed=seed)
    model.promote()
    return model


def _train(
    experiment: ExperimentRecorder, model: ModelRecorder, *, layers: list[int], solver: str, rate: float, seed: int
) -> None:
    params = {
        "model": "mlp",
        "hidden_layer_sizes": layers,
        "solver": solver,
        "learning_rate": rate,
        "batch_size": 64,
        "epochs": EPOCHS,
        "nesterov": solver == "sgd",
        "early_stopping": None,
        "seed": seed,
    }
    name = f"{solver} {'-'.join(map(str, layers))} lr {rate:g} seed {seed}"
    with experiment.run(name, params, inputs=(model.data.version,)) as run:
        run.tags |= {"optimiser": solver, "shape": "deep" if len(layers) > 1 else "shallow"}
        network = MLPClassifier(tuple(layers), solver=solver, learning_rate_init=rate, batch_size=64, random_state=seed)
        advance = by_epoch(network, model.data, seed=seed)
        scores = train(run, network, model.data, advance=advance, steps=range(1, EPOCHS + 1))
        report(run, network, model.data)
        model.offer(run, network, scores)
