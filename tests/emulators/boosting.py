"""Trains with LightGBM and XGBoost and logs both: run with the libraries and the client, and no server's code."""

import lightgbm
import numpy as np
import xgboost

import maestro_client
from maestro_client.adapters import lightgbm_callback, xgboost_callback

ROUNDS = 5
RANDOM = np.random.default_rng(7)
DATA = RANDOM.random((200, 3))
TARGET = DATA.sum(axis=1)


@maestro_client.track(project="Boosting", ignore=["data"])
def light(data: np.ndarray, learning_rate: float = 0.1) -> dict[str, float]:
    """Train with LightGBM."""
    train = lightgbm.Dataset(data[:150], TARGET[:150])
    params = {"objective": "regression", "metric": "l2", "verbosity": -1, "num_threads": 1, "lr": learning_rate}
    booster = lightgbm.train(
        params,
        train,
        num_boost_round=ROUNDS,
        valid_sets=[lightgbm.Dataset(data[150:], TARGET[150:], reference=train)],
        valid_names=["val"],
        callbacks=[lightgbm_callback()],
    )
    return {"trees": booster.num_trees()}


@maestro_client.track(project="Boosting", save_model=lambda model, folder: model.save_model(folder / "model.ubj"))
def extreme(max_depth: int = 3) -> xgboost.Booster:
    """Train with XGBoost."""
    return xgboost.train(
        {"max_depth": max_depth, "nthread": 1},
        xgboost.DMatrix(DATA[:150], TARGET[:150]),
        num_boost_round=ROUNDS,
        evals=[(xgboost.DMatrix(DATA[150:], TARGET[150:]), "val")],
        callbacks=[xgboost_callback()],
        verbose_eval=False,
    )


light(DATA)
extreme()
