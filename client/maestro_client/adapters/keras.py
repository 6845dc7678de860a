"""A callback of Keras."""

from collections.abc import Mapping
from typing import Any, Final

from maestro_client.adapters.hooks import Hooks, among
from maestro_client.runs import Run

VALIDATION: Final = "val_"


class KerasHooks(Hooks):
    """Logs the metrics of each epoch, those of the validation apart; stops after an epoch when asked to."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 -- Keras's
        """Log how the training was called: its epochs, its steps."""
        params = getattr(self, "params", None) or {}
        self.log_params({key: params[key] for key in ("epochs", "steps") if params.get(key) is not None})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log an epoch."""
        seen = logs or {}
        self.log({key: value for key, value in seen.items() if not key.startswith(VALIDATION)}, step=epoch)
        validated = {key.removeprefix(VALIDATION): value for key, value in seen.items() if key.startswith(VALIDATION)}
        self.log(validated, step=epoch, split="val")
        model = getattr(self, "model", None)
        if model is not None and self.is_stop_requested:
            model.stop_training = True


def keras_callback(run: Run | None = None) -> KerasHooks:
    """Return a callback for Keras: `callbacks=[keras_callback()]` of `model.fit`."""
    return among(KerasHooks, "keras.callbacks:Callback", "tensorflow.keras.callbacks:Callback")(run)
