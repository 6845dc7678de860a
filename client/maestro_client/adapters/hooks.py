"""What all adapters share: the run that they log to, and a place among a framework's own classes."""

import sys
from collections.abc import Mapping
from numbers import Real
from typing import Any, TypeVar

from maestro_client.runs import Run, current_run
from maestro_client.safely import attempt

Adapter = TypeVar("Adapter")


class Hooks:
    """Logs to the run that it is given, or to the one that goes on where it is called."""

    def __init__(self, run: Run | None = None) -> None:
        super().__init__()
        self._given = run

    @property
    def run(self) -> Run | None:
        """The run; None, with a warning, where none goes on."""
        return self._given or attempt("A callback logs nothing", current_run)

    @property
    def is_stop_requested(self) -> bool:
        """Whether somebody has asked the run to stop."""
        return self.run is not None and self.run.is_stop_requested

    def log(self, values: Mapping[str, Any], *, step: int | None = None, split: str | None = None) -> None:
        """Log those values that are numbers, those of a part of the data as series of their own."""
        run = self.run
        numbers = {key: value for key, value in values.items() if is_number(value)}
        if run is not None and numbers:
            context = None if split is None else {"split": split}
            attempt("A callback logs nothing", lambda: run.log(numbers, step=step, context=context))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log inputs of the training."""
        if (run := self.run) is not None:
            run.log_params(params)


def is_number(value: Any) -> bool:
    """Say whether a value is one number: also one of NumPy, or a tensor that holds one."""
    if isinstance(value, str | bytes | bool):
        return False
    return isinstance(value, Real) or (hasattr(value, "__float__") and getattr(value, "size", 1) in (1, ()))


def among(hooks: type[Adapter], *bases: str) -> type[Adapter]:
    """Return a class of hooks that is also of the first of these classes of frameworks that is loaded, like `a.b:C`.

    Frameworks look at the class of what they are handed. Whoever uses one has imported it: nothing is imported here.
    """
    for base in bases:
        module, _, name = base.partition(":")
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type):
            return type(hooks.__name__, (hooks, found), {})
    return hooks
