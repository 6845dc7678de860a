"""How a training ends: what an exception says of it, and what a signal of the system is turned into."""

import asyncio
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Final, NamedTuple

from maestro_client.safely import attempt

TERMINATED: Final = 128 + signal.SIGTERM
LONGEST_REASON: Final = 10_000


class Terminated(SystemExit):
    """The system asks the process to end: it does, once its runs have."""


class End(NamedTuple):
    """A status with a reason."""

    status: str
    reason: str | None = None


def end_by(error: BaseException | None) -> End:
    """Return how a run has ended whose function has raised this, or nothing."""
    match error:
        case None:
            return End("FINISHED")
        case Terminated():
            return End("KILLED", "The system has asked the process to end (SIGTERM).")
        case KeyboardInterrupt():
            return End("KILLED", "Somebody has interrupted it (KeyboardInterrupt).")
        case asyncio.CancelledError() | GeneratorExit():
            return End("KILLED", "Its task was cancelled.")
        case SystemExit(code=0 | None):
            return End("FINISHED")
        case _:
            said = attempt("The text of an error cannot be read", lambda: str(error))
            name = type(error).__name__
            return End("FAILED", (f"{name}: {said}" if said else name).replace("\0", "")[:LONGEST_REASON])


class Watch:
    """Turns SIGTERM into `Terminated` while a run goes on, where the program has no handler of its own.

    As a context it is the end of the run, which a signal does not cut off: it is obeyed afterwards.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._is_set = False
        self._is_ending = False
        self._was_asked = False

    def begin(self) -> None:
        """Watch from now on."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._asked)
            self._is_set = True

    def __enter__(self) -> None:
        self._is_ending = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_set and signal.getsignal(signal.SIGTERM) == self._asked:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._was_asked and error is None:
            raise Terminated(TERMINATED)

    def _asked(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- as Python calls handlers
        if os.getpid() != self._owner:  # a process that was forked ends as it would without us
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        elif self._is_ending:
            self._was_asked = True
        else:
            raise Terminated(TERMINATED)
