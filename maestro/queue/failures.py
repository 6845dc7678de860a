"""Errors of jobs as plain values, as they are kept, and those values as errors again."""

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson

from maestro.db.patience import is_away
from maestro.errors import MaestroError, Unavailable

logger = logging.getLogger(__name__)

MASKED = "Something went wrong in the worker; its log tells what."


def failure_of(error: Exception) -> dict[str, Any]:
    """Return an error as plain values; what nobody has expected is logged, and masked."""
    if not isinstance(error, MaestroError):
        if is_away(error):
            error = Unavailable("The database does not answer.")
        else:
            logger.error("Unexpected error of a job", exc_info=error)
            error = MaestroError(MASKED)
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": plain(error.details),
        "isRetryable": error.is_retryable,
    }


def error_of(failure: Mapping[str, Any]) -> MaestroError:
    """Return the error that plain values were made of, as one of its class."""
    known = _classes().get(failure["code"], MaestroError)
    # Not by its constructor: some classes take other arguments.
    error = known.__new__(known)
    MaestroError.__init__(error, failure["message"], hint=failure["hint"], **failure["details"])
    return error


def plain(value: Any) -> Any:
    """Return a value as JSON has it, the same whether it comes from a step that has just run or from what was kept."""
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))


@cache
def _classes() -> dict[str, type[MaestroError]]:
    return {one.code: one for one in _below(MaestroError)}


def _below(parent: type[MaestroError]) -> Iterator[type[MaestroError]]:
    for child in parent.__subclasses__():
        yield from _below(child)
        yield child
