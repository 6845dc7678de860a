"""Counting operations, whatever transport they come by: what came of each, how long it took, and what it cost."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from app.operation_watching import Ending, Watched
from execution.prepared import Prepared
from maestro.requests import OperationRequest
from maestro.telemetry import graphql as families
from maestro.telemetry.names import OPERATION_NAMES
from maestro.telemetry.values import OTHER
from resolvers.context import Context
from schema.pricing import price_of

KEPT_ANSWER: Final = "kept_answer"
ROOTS: Final = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}


class CountedOperation:
    """One operation while it is answered, as a block; what is told by `answered` is counted at its end.

    A subscription is counted with its first answer, and each of its answers as an event.
    """

    __slots__ = ("_answer", "_asked", "_began", "_ctx", "_is_lasting", "_watched", "_way")

    def __init__(self, ctx: Context, asked: object) -> None:
        self._ctx, self._asked = ctx, asked
        self._answer: Mapping[str, Any] | None = None
        self._is_lasting = False
        self._way: str | None = None
        self._began = time.perf_counter()

    def __enter__(self) -> Self:
        families.IN_FLIGHT.add(1)
        self._watched = Watched(self._ctx)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watched.leave()
        if self._is_lasting:
            return
        families.IN_FLIGHT.add(-1)
        if self._answer is not None:
            self._counted(self._answer)
        elif isinstance(error, asyncio.CancelledError | GeneratorExit):
            families.OPERATIONS.add((self._name(), "cancelled"))
            self._ended("cancelled", seconds=time.perf_counter() - self._began)

    def answered(self, answer: Mapping[str, Any], *, way: str | None = None) -> None:
        """Take note of the answer, and of the way on which it was found if that was not by running the operation."""
        self._answer, self._way = answer, way

    def told(self, answer: Mapping[str, Any], *, is_lasting: bool) -> None:
        """Take note of an answer on a WebSocket."""
        if is_lasting:
            self.sent(answer, "websocket")
        else:
            self.answered(answer)

    def sent(self, answer: Mapping[str, Any], transport: str) -> None:
        """Take note of one of the answers of a subscription, which is in flight no more."""
        if "data" in answer:
            families.EVENTS.add((transport,))
        if not self._is_lasting:
            self._is_lasting = True
            families.IN_FLIGHT.add(-1)
            self._counted(answer)

    def _counted(self, answer: Mapping[str, Any]) -> None:
        name, errors = self._name(), answer.get("errors") or ()
        has_data = "data" in answer
        outcome = ("partial" if errors else "data") if has_data else "error"
        seconds = None if self._is_lasting else time.perf_counter() - self._began
        families.OPERATIONS.add((name, outcome))
        if seconds is not None:
            families.DURATION.observe(seconds, (name,))
        for error in errors:
            families.ERRORS.add((str(error["extensions"].get("code", OTHER)),))
        if not has_data and errors:
            told = errors[0]["extensions"]
            families.REFUSALS.add((str(told.get("code", OTHER)), str(told.get("measure", ""))))
        self._counted_ways(has_data=has_data, answer=answer)
        self._ended(outcome, seconds=seconds, errors=errors)

    def _ended(self, outcome: str, *, seconds: float | None, errors: Sequence[Any] = ()) -> None:
        if not self._watched.tells(seconds):
            return
        prepared = self._ctx.prepared
        chosen = None if prepared is None else self._chosen(prepared)
        ending = Ending.of(self._name(), prepared, chosen, outcome=outcome, errors=errors)
        self._watched.ended(ending, seconds=seconds)

    def _counted_ways(self, *, has_data: bool, answer: Mapping[str, Any]) -> None:
        ctx, prepared = self._ctx, self._ctx.prepared
        if prepared is None or not prepared.is_known_valid:
            return
        families.PATHS.add((self._way or ("known_document" if prepared.answers else "new_document"),))
        prepared.answers += 1
        kind = "registered" if ctx.document is not None else "automatic" if ctx.left is not None else "text"
        families.DOCUMENTS.add((kind,))
        if not ctx.cost:
            return
        families.COST.observe(ctx.cost)
        self._counted_fields(prepared, ctx.cost)
        if has_data and (cost := (answer.get("extensions") or {}).get("cost")):
            families.ACTUAL.add((), cost["actual"])

    def _counted_fields(self, prepared: Prepared, cost: int) -> None:
        chosen = self._chosen(prepared)
        fields = prepared.fact(("counted", chosen), lambda: _root_fields(prepared, chosen))
        for field in fields:
            families.ROOT_FIELDS.add(field)
            families.ROOT_COST.add(field, cost / len(fields))

    def _name(self) -> str:
        prepared = self._ctx.prepared
        if prepared is None or not prepared.is_known_valid:
            return OTHER
        chosen = self._chosen(prepared)
        if chosen is None and isinstance(self._asked, OperationRequest) and self._asked.operation_name is not None:
            return OTHER
        return OPERATION_NAMES.label(chosen, is_registered=self._ctx.document is not None)

    def _chosen(self, prepared: Prepared) -> str | None:
        """Return the name of the operation that was meant, as it stands in the document."""
        names = prepared.fact("names", lambda: _names(prepared))
        if not isinstance(self._asked, OperationRequest) or self._asked.operation_name is None:
            return names[0] if len(names) == 1 else None
        return self._asked.operation_name if self._asked.operation_name in names else None


def _names(prepared: Prepared) -> tuple[str | None, ...]:
    return tuple(None if node.name is None else node.name.value for node in prepared.operations)


def _root_fields(prepared: Prepared, name: str | None) -> tuple[tuple[str, str], ...]:
    kind = prepared.kind(name)
    root = "" if kind is None else ROOTS[kind.value]
    return tuple((root, field) for field in price_of(prepared, name).fields.values())
