"""The log of requests, a line each, and how the generator itself fares, a line a second."""

import csv
import time
from pathlib import Path
from typing import Any, Final

import gevent

from loadtests.lines import Line, Load

LAG_EVERY_S: Final = 0.02


class Recording:
    """Writes lines once a second, since a file is slower than a list; it has those of the phase for a look at them."""

    def __init__(self, folder: Path) -> None:
        # They last as long as the process.
        self._requests: Any = (folder / "requests.csv").open("w", newline="")
        self._loads: Any = (folder / "generator.csv").open("w", newline="")
        self._writer = csv.writer(self._requests)
        self._load_writer = csv.writer(self._loads)
        self._writer.writerow(Line._fields)
        self._load_writer.writerow(Load._fields)
        self._unwritten: list[Line] = []
        self._lags: list[float] = []
        self.of_phase: list[Line] = []
        self.loads_of_phase: list[Load] = []

    def note(self, line: Line) -> None:
        """Take in a line."""
        self._unwritten.append(line)
        self.of_phase.append(line)

    def begin(self) -> None:
        """Forget the lines of the phase before."""
        self.of_phase, self.loads_of_phase = [], []

    def measure_lag(self) -> None:
        """Ask to be woken again and again, and note how much later that was."""
        while True:
            due = time.perf_counter() + LAG_EVERY_S
            gevent.sleep(LAG_EVERY_S)
            self._lags.append(1000 * (time.perf_counter() - due))

    def keep_writing(self) -> None:
        """Write each second."""
        while True:
            gevent.sleep(1)
            self.write()

    def write(self) -> None:
        """Write what was not written yet."""
        lines, self._unwritten = self._unwritten, []
        self._writer.writerows(lines)
        lags, self._lags = sorted(self._lags) or [0.0], []
        load = Load(time.time(), time.process_time(), lags[int(len(lags) * 0.95)], lags[-1])
        self.loads_of_phase.append(load)
        self._load_writer.writerow(load)
        self._requests.flush()
        self._loads.flush()
