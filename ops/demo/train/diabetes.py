"""Diabetes progression: linear regression at several learning rates, some of them absurd, and boosted trees."""

from itertools import product
from typing import Any

from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import SGDRegressor

from ops.demo.train.data import Dataset
from ops.demo.train.descent import GradientDescentRegressor
from ops.demo.train.loop import Advance, by_epoch, by_tree, train
from ops.demo.train.preparation import prepare
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.reports import report
from ops.demo.train.session import ExperimentRecorder, Session

ENTRYPOINT = "ops/demo/train/diabetes.py"
EPOCHS, STAGES = 40, 60
PENALTIES, STRENGTHS, RATES = ("l2", "l1"), (1e-4, 1e-2, 1e-1), (1e-4, 1e-3, 1e-2, 5e-2)
UNGUARDED_RATES = (0.003, 0.01, 0.03, 0.1, 1.0, 10.0, 1000.0)


def record(session: Session) -> None:
    """Make the project, prepare its data set and run both experiments."""
    project = session.project(
        "diabetes-progression", "Diabetes progression", "How far will the disease have progressed after one year?"
    )
    linear = session.experiment(
        project,
        "diabetes-sgd-learning-rate",
        path="linear/learning-rate",
        name="Learning rate of a linear model",
        description="Where does stochastic gradient descent stop converging? The largest rates really diverge.",
        entrypoint=ENTRYPOINT,
    )
    data = prepare(
        linear,
        load_diabetes(scaled=False),
        name="diabetes",
        title="Diabetes progression",
        source="442 patients, from *Least Angle Regression* (Efron, Hastie, Johnstone and Tibshirani, 2004).",
    )
    model = session.model(
        project,
        "progression-regressor",
        data=data,
        metric="r2",
        description="Predicts disease progression after one year.",
    )
    for rate, penalty, strength in product(RATES, PENALTIES, STRENGTHS):
        params = {"model": "linear", "eta0": rate, "penalty": penalty, "alpha": strength, "steps": EPOCHS, "seed": 0}
        regressor = SGDRegressor(penalty=penalty, alpha=strength, learning_rate="constant", eta0=rate, random_state=0)
        advance = by_epoch(regressor, data, seed=0)
        _train(linear, model, regressor, params=params, advance=advance)
    model.promote()
    _diverge(linear, data)
    _boost(session, project, model)


def _diverge(experiment: ExperimentRecorder, data: Dataset) -> None:
    """Descend with nothing that holds the weights back: from some rate on, every step makes the error larger."""
    for rate in UNGUARDED_RATES:
        params = {"model": "descent", "eta0": rate, "penalty": None, "alpha": 0.0, "steps": EPOCHS, "seed": 0}
        with experiment.run(f"descent {rate}", params, inputs=(data.version,)) as run:
            run.tags["guard"] = "none"
            run.notes = "## Unguarded\n\nPlain mini-batch descent: *no* clipped gradients, *no* decaying rate.\n"
            regressor = GradientDescentRegressor(rate)
            advance = by_epoch(regressor, data, seed=0)
            train(run, regressor, data, advance=advance, steps=range(1, EPOCHS + 1))
            report(run, regressor, data)


def _boost(session: Session, project: str, model: ModelRecorder) -> None:
    experiment = session.experiment(
        project,
        "diabetes-boosting",
        path="trees/boosting",
        name="Boosted trees",
        description="Loss function, depth and learning rate of boosted trees, scored after every stage.",
        entrypoint=ENTRYPOINT,
    )
    for loss, depth, rate in product(("squared_error", "huber"), (1, 2, 4), (0.02, 0.05, 0.1, 0.3)):
        params = {"model": "boosting", "loss": loss, "max_depth": depth, "learning_rate": rate, "steps": STAGES}
        booster = GradientBoostingRegressor(
            loss=loss, max_depth=depth, learning_rate=rate, warm_start=True, random_state=0
        )
        _train(experiment, model, booster, params=params, advance=by_tree(booster, model.data))
    model.promote()


def _train(
    experiment: ExperimentRecorder,
    model: ModelRecorder,
    regressor: Any,
    *,
    params: dict[str, Any],
    advance: Advance,
) -> None:
    name = " ".join(str(value) for key, value in params.items() if key not in {"steps", "seed"})
    with experiment.run(name, params, inputs=(model.data.version,)) as run:
        scores = train(run, regressor, model.data, advance=advance, steps=range(1, params["steps"] + 1))
        report(run, regressor, model.data)
        model.offer(run, regressor, scores)
