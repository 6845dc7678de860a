"""Batches of what a run logs: params, tags and points, checked before anything is written."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from maestro.clock import now
from maestro.errors import InvalidInput, PayloadTooLarge
from maestro.points import PointColumns, PointError
from maestro.series_names import SeriesName
from resolvers import params, validation
from resolvers.context import Context

MOST_POINTS: Final = 20_000
MOST_SERIES: Final = 1_000
MOST_PAIRS: Final = 20
LONGEST_KEY: Final = 250
LONGEST_WRITER: Final = 200
_COLUMNS: Final = ("steps", "values", "timestamps_ms")


class Logged(NamedTuple):
    """Points of one series in a batch."""

    name: SeriesName
    points: PointColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch that may be written; `digest` identifies its content, `size` is how many points were sent."""

    ctx: Context
    run_id: UUID
    writer_id: str
    seq: int
    params: list[params.ParamValue]
    tags: dict[str, str]
    metrics: list[Logged]
    size: int
    digest: bytes

    @property
    def key(self) -> tuple[UUID, str, int]:
        """What a batch is known by when it comes again."""
        return self.run_id, self.writer_id, self.seq


def checked(ctx: Context, run_id: UUID, given: Mapping[str, Any]) -> Batch:
    """Read a batch.

    `given` has `writer_id`, `seq`, the mappings `params` and `tags`, and `metrics`, a list of mappings with `key`,
    `context` (a mapping), `steps`, `values` and, if known, `timestamps_ms`. InvalidInput that names the first bad
    value, PayloadTooLarge with the limit.
    """
    metrics: Sequence[Mapping[str, Any]] = given.get("metrics") or ()
    size = _size(metrics)
    if given["seq"] < 0:
        raise InvalidInput(f"seq is {given['seq']}.", field="seq", hint="Count a writer's batches from 0.")
    now_ms = int(now().timestamp() * 1000)
    return Batch(
        ctx=ctx,
        run_id=run_id,
        writer_id=_writer(given["writer_id"]),
        seq=given["seq"],
        params=params.checked(given.get("params") or {}),
        tags=validation.tags(given.get("tags") or {}),
        metrics=[_logged(metric, f"metrics[{i}]", now_ms) for i, metric in enumerate(metrics)],
        size=size,
        digest=_digest(given),
    )


def _size(metrics: Sequence[Mapping[str, Any]]) -> int:
    if len(metrics) > MOST_SERIES:
        raise PayloadTooLarge(
            f"{len(metrics):,} series; a batch has at most {MOST_SERIES:,}.",
            field="metrics",
            limit=MOST_SERIES,
            hint="Send several batches, each with a seq of its own.",
        )
    size = sum(len(metric["steps"]) for metric in metrics)
    if size > MOST_POINTS:
        raise PayloadTooLarge(
            f"{size:,} points; a batch has at most {MOST_POINTS:,}.",
            field="metrics",
            limit=MOST_POINTS,
            hint="Send several batches, each with a seq of its own.",
        )
    return size


def _writer(writer_id: str) -> str:
    if not writer_id.strip():
        raise InvalidInput(
            "writerId is empty.", field="writerId", hint="Give each process that logs a name of its own, like a UUID."
        )
    return validation.text(writer_id, field="writerId", limit=LONGEST_WRITER)


def _logged(metric: Mapping[str, Any], path: str, now_ms: int) -> Logged:
    name = SeriesName.of(_key(metric["key"], f"{path}.key"), _context(metric.get("context") or {}, f"{path}.context"))
    steps, values, timestamps_ms = (metric.get(column) for column in _COLUMNS)
    try:
        return Logged(name, PointColumns.parse(steps or [], values or [], timestamps_ms, now_ms=now_ms))
    except PointError as error:
        field = f"{path}.{error.details['field']}[{error.index}]"
        raise InvalidInput(f"{path}.{error.message}", field=field, hint=error.hint) from None


def _key(key: str, field: str) -> str:
    if not key.strip():
        raise InvalidInput(f"{field} is empty.", field=field, hint="Name the metric, like `loss` or `val/accuracy`.")
    return _without(validation.text(key, field=field, limit=LONGEST_KEY), "{}", field)


def _context(context: Mapping[str, str], field: str) -> dict[str, str]:
    if len(context) > MOST_PAIRS:
        raise PayloadTooLarge(
            f"{field} has {len(context)} pairs; at most {MOST_PAIRS} are allowed.", field=field, limit=MOST_PAIRS
        )
    return {
        _key(_without(name, "=,", field), field).strip(): _without(
            validation.text(value, field=field, limit=LONGEST_KEY), "{},", field
        ).strip()
        for name, value in context.items()
    }


def _without(text: str, forbidden: str, field: str) -> str:
    """Return a text that can stand in the name of a series, like `accuracy{split=val}`."""
    found = next((char for char in forbidden if char in text), None)
    if found is not None:
        raise InvalidInput(
            f"{field} holds {found!r}, which has a meaning in the names of series.", field=field, hint="Leave it out."
        )
    return text


def _digest(given: Mapping[str, Any]) -> bytes:
    """Identify what was sent: the same batch sent again has the same digest, whenever that is."""
    content = [given.get("params"), given.get("tags"), given.get("metrics")]
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
