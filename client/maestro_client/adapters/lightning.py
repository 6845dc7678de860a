"""A logger of Lightning."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from maestro_client.adapters.hooks import Hooks, among
from maestro_client.runs import Run


class LightningHooks(Hooks):
    """Logs what modules log and the hyperparameters; the run ends with its `with`, whatever the Trainer says."""

    @property
    def name(self) -> str:
        """What the logger is called."""
        return "maestro"

    @property
    def version(self) -> str:
        """The id of the run."""
        return (self.run.id if self.run else None) or "unsent"

    @property
    def experiment(self) -> Run | None:
        """The run."""
        return self.run

    def log_hyperparams(self, params: Any, *rest: Any, **more: Any) -> None:  # noqa: ARG002 -- Lightning's
        """Log hyperparameters."""
        given = vars(params) if isinstance(params, Namespace) else params
        if isinstance(given, Mapping):
            self.log_params(given)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics; what begins with `val_` or `test_` apart."""
        for split in ("val", "test"):
            part = {key.removeprefix(f"{split}_"): v for key, v in metrics.items() if key.startswith(f"{split}_")}
            self.log(part, step=step, split=split)
        others = {key: value for key, value in metrics.items() if not key.startswith(("val_", "test_"))}
        self.log(others, step=step)


def lightning_logger(run: Run | None = None) -> LightningHooks:
    """Return a logger for Lightning: `Trainer(logger=lightning_logger())`."""
    return among(LightningHooks, "lightning.pytorch.loggers:Logger", "pytorch_lightning.loggers:Logger")(run)
