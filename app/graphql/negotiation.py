"""Which form of answer a client likes best, by the weights and the order of its `Accept` header."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

PARTS: Final = re.compile(r'(?:[^",]|"(?:\\.|[^"\\])*")+')
"""What stands between commas that are not in a quoted text."""
PARAMETERS: Final = re.compile(r'(?:[^";]|"(?:\\.|[^"\\])*")+')
WEIGHT: Final = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


class Form(Enum):
    """A form of answer, by its media type as it is sent."""

    JSON = "application/json"
    RESPONSE = "application/graphql-response+json; charset=utf-8"
    EVENTS = "text/event-stream"
    PARTS = 'multipart/mixed; boundary="-"; subscriptionSpec="1.0"'


SINGLE: Final = (Form.JSON, Form.RESPONSE)
"""One answer; the first of equals where the client does not say."""
STREAMED: Final = (Form.EVENTS, Form.PARTS)
"""Any number of answers. No `*/*` asks for these: who does not name them could not read them."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The best form for one answer and for many, None where the client takes none; and which of the two it likes best.

    Clients name every form that they can read with each request, so a stream is preferred only where it comes first.
    """

    single: Form | None
    stream: Form | None
    prefers_stream: bool


@dataclass(frozen=True, slots=True)
class _Range:
    kind: str
    parameters: Mapping[str, str]
    weight: float
    position: int

    def specificity(self, form: Form) -> int:
        """Return how closely the range describes a form, 0 when it does not."""
        media_type = form.value.partition(";")[0]
        if self.parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
            return 0
        if form is Form.PARTS and self.parameters.get("subscriptionspec") != "1.0":
            return 0
        if self.kind == media_type:
            return 3
        if form in STREAMED:
            return 0
        return {"*/*": 1, "application/*": 2}.get(self.kind, 0)


@lru_cache(256)
def accepted(header: str | None) -> Accepted:
    """Read an `Accept` header; without one JSON is taken, as the oldest clients expect."""
    ranges = list(_ranges(header or "*/*"))
    single, stream = _best(SINGLE, ranges), _best(STREAMED, ranges)
    return Accepted(
        single=None if single is None else single[1],
        stream=None if stream is None else stream[1],
        prefers_stream=stream is not None and (single is None or stream[0] > single[0]),
    )


def _best(forms: tuple[Form, ...], ranges: list[_Range]) -> tuple[tuple[float, int], Form] | None:
    """Return the form with the highest weight, of several the one that is named first, and how much it is liked."""
    found: tuple[tuple[float, int], Form] | None = None
    for form in forms:
        liking = _liking(form, ranges)
        if liking[0] > 0 and (found is None or liking > found[0]):
            found = liking, form
    return found


def _liking(form: Form, ranges: list[_Range]) -> tuple[float, int]:
    """Return the weight that the closest range gives a form, and its place from the end."""
    _, weight, place = max(
        ((closeness, one.weight, -one.position) for one in ranges if (closeness := one.specificity(form))),
        default=(0, 0.0, 0),
    )
    return weight, place


def _ranges(header: str) -> Iterator[_Range]:
    """Yield what the header names; a weight that is none is not read."""
    for position, part in enumerate(PARTS.findall(header)):
        kind, *rest = [piece.strip() for piece in PARAMETERS.findall(part)] or [""]
        parameters = dict(parameter(piece) for piece in rest)
        weight = parameters.pop("q", "1")
        if WEIGHT.fullmatch(weight):
            yield _Range(kind.lower(), parameters, float(weight), position)


def parameter(text: str) -> tuple[str, str]:
    """Read a parameter of a media type, `name=value`; names and the values that matter here are in lower case."""
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"').lower()
