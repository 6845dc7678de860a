"""All that is sent of one run: numbered batches, files, the end, and the file for what cannot be sent."""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from maestro_client.courier import Courier, Entry
from maestro_client.ending import End
from maestro_client.journal import Journal
from maestro_client.lane import Lane
from maestro_client.outbox import Outbox
from maestro_client.points import Logged, gathered
from maestro_client.safely import attempt, logger
from maestro_client.wire import Line

MANY_CALLS: Final = 20_000
"""So many calls of `log` wait unread at most: beyond, the one who logs makes a batch of them."""
CLOSING_S: Final = 1.0
"""How long to wait for a request that nobody waits for any more."""
COMMAND: Final = "python -m maestro_client send"


class Beginning:
    """What a run begins with; what takes time to find out is found out by who asks first, and is the same for all."""

    def __init__(self, given: Mapping[str, Any], facts: Callable[[], Mapping[str, Any]]) -> None:
        self._given = given
        self._facts = facts
        self._lock = threading.Lock()
        self._whole: Mapping[str, Any] | None = None

    def __call__(self) -> Mapping[str, Any]:
        """Return it, as JSON."""
        with self._lock:
            if self._whole is None:
                facts = attempt("It is not found out where the training runs", self._facts) or {}
                self._whole = {**self._given, "input": {**facts, **self._given["input"]}}
            return self._whole


class Dispatch:
    """Sends what a run logs from threads of its own."""

    def __init__(self, line: Line, begin: Beginning, folder: Path) -> None:
        self._writer = str(uuid.uuid4())
        self._sent = 0
        self.spool = folder / self._writer
        self._journal = Journal(folder / f"{self._writer}.jsonl", begin)
        self.courier = Courier(line, begin)
        self._outbox = Outbox(self._journal)
        self.waiting: deque[Logged] = deque()
        self._lane = Lane(self.courier, self._outbox, gather=self.gather)
        self._files: Lane | None = None
        self._last_is_out = False
        self.courier.progressed = self._progressed
        attempt("Nothing is sent until the end of the run", self._lane.start)

    def gather(self) -> None:
        """Make batches of the points that wait."""
        while self._outbox.add(self._points):
            pass

    def add(self, **content: list[Any]) -> None:
        """Send params or tags, after the points that were logged before."""
        self.gather()
        self._outbox.add(lambda: self._batch(content))

    def add_files(self, entry: Entry) -> None:
        """Send files."""
        if self._files is None:
            self._files = Lane(self.courier, Outbox(None))
            attempt("No file is sent until the end of the run", self._files.start)
        self._files.outbox.add(lambda: entry)
        self._files.hurry()

    def settle(self, patience_s: float) -> bool:
        """Wait until all has arrived and say so; False once the server has been away for `patience_s`, or refuses."""
        self.gather()
        arrived = self._lane.settle(patience_s)
        return (self._files is None or self._files.settle(patience_s)) and arrived

    def end(self, end: End, patience_s: float) -> Path | None:
        """Send what is left and the end.

        Where that cannot be, return the file into which it was written, which a warning names; OSError.
        """
        last: Entry = {"kind": "end", "status": end.status, "reason": end.reason, "at": datetime.now(UTC).isoformat()}
        has_arrived, kept = False, None
        try:
            has_arrived = self._delivered(last, patience_s)
        finally:  # also of who cannot wait and presses Ctrl-C
            self.close()
            if not has_arrived:
                kept = self._kept(last)
        return kept

    def _delivered(self, last: Entry, patience_s: float) -> bool:
        if not self.settle(patience_s):
            return False
        self._last_is_out = self._outbox.add(lambda: last)
        return self._lane.settle(patience_s)

    def _kept(self, last: Entry) -> Path:
        files = self._files.outbox.taken() if self._files is not None else []
        self._outbox.spill(*files, *([] if self._last_is_out else [last]))
        self._journal.tell(self.courier.run_id)
        logger.warning("%s", told(self._journal.path))
        return self._journal.path

    def close(self) -> None:
        """Send nothing any more, and let go of the line once nobody sends over it."""
        lanes = [lane for lane in (self._lane, self._files) if lane is not None]
        for lane in lanes:
            lane.stop()
        for lane in lanes:
            lane.close(CLOSING_S)
        if not any(lane.is_alive() for lane in lanes):
            self.courier.close()

    def _progressed(self) -> None:
        for lane in (self._lane, self._files):
            if lane is not None:
                lane.progressed()

    def _points(self) -> Entry | None:
        metrics = gathered(self.waiting)
        return self._batch({"metrics": metrics}) if metrics else None

    def _batch(self, content: Mapping[str, Any]) -> Entry:
        entry = {"kind": "batch", "writerId": self._writer, "seq": self._sent, **content}
        self._sent += 1
        return entry


def told(path: Path) -> str:
    """Return what to say of a file with what could not be sent."""
    return f"Not all of the run was sent. It is kept in a file: {COMMAND} {path}"
