"""How far a subscriber has come with the series of a run, and the cursor that says so to any server at any time."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple

from dataloaders.metrics import RunSeries
from dataloaders.paging import binding, no_cursor
from maestro.db.rows import Row
from maestro.errors import InvalidInput
from resolvers.context import Context

MOST_SERIES: Final = 100
"""A cursor goes with every event: of more series it does not tell how far they were told."""
_BINDING_BYTES: Final = 8
_PLACE: Final = Struct("!8sqQ")
LONGEST: Final = (_BINDING_BYTES + MOST_SERIES * _PLACE.size) * 4 // 3 + 4
BEFORE_ALL: Final = -1
"""A step that no point has."""
_UNKNOWN: Final = b"-"


class Place(NamedTuple):
    """How far a series was told: up to a step, and after how many rewrites of earlier points."""

    step: int
    rewrites: int


@dataclass(slots=True)
class Progress:
    """The places of a run's series. One without a place is new: all its points are to be told.

    `is_partial` while that is not certain, since a cursor has told nothing of its series: there were too many.
    """

    bound_to: bytes
    places: dict[bytes, Place] = field(default_factory=dict)
    is_partial: bool = False

    @classmethod
    def begun(cls, ctx: Context, wanted: RunSeries) -> "Progress":
        """Return the progress of whoever has been told nothing of a run's series."""
        run, names = wanted
        return cls(binding(ctx.organization_id, "metricAppended", run, None if names is None else sorted(set(names))))

    def of(self, series: Row) -> Place | None:
        """Return the place of a series; None when it is not known how far it was told."""
        place = self.places.get(_key(series))
        return place or (None if self.is_partial else Place(BEFORE_ALL, series.rewrites))

    def is_behind(self, series: Row) -> bool:
        """Say whether more is to be told of a series."""
        place = self.of(series)
        if place is None or self.is_ahead(series):
            return True
        return place.step < int(series.step_last) or place.rewrites != int(series.rewrites)

    def is_ahead(self, series: Row) -> bool:
        """Say whether more was told of a series than there is: an earlier state of it was restored."""
        place = self.of(series)
        return place is not None and place.step > int(series.step_last)

    def note(self, series: Row, step: int) -> None:
        """Note that a series was told up to a step, as its row says."""
        self.places[_key(series)] = Place(step, series.rewrites)

    def note_all(self, rows: Sequence[Row]) -> None:
        """Note that all that rows tell is known."""
        for row in rows:
            self.note(row, row.step_last)

    @property
    def cursor(self) -> str:
        """The opaque text of it."""
        if len(self.places) > MOST_SERIES:
            content = self.bound_to + _UNKNOWN
        else:
            content = self.bound_to + b"".join(_PLACE.pack(key, *place) for key, place in self.places.items())
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def resume(self, cursor: str) -> None:
        """Take over the places of a cursor; InvalidInput when it is damaged, or of another run or other keys."""
        content = _decoded(cursor)
        if content[:_BINDING_BYTES] != self.bound_to:
            raise InvalidInput(
                "This cursor belongs to another subscription.",
                field="after",
                hint="A cursor goes on where its own subscription stopped: same run, same keys.",
            )
        told = content[_BINDING_BYTES:]
        if told == _UNKNOWN:
            self.is_partial = True
        elif len(told) % _PLACE.size:
            raise no_cursor("after")
        else:
            self.places = {key: Place(step, rewrites) for key, step, rewrites in _PLACE.iter_unpack(told)}


def _decoded(cursor: str) -> bytes:
    if len(cursor) > LONGEST:
        raise no_cursor("after")
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise no_cursor("after") from None


def _key(series: Row) -> bytes:
    return hashlib.blake2b(series.id.bytes, digest_size=8).digest()
