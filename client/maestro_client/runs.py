"""A run as a training sees it: what it logs goes into a queue, and nothing that happens to that ends the training."""

import asyncio
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from maestro_client import saving, values
from maestro_client.dispatch import MANY_CALLS, Dispatch, told
from maestro_client.ending import End, Watch, end_by
from maestro_client.errors import TrackingError
from maestro_client.points import MOST_SERIES, Context, Logged
from maestro_client.safely import attempt, logger
from maestro_client.saving import Save

CURRENT: ContextVar["Run"] = ContextVar("maestro_run")
PATIENCE_S: Final = 10.0
"""How long the end of a run waits for a server that is away."""


def current_run() -> "Run":
    """Return the run that goes on here; TrackingError where there is none."""
    try:
        return CURRENT.get()
    except LookupError:
        raise TrackingError(
            "No run goes on here.", hint="Call this in a tracked function, or within `with run(…)`."
        ) from None


class Run:
    """One training that is logged; made by `Client.run`, and ended at the end of its `with`."""

    def __init__(self, dispatch: Dispatch, *, is_strict: bool = False) -> None:
        self._dispatch = dispatch
        self._is_strict = is_strict
        self._next_step = 0
        self._counting = threading.RLock()
        self._is_over = False
        self._good_keys: set[str] = set()
        self._watch = Watch()
        self._token: Token[Run] | None = None

    def __repr__(self) -> str:
        return f"Run(id={self.id!r})"

    @property
    def id(self) -> str | None:
        """The id of the run; None until the server has answered, which `flush` waits for."""
        return self._dispatch.courier.run_id

    @property
    def is_stop_requested(self) -> bool:
        """Whether somebody has asked the run to stop: the training should then end when it suits it."""
        return self._dispatch.courier.is_stop_requested

    def log(
        self, metrics: Mapping[str, Any], *, step: int | None = None, context: Mapping[str, str] | None = None
    ) -> None:
        """Log a value for each metric, at a step: the one after the last unless it is given.

        Values are numbers, NaN and infinities too, or what `float()` takes. `context` tells series of one name apart,
        like `{"split": "val"}`.
        """
        if self._is_over:
            return self._complain("The run has ended: nothing is logged to it any more.")
        numbers = self._numbers(metrics)
        at = self._step(step)
        if at is None or not numbers:
            return None
        pairs: Context = () if context is None else tuple((str(name), str(value)) for name, value in context.items())
        waiting, now_ms = self._dispatch.waiting, int(time.time() * 1000)
        if len(numbers) <= MOST_SERIES:
            waiting.append(Logged(numbers, at, now_ms, pairs))
        else:
            items = iter(numbers.items())
            while part := dict(islice(items, MOST_SERIES)):
                waiting.append(Logged(part, at, now_ms, pairs))
        if len(waiting) > MANY_CALLS:
            self._dispatch.gather()
        return None

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log inputs of the training, simple values; nested ones get names with dots, like `optimizer.lr`."""
        found = attempt("Params are left out", lambda: values.params(params))
        if found and self._goes_on():
            self._dispatch.add(params=found)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags beside those that the run has."""
        found = attempt("Tags are left out", lambda: values.tags(tags))
        if found and self._goes_on():
            self._dispatch.add(tags=found)

    def log_file(self, path: str | Path, *, artifact: str | None = None) -> None:
        """Save a file as a new version of an artifact, which has the file's name unless it is given one.

        The file is copied at once and sent meanwhile.
        """
        source = Path(path)
        self.log_files({source.name: source}, artifact=artifact or source.name)

    def log_files(self, files: Mapping[str, str | Path], *, artifact: str) -> None:
        """Save files, by the paths that they get, as one new version of an artifact."""
        sources = {name: Path(source) for name, source in files.items()}
        self._send_files(lambda: saving.staged(self._dispatch.spool, artifact, sources), f"The files of {artifact!r}")

    def log_model(self, model: Any, *, name: str = "model", save: Save = "pickle", register: str | None = None) -> None:
        """Save a model as a new version of an artifact, and register that as a version of the model `register`.

        `save` is `pickle`, `joblib`, or a function of the model and a folder that writes files into the folder.
        """
        self._send_files(
            lambda: {**saving.written(self._dispatch.spool, name, model, save=save), "register": register},
            f"The model {name!r}",
        )

    def flush(self, patience_s: float | None = None) -> bool:
        """Wait until all that was logged has arrived and say so; False once the server has been away for too long."""
        return self._dispatch.settle(PATIENCE_S if patience_s is None else patience_s)

    def end(self, status: str = "FINISHED", reason: str | None = None, *, patience_s: float | None = None) -> None:
        """Send what is left and end the run, as FINISHED, FAILED or KILLED; the second time nothing happens.

        What cannot be sent is kept in a file, which a warning names with the command that sends it.
        """
        # Looked at before the lock is asked for, which in a forked process may be held for ever.
        if self._is_over or not self._ends_now():
            return
        patience_s = PATIENCE_S if patience_s is None else patience_s
        kept = attempt("What was not sent is lost", lambda: self._dispatch.end(End(status, reason), patience_s))
        if kept is not None and self._is_strict:
            raise TrackingError(told(kept))

    def abandon(self) -> None:
        """Log nothing any more, and leave the run as it is: in a process that was forked, its threads are not there."""
        self._is_over = True

    def __enter__(self) -> Self:
        self._watch.begin()
        self._token = CURRENT.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)
        end = end_by(error)
        with self._watch:
            self.end(end.status, end.reason)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)
        end = end_by(error)
        with self._watch:
            await asyncio.to_thread(self.end, end.status, end.reason)

    def _ends_now(self) -> bool:
        with self._counting:
            was_over, self._is_over = self._is_over, True
            return not was_over

    def _numbers(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        numbers = {}
        for key, value in metrics.items():
            if key not in self._good_keys:
                if not values.is_metric_key(key):
                    continue
                self._good_keys.add(key)
            number = value if type(value) is float else values.number(key, value)
            if number is not None:
                numbers[key] = number
        return numbers

    def _step(self, step: int | None) -> int | None:
        with self._counting:
            at = self._next_step if step is None else values.step_of(step)
            if at is not None and at >= self._next_step:
                self._next_step = at + 1
            return at

    def _send_files(self, make: Any, what: str) -> None:
        entry = attempt(f"{what} cannot be saved", make)
        if entry is not None and self._goes_on():
            self._dispatch.add_files(entry)

    def _goes_on(self) -> bool:
        if self._is_over:
            self._complain("The run has ended: nothing is logged to it any more.")
        return not self._is_over

    def _complain(self, message: str) -> None:
        if self._is_strict:
            raise TrackingError(message)
        logger.warning("%s", message)
