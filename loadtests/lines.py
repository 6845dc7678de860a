"""The lines that a generator leaves: one for each request or event, and one for each second of its own."""

from typing import NamedTuple


class Line(NamedTuple):
    """A request with its answer, or an event; `at` is when it was sent, in seconds since 1970.

    `late_ms` is how long it had been due by then, `ms` how long the answer took, of an event how long it was under way.
    `error` is empty, a code of the API, or a class of failure of the transport. `cache` is `hit`, `miss` or empty.
    """

    at: float
    phase: str
    name: str
    via: str
    place: int
    late_ms: float
    ms: float
    status: int
    error: str
    cache: str
    bytes: int


class Load(NamedTuple):
    """A second of the generator: its processor time so far, and how late its loop came to what was due."""

    at: float
    cpu_s: float
    lag_p95_ms: float
    lag_max_ms: float
