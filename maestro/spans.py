"""Spans of traces, as places that are traced see them; nothing of OpenTelemetry is known, or loaded, unless it is on.

A place asks `ACTIVE.tracer` first: while that is None, which it is unless an endpoint is set, nothing else is done.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Protocol

from maestro import tracing

Value = str | int | float | bool
Attributes = Mapping[str, Value]


class SpanKind(StrEnum):
    """What a span stands for: something answered, something asked of others, or work of one's own."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    INTERNAL = "INTERNAL"
    CONSUMER = "CONSUMER"


class Opened(Protocol):
    """A span as the tracer keeps it."""

    def end(self, attributes: Attributes, *, error: str | None, name: str | None) -> None:
        """End it, under another name where that is known only now."""
        ...

    @property
    def traceparent(self) -> str:
        """Its name for others, as W3C Trace Context has it."""
        ...


class Tracer(Protocol):
    """Whoever makes spans."""

    def open(
        self, name: str, attributes: Attributes, *, kind: SpanKind, parent: "Opened | str | None", link: str | None
    ) -> Opened:
        """Begin a span below another one, or below what a `traceparent` names; linked to what another one names."""
        ...


class Active:
    """The tracer of this process; None while nothing is traced."""

    __slots__ = ("tracer",)

    def __init__(self) -> None:
        self.tracer: Tracer | None = None


ACTIVE: Final = Active()
ERROR: Final = "error.type"
"""What a block that is traced puts among its facts where it has failed without raising: a code."""
NAME: Final = "name"
"""The same for the name of the span, where that is known only at its end."""
_current: Final[ContextVar[Opened | None]] = ContextVar("span", default=None)


class Span:
    """What is done from its making to its end; what is begun meanwhile in the same task, or by it, is below it."""

    __slots__ = ("_before", "_found", "_is_over", "_opened")

    def __init__(
        self,
        tracer: Tracer,
        name: str,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: str | None = None,
        link: str | None = None,
    ) -> None:
        self._before = _current.get()
        self._opened = tracer.open(name, attributes, kind=kind, parent=parent or self._before, link=link)
        self._found: dict[str, Any] = {}
        self._is_over = False
        _current.set(self._opened)

    def __enter__(self) -> dict[str, Any]:
        return self._found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure, name = self._found.pop(ERROR, None), self._found.pop(NAME, None)
        self.end(self._found, error=failure if error is None else name_of(error), name=name)

    def leave(self) -> None:
        """Let what follows be no part of it; it is not told of unless it is ended as well."""
        # Not by a token: generators may be closed in another context than the one they began in.
        if _current.get() is self._opened:
            _current.set(self._before)

    def end(self, attributes: Attributes | None = None, *, error: str | None = None, name: str | None = None) -> None:
        """End it once, with what is known by now; `error` is a code, or the name of a class, and never a message."""
        self.leave()
        if not self._is_over:
            self._is_over = True
            self._opened.end(attributes or {}, error=error, name=name)


@contextmanager
def spanned(
    name: str,
    attributes: Attributes,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str | None = None,
    link: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Trace a block, if anything is traced; what is put into the dictionary is told at the end.

    An error is told by its code or class, never by its message.
    """
    if ACTIVE.tracer is None:
        yield {}
        return
    with Span(ACTIVE.tracer, name, attributes, kind=kind, parent=parent, link=link) as found:
        yield found


def name_of(error: BaseException) -> str:
    """Return what an error is called in a span: its code, or its class."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__qualname__


def handed_on() -> str | None:
    """Return the `traceparent` of what is being done, for processes that go on with it; None where it has no trace.

    While nothing is traced it still names the trace, so that the log of those has its id.
    """
    opened = _current.get()
    if opened is not None:
        return opened.traceparent
    trace_id = tracing.current()
    return None if trace_id is None else f"00-{trace_id}-{secrets.token_hex(8)}-00"


_TABLE: Final = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?\"?([A-Za-z_][\w.]*)", re.IGNORECASE)


@lru_cache(maxsize=2048)
def statement_name(sql: str) -> tuple[str, str | None]:
    """Return the first word of a statement and the first table that it names, None when it names none."""
    verb = sql.split(None, 1)[0].upper() if sql.strip() else ""
    found = _TABLE.search(sql)
    return verb, None if found is None else found[1]
