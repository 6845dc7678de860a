"""One name for all that happens for a request: a trace id, as W3C Trace Context has it, carried by the context."""

import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

TRACEPARENT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""Version, trace id, the caller's own id, flags, and what versions to come may add. Nothing but zeros is no id."""

_current: Final[ContextVar[str | None]] = ContextVar("trace", default=None)


def current() -> str | None:
    """Return the trace id of what is being done, None outside of a request."""
    return _current.get()


def new_id() -> str:
    """Make a trace id."""
    return secrets.token_hex(16)


def id_in(traceparent: str | None) -> str | None:
    """Return the trace id in the value of a `traceparent` header, None when it is not one as it has to be."""
    found = None if traceparent is None else TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[1] == "00" and found[3]):
        return None
    return found[2]


def begin() -> None:
    """Give what is done in this task from now on a trace id of its own."""
    _current.set(new_id())


def go_on(traceparent: str | None) -> None:
    """Give what is done in this task from now on the trace id of another one, whatever that is, or one of its own."""
    _current.set(id_in(traceparent) or new_id())


@contextmanager
def traced(trace_id: str | None = None) -> Iterator[str]:
    """Give what is done in the block a trace id, the one of a caller or a new one.

    When the block fails the id stays, so that what the server below logs of the error has it as well.
    """
    chosen = trace_id or new_id()
    token = _current.set(chosen)
    yield chosen
    _current.reset(token)


def name_in_log_records() -> None:
    """Give every record of the log from now on a member `trace`, to stand in a line: the id in brackets, or nothing."""
    made = logging.getLogRecordFactory()

    def with_trace(*given: Any, **named: Any) -> logging.LogRecord:
        record = made(*given, **named)
        trace_id = _current.get()
        record.trace = "" if trace_id is None else f" [{trace_id}]"
        return record

    logging.setLogRecordFactory(with_trace)
