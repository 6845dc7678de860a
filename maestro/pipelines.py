"""Pipelines of MongoDB as JSON: what in them writes or runs scripts is found wherever it stands, before any is sent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from maestro.errors import Forbidden, InvalidInput

MOST_STAGES: Final = 1_000
"""As many as MongoDB takes."""
WRITING: Final = frozenset({"$out", "$merge"})
SCRIPTS: Final = frozenset({"$where", "$function", "$accumulator"})
"""Operators that hold JavaScript, which the server of the database runs."""


def require_allowed(pipeline: Sequence[Any], *, field: str, is_writing: bool) -> None:
    """Raise Forbidden for what a pipeline may not do, InvalidInput for what is none; `field` is where that stands.

    JavaScript is never allowed, stages that write where `is_writing` says so: as the last stage, and nowhere else.
    """
    if len(pipeline) > MOST_STAGES:
        raise InvalidInput(f"A pipeline has at most {MOST_STAGES:,} stages.", field=field, limit=MOST_STAGES)
    for number, stage in enumerate(pipeline):
        _require_stage(stage, field=f"{field}.{number}")
    last = f"{field}.{len(pipeline) - 1}."
    for place, name in names_in(pipeline, field):
        if name in SCRIPTS:
            raise Forbidden(
                f"{place} holds JavaScript, which no pipeline runs here.",
                hint="Say it by operators, such as $expr, $reduce or $switch.",
                field=place,
            )
        if name in WRITING and not is_writing:
            raise Forbidden(
                f"{place} writes, and only reading is allowed here.",
                hint="Leave it out, or pass `allowWrites`, which takes CONNECTOR_MANAGE.",
                field=place,
            )
        if name in WRITING and place != last + name:
            raise InvalidInput(f"{place} has to be the last stage of all.", field=place)


def names_in(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield where each name that begins with a dollar stands, and the name, at any depth, in their order."""
    match value:
        case Mapping():
            for name, inner in value.items():
                inside = f"{place}.{name}"
                if name.startswith("$"):
                    yield inside, name
                yield from names_in(inner, inside)
        case list() | tuple():
            for number, inner in enumerate(value):
                yield from names_in(inner, f"{place}.{number}")


def _require_stage(stage: Any, *, field: str) -> None:
    if not isinstance(stage, Mapping) or len(stage) != 1 or not next(iter(stage)).startswith("$"):
        raise InvalidInput(
            f"{field} is no stage.", field=field, hint='A stage is an object with one member, like {"$match": {}}.'
        )
