"""Callbacks of libraries that boost trees: LightGBM and XGBoost."""

from collections.abc import Mapping, Sequence
from typing import Any

from maestro_client.adapters.hooks import Hooks, among
from maestro_client.runs import Run


class LightGBMCallback(Hooks):
    """Logs what each iteration is evaluated to: `callbacks=[lightgbm_callback()]` of `lightgbm.train` and of `fit`."""

    order = 20
    before_iteration = False

    def __call__(self, env: Any) -> None:
        """Take an iteration as LightGBM tells of it: `iteration`, and `evaluation_result_list` of tuples."""
        for split, metric, value, *_ in env.evaluation_result_list or ():
            self.log({metric: value}, step=env.iteration, split=split)


class XGBoostHooks(Hooks):
    """Logs what each round is evaluated to, and stops the training when the run is asked to stop."""

    def before_training(self, model: Any) -> Any:
        """Return the model as it is."""
        return model

    def after_training(self, model: Any) -> Any:
        """Return the model as it is."""
        return model

    def before_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:  # noqa: ARG002 -- XGBoost's
        """Say whether to stop before a round."""
        return self.is_stop_requested

    def after_iteration(
        self,
        model: Any,  # noqa: ARG002 -- XGBoost's
        epoch: int,
        evals_log: Mapping[str, Mapping[str, Sequence[Any]]],
    ) -> bool:
        """Log a round: for each part of the data each metric's history, whose last value is this round's."""
        for split, metrics in evals_log.items():
            last = {name: history[-1] for name, history in metrics.items() if history}
            # Of a cross-validation come the mean and the deviation.
            self.log({name: v[0] if isinstance(v, tuple) else v for name, v in last.items()}, step=epoch, split=split)
        return self.is_stop_requested


def lightgbm_callback(run: Run | None = None) -> LightGBMCallback:
    """Return a callback for LightGBM."""
    return LightGBMCallback(run)


def xgboost_callback(run: Run | None = None) -> XGBoostHooks:
    """Return a callback for XGBoost: `callbacks=[xgboost_callback()]` of `xgboost.train` or of an estimator."""
    return among(XGBoostHooks, "xgboost.callback:TrainingCallback")(run)
