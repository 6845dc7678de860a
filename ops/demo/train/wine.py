"""Wine: how much a linear classifier trained by stochastic gradient descent gains from regularisation."""

from itertools import product

from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier

from ops.demo.train.loop import by_epoch, train
from ops.demo.train.preparation import prepare
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.reports import report
from ops.demo.train.session import ExperimentRecorder, Session

EPOCHS = 40
PENALTIES, STRENGTHS, AVERAGING = ("l2", "l1", "elasticnet"), (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0), (False, True)


def record(session: Session, project: str) -> None:
    """Prepare the data set and sweep the penalty, its strength and the averaging of weights."""
    experiment = session.experiment(
        project,
        "wine-regularisation",
        path="wine/regularisation",
        name="Regularisation of a linear model",
        description="Penalty and strength for a linear classifier that sees 107 wines.",
        entrypoint="ops/demo/train/wine.py",
    )
    data = prepare(
        experiment,
        load_wine(),
        name="wine",
        title="Wine cultivars",
        source="*Wine* (Aeberhard and Forina, UCI, 1991; CC BY 4.0).",
    )
    model = session.model(
        project,
        "wine-classifier",
        data=data,
        metric="f1",
        description="Tells three cultivars apart by chemical analysis.",
    )
    for averaged, penalty, strength in product(AVERAGING, PENALTIES, STRENGTHS):
        _train(experiment, model, penalty=penalty, strength=strength, averaged=averaged)
    model.promote()


def _train(
    experiment: ExperimentRecorder, model: ModelRecorder, *, penalty: str, strength: float, averaged: bool
) -> None:
    params = {"model": "linear", "penalty": penalty, "alpha": strength, "average": averaged, "eta0": 0.01, "seed": 0}
    name = f"{penalty} {strength:g}{' averaged' if averaged else ''}"
    with experiment.run(name, params, inputs=(model.data.version,)) as run:
        run.tags["penalty"] = penalty
        linear = SGDClassifier(
            "log_loss",
            penalty=penalty,
            alpha=strength,
            average=averaged,
            learning_rate="constant",
            eta0=0.01,
            random_state=0,
        )
        advance = by_epoch(linear, model.data, seed=0)
        scores = train(run, linear, model.data, advance=advance, steps=range(1, EPOCHS + 1))
        report(run, linear, model.data)
        model.offer(run, linear, scores)
