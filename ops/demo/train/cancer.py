"""Breast cancer: gradient boosting stage by stage, and cross-validated comparisons of six kinds of classifier."""

from itertools import product
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from ops.demo.train.data import Dataset, Part
from ops.demo.train.loop import by_tree, train
from ops.demo.train.metrics import score
from ops.demo.train.preparation import prepare
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.reports import report
from ops.demo.train.session import ExperimentRecorder, Session

ENTRYPOINT = "ops/demo/train/cancer.py"
STAGES, FOLDS = 60, 5
CONTENDERS = {
    "logistic regression": LogisticRegression(C=0.5, max_iter=500),
    "nearest neighbours": KNeighborsClassifier(9),
    "naive Bayes": GaussianNB(),
    "decision tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "random forest": RandomForestClassifier(40, random_state=0),
    "neural network": MLPClassifier((16,), solver="lbfgs", alpha=1.0, max_iter=2000, random_state=0),
}


def record(session: Session, project: str) -> None:
    """Prepare the data set and run both experiments."""
    boosting = session.experiment(
        project,
        "cancer-boosting",
        path="cancer/boosting",
        name="Gradient boosting",
        description="Learning rate, depth and subsampling of boosted trees, scored after every stage.",
        entrypoint=ENTRYPOINT,
    )
    data = prepare(
        boosting,
        load_breast_cancer(),
        name="breast-cancer",
        title="Breast cancer, Wisconsin diagnostic",
        source="*Breast Cancer Wisconsin (Diagnostic)* (Wolberg and others, UCI, 1993; CC BY 4.0).",
    )
    model = session.model(
        project,
        "tumour-classifier",
        data=data,
        metric="f1",
        description="Tells benign from malignant tumours by cell nuclei.",
    )
    for rate, depth, share in product((0.03, 0.1, 0.3), (1, 2, 3), (0.5, 0.8, 1.0)):
        _boost(boosting, model, rate=rate, depth=depth, share=share)
    model.promote()
    comparison = session.experiment(
        project,
        "cancer-cross-validation",
        path="cancer/comparison",
        name="Cross-validation",
        description="Six kinds of classifier on the same five folds: a parent run each, with a child run a fold.",
        entrypoint=ENTRYPOINT,
    )
    for name, contender in CONTENDERS.items():
        _cross_validate(comparison, data, name=name, contender=contender)


def _boost(experiment: ExperimentRecorder, model: ModelRecorder, *, rate: float, depth: int, share: float) -> None:
    params = {"model": "boosting", "learning_rate": rate, "max_depth": depth, "subsample": share, "stages": STAGES}
    name = f"boosting lr {rate:g} depth {depth} subsample {share:g}"
    with experiment.run(name, params, inputs=(model.data.version,)) as run:
        booster = GradientBoostingClassifier(
            learning_rate=rate, max_depth=depth, subsample=share, warm_start=True, random_state=0
        )
        advance = by_tree(booster, model.data)
        scores = train(run, booster, model.data, advance=advance, steps=range(1, STAGES + 1))
        report(run, booster, model.data)
        model.offer(run, booster, scores)


def _cross_validate(experiment: ExperimentRecorder, data: Dataset, *, name: str, contender: Any) -> None:
    params = {"model": name, "folds": FOLDS, "stratified": True, "seed": 0}
    x, y = np.vstack([data.train.x, data.val.x]), np.concatenate([data.train.y, data.val.y])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y)
    with experiment.run(name, params, kind="EVALUATION", inputs=(data.version,)) as parent, np.errstate(all="ignore"):
        parent.configure(contender)
        for fold, (seen, unseen) in enumerate(folds, start=1):
            with experiment.run(
                f"{name}, fold {fold}", params | {"fold": fold}, inputs=(data.version,), parent=parent
            ) as run:
                model = clone(contender).fit(x[seen], y[seen])
                scores = _score(model, data, Part(x[unseen], y[unseen]))
                run.configure(model)
                run.log(1, scores, split="val")
            parent.log(fold, scores, split="val")
        for key in scores:
            values = parent.track(key, split="val").values
            parent.log(FOLDS, {key: float(np.mean(values))}, split="val", over="folds")
        report(parent, model, data)


def _score(model: Any, data: Dataset, unseen: Part) -> dict[str, float]:
    auc = float(roc_auc_score(unseen.y, model.predict_proba(unseen.x)[:, 1]))
    return score(model, unseen, data) | {"roc_auc": auc}
