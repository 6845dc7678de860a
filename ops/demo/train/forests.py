"""Handwritten digits: random forests that grow tree by tree."""

from itertools import product

from sklearn.ensemble import RandomForestClassifier

from ops.demo.train.data import Dataset
from ops.demo.train.loop import by_tree, train
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.reports import report
from ops.demo.train.session import ExperimentRecorder, Session

TREES = 30
DEPTHS: tuple[int | None, ...] = (4, 6, 8, None)
SHARES: tuple[str | float, ...] = ("sqrt", "log2", 0.25, 0.5)


def record(session: Session, project: str, data: Dataset) -> None:
    """Grow forests of several depths and feature shares, scored after every second tree."""
    experiment = session.experiment(
        project,
        "digits-forest-size",
        path="forests/size",
        name="Forest size",
        description="How many trees are enough, and how deep need they be?",
        entrypoint="ops/demo/train/forests.py",
    )
    model = session.model(
        project,
        "digit-forest",
        data=data,
        metric="accuracy",
        description="A random forest that reads handwritten digits.",
    )
    for share, depth in product(SHARES, DEPTHS):
        _grow(experiment, model, depth=depth, share=share)
    model.promote()


def _grow(experiment: ExperimentRecorder, model: ModelRecorder, *, depth: int | None, share: str | float) -> None:
    params = {"model": "forest", "n_estimators": TREES, "max_depth": depth, "max_features": share, "seed": 0}
    name = f"forest depth {depth or 'unlimited'} features {share}"
    with experiment.run(name, params, inputs=(model.data.version,)) as run:
        forest = RandomForestClassifier(1, max_depth=depth, max_features=share, warm_start=True, random_state=0)
        scores = train(run, forest, model.data, advance=by_tree(forest, model.data), steps=range(2, TREES + 1, 2))
        run.log(TREES, {"tree_nodes": sum(tree.tree_.node_count for tree in forest.estimators_)})
        report(run, forest, model.data)
        model.offer(run, forest, scores)
