"""A thread that sends what waits in an outbox, for as long as a run goes on."""

import threading
import time
from collections.abc import Callable
from typing import Final

from maestro_client.courier import Courier
from maestro_client.errors import Away, Refused
from maestro_client.outbox import Outbox
from maestro_client.retrying import delay_s
from maestro_client.safely import attempt, logger

INTERVAL_S: Final = 1.0
"""How long points are gathered before they are sent."""
BEAT_S: Final = 30.0
REFUSED_S: Final = 60.0
"""How long to wait after everything was refused: somebody may give the key what it lacks."""
SPILL_AFTER_S: Final = 10.0
"""How long what waits may be in memory alone while the server is away."""
POLL_S: Final = 0.01


class Lane(threading.Thread):
    """Sends entries in their order; what is away is tried again, what is refused is told of and left out."""

    def __init__(self, courier: Courier, outbox: Outbox, *, gather: Callable[[], object] = lambda: None) -> None:
        super().__init__(name="maestro-client", daemon=True)
        self.outbox = outbox
        self.is_stuck = False
        """Whether the server refuses everything."""
        self._courier = courier
        self._gather = gather
        self._wake = threading.Event()
        self._over = threading.Event()
        self._rests_until = 0.0
        self._failures = 0
        self._away_since = self._arrived_at = self._beaten_at = time.monotonic()
        self._pause_s = INTERVAL_S

    def run(self) -> None:
        """Send until `stop`."""
        while not self._over.is_set():
            if not attempt("Logging goes on in a minute, after an error of its own", self._turn):
                self._failures += 1
            self._wake.wait(self._pause_s)
            self._wake.clear()
            self._over.wait(max(0.0, self._rests_until - time.monotonic()))

    def progressed(self) -> None:
        """Take note that the server has taken something."""
        self._arrived_at = self._beaten_at = time.monotonic()

    def hurry(self) -> None:
        """Send at once what waits."""
        self._wake.set()

    def stop(self) -> None:
        """End after what is being sent."""
        self._over.set()
        self._wake.set()

    def settle(self, patience_s: float) -> bool:
        """Wait until all has arrived and say so; False once the server has been away for too long, or refuses."""
        began = time.monotonic()
        self._failures = 0
        self.hurry()
        while not (self.outbox.is_empty and self._courier.run_id):
            quiet_s = time.monotonic() - max(began, self._arrived_at)
            if self.is_stuck or not self.is_alive() or (self._failures and quiet_s > patience_s):
                return False
            time.sleep(POLL_S)
        return True

    def close(self, patience_s: float) -> None:
        """Stop, and wait for what is being sent; a lane that could never be started has nothing to wait for."""
        self.stop()
        if self.ident is not None:
            self.join(patience_s)

    def _turn(self) -> bool:
        """Send what waits, until something is away; return True."""
        self._pause_s = REFUSED_S
        self._gather()
        if self._courier.run_id is None and not self._tried(self._courier.begin):
            return True
        while (entry := self.outbox.first()) is not None:
            if not self._tried(lambda entry=entry: self._courier.deliver(entry)):  # type: ignore[misc] # bound at once
                return True
            self.outbox.done()
        if time.monotonic() - self._beaten_at > BEAT_S:
            self._beaten_at = time.monotonic()
            self._tried(self._courier.beat)
        self._pause_s = INTERVAL_S
        return True

    def _tried(self, work: Callable[[], object]) -> bool:
        """Say whether something is over: it has arrived, or it alone is refused for good."""
        try:
            work()
        except Away as away:
            self._is_away(away)
            return False
        except Refused as refused:
            return self._is_refused(refused)
        except OSError as error:
            self._warn(f"A file cannot be read: {error}. It is left out.")
        self._failures, self.is_stuck = 0, False
        return True

    def _is_away(self, away: Away) -> None:
        if not self._failures:
            self._away_since = time.monotonic()
        self._failures += 1
        self._pause_s = delay_s(self._failures, at_least=away.after_s)
        self._rests_until = time.monotonic() + away.after_s
        self._warn(f"{away} The training goes on, and nothing is lost.")
        if time.monotonic() - self._away_since > SPILL_AFTER_S:
            attempt("What waits cannot be written into a file", self.outbox.spill)

    def _is_refused(self, refused: Refused) -> bool:
        if self._courier.run_id is None or refused.is_of_everything:
            self._pause_s, self.is_stuck = REFUSED_S, True
            self._warn(f"{refused} The training goes on; what it logs is kept in a file.")
            return False
        self._warn(f"{refused} This is left out of the run, and the training goes on.")
        return True

    def _warn(self, message: str) -> None:
        if message not in self._courier.told:
            self._courier.told.add(message)
            logger.warning("%s", message)
