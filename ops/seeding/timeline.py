"""When the recorded work shall seem to have been done: experiment by experiment, over the last two weeks."""

from bisect import bisect_left
from datetime import timedelta
from typing import Final

from ops.demo.recording import Recording

SPAN: Final = timedelta(days=14)
REST: Final = timedelta(hours=1)
"""How long before now the last of it ended."""


class Timeline:
    """Moves the times of a recording, whose experiments follow one another without a gap, in milliseconds.

    What belongs to one experiment stays together, and whatever came before something else still does.
    """

    def __init__(self, recording: Recording, now_ms: int) -> None:
        self._starts = sorted(experiment.created_ms for experiment in recording.experiments)
        self._end = now_ms - _ms(REST)
        room = _ms(SPAN) - _ms(REST) + self._starts[0]
        self._pause = room // max(len(self._starts) - 1, 1)

    def during(self, experiment_created_ms: int, at_ms: int) -> int:
        """Return when something in an experiment was, in milliseconds since 1970."""
        return self._moved(self._starts.index(experiment_created_ms), at_ms)

    def when(self, at_ms: int) -> int:
        """Return when something was that belongs to no experiment; between two, the one that ended counts."""
        return self._moved(max(bisect_left(self._starts, at_ms) - 1, 0), at_ms)

    def _moved(self, place: int, at_ms: int) -> int:
        return self._end - (len(self._starts) - 1 - place) * self._pause + at_ms


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
