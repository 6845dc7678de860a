"""A callback of the Trainer of Hugging Face's Transformers."""

from collections.abc import Mapping
from typing import Any, Final

from maestro_client.adapters.hooks import Hooks, among
from maestro_client.runs import Run

EVALUATION: Final = "eval_"


class TransformersHooks(Hooks):
    """Logs what the Trainer logs, at its global step; stops the training when the run is asked to stop."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:  # noqa: ARG002 -- the Trainer's
        """Log the arguments of the training, without its secrets."""
        told = getattr(args, "to_sanitized_dict", None)
        if state.is_world_process_zero and told is not None:
            self.log_params(told())

    def on_log(  # noqa: PLR0917 -- the Trainer's
        self,
        args: Any,  # noqa: ARG002 -- the Trainer's
        state: Any,
        control: Any,  # noqa: ARG002 -- the Trainer's
        logs: Mapping[str, Any] | None = None,
        **rest: Any,  # noqa: ARG002 -- the Trainer's
    ) -> None:
        """Log what the first of the processes logs."""
        if not state.is_world_process_zero:
            return
        seen = logs or {}
        self.log({key: value for key, value in seen.items() if not key.startswith(EVALUATION)}, step=state.global_step)
        evaluated = {key.removeprefix(EVALUATION): value for key, value in seen.items() if key.startswith(EVALUATION)}
        self.log(evaluated, step=state.global_step, split="eval")

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:  # noqa: ARG002 -- the Trainer's
        """Stop when asked to."""
        if self.is_stop_requested:
            control.should_training_stop = True


def transformers_callback(run: Run | None = None) -> TransformersHooks:
    """Return a callback for the Trainer: `Trainer(…, callbacks=[transformers_callback()])`."""
    return among(TransformersHooks, "transformers:TrainerCallback")(run)
