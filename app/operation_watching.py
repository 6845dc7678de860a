"""Watching one operation while it is run: its span, what it has done, and a record in the log when it was slow.

And for the time of a profile, whoever wants to know of all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from app.slow_operations import SLOW, Slow
from execution.prepared import Prepared
from maestro import effort, log_context
from maestro.effort import Effort
from maestro.spans import ACTIVE, Span, Value
from maestro.telemetry.values import OTHER
from resolvers.context import Context

MOST_CODES: Final = 10


@dataclass(frozen=True, slots=True)
class Ending:
    """How an operation has ended: what it is called, of which type it is, and what came of it."""

    name: str
    type: str
    sha256: str | None
    outcome: str
    codes: tuple[str, ...]

    @classmethod
    def of(cls, name: str, prepared: Prepared | None, chosen: str | None, *, outcome: str, errors: Any = ()) -> Self:
        """Gather it; nothing is told of a document that was never found to be good but its hash."""
        kind = prepared.kind(chosen) if prepared is not None and prepared.is_known_valid else None
        codes = sorted({str(error["extensions"].get("code", OTHER)) for error in errors})
        sha256 = None if prepared is None else prepared.sha256
        return cls(name, OTHER if kind is None else kind.value, sha256, outcome, tuple(codes[:MOST_CODES]))


class Watched:
    """One operation, from its making on in the task that makes it."""

    __slots__ = ("_before", "_ctx", "_effort", "_span", "_watch")

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._before = effort.current()
        self._watch = effort.watch()
        self._effort = self._before
        if self._before is None or not self._before.is_recording:
            self._effort = Effort() if ctx.runtime.settings.slow_operation or self._watch else None
            effort.begin(self._effort)
        log_context.act_for(ctx.viewer)
        self._span = None if ACTIVE.tracer is None else Span(ACTIVE.tracer, "operation", {})

    def leave(self) -> None:
        """Let what follows be no part of it."""
        if effort.current() is self._effort:
            effort.begin(self._before)
        if self._span is not None:
            self._span.leave()

    def tells(self, seconds: float | None) -> bool:
        """Say whether anybody wants to know how it has ended; without a time, as of subscriptions, nothing is slow."""
        return self._span is not None or self._watch is not None or self._is_slow(seconds)

    def _is_slow(self, seconds: float | None) -> bool:
        limit = self._ctx.runtime.settings.slow_operation
        return bool(limit) and seconds is not None and seconds >= limit.total_seconds()

    def ended(self, ending: Ending, *, seconds: float | None) -> None:
        """Tell how it has ended."""
        if self._span is not None:
            is_failed = ending.outcome not in ("data", "partial")
            failure = (*ending.codes, ending.outcome)[0] if is_failed else None
            self._span.end(self._attributes(ending), error=failure, name=f"{ending.type} {ending.name}")
        if self._effort is None or seconds is None:
            return
        if self._watch is not None and not self._effort.is_recording:
            self._watch.ended(ending.name, self._effort, seconds=seconds)
        if self._is_slow(seconds):
            SLOW.report(self._ctx.runtime.db, Slow(self._facts(ending, self._effort, seconds), self._effort.slowest))

    def _attributes(self, ending: Ending) -> dict[str, Value]:
        told: dict[str, Value] = {
            "graphql.operation.name": ending.name,
            "graphql.operation.type": ending.type,
            "maestro.operation.outcome": ending.outcome,
            "maestro.operation.cost": self._ctx.cost,
        }
        if ending.sha256 is not None:
            told["graphql.document.hash"] = ending.sha256
        if ending.codes:
            told["maestro.operation.error_codes"] = ",".join(ending.codes)
        return told

    def _facts(self, ending: Ending, done: Effort, seconds: float) -> Mapping[str, Any]:
        return {
            "name": ending.name,
            "type": ending.type,
            "documentSha256": ending.sha256,
            "outcome": ending.outcome,
            "errorCodes": list(ending.codes),
            "seconds": round(seconds, 4),
            "cost": self._ctx.cost,
            "statements": done.statements,
            "sqlSeconds": round(done.sql_seconds, 4),
            "loaders": {
                name: {"rounds": one.rounds, "keys": one.keys, "largest": one.largest}
                for name, one in done.loaders.items()
            },
        }
