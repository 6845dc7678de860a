"""What goes wrong with MongoDB, as errors of ours, with the vendor's code."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from bson.errors import BSONError
from pymongo import errors as vendor

from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, Transient
from maestro.vendor_errors import ConnectorFailed, NotSupported, TimedOut

CODES: Final = "https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml"
DUPLICATE: Final = 11000
_DENIED: Final = frozenset({13, 18, 33, 8000})
_LATE: Final = frozenset({50, 202, 262})
_MISSING: Final = frozenset({26, 43})
_WRONG: Final = frozenset({2, 4, 5, 9, 14, 15, 16, 22, 40, 52, 54, 57, 96, 16410, 17287, 31249, 40323, 40324, 40415})
_UNKNOWN: Final = frozenset({59, 72, 115, 238, 303, 40573})
_PASSING: Final = frozenset(
    {6, 7, 89, 91, 112, 189, 216, 246, 251, 262, 317, 358, 9001, 10107, 11600, 11602, 13435, 13436}
)
_LABELS: Final = ("RetryableWriteError", "TransientTransactionError", "RetryableError")
_SHOWN: Final = 300


@contextmanager
def translated(what: str, *, timeout_s: float | None = None) -> Iterator[None]:
    """Turn what the vendor's library raises during a block into errors of ours, which name `what`."""
    try:
        yield
    except vendor.PyMongoError as error:
        raise _translated(what, error, timeout_s) from error
    except TimeoutError:
        raise _late(what, timeout_s) from None
    except (BSONError, OverflowError) as error:
        raise _unfit(what, error) from error


def _translated(what: str, error: vendor.PyMongoError, timeout_s: float | None) -> MaestroError:
    match error:
        case vendor.BulkWriteError():
            return _of_bulk(what, error)
        case vendor.OperationFailure():
            return _answered(what, error, timeout_s)
        case vendor.DocumentTooLarge():
            return _unfit(what, error)
        case vendor.ConfigurationError():
            return ConnectorFailed(
                f"The settings lead to no MongoDB: {_short(error)}.", hint="Look at its host, and at `isSrv`."
            )
        case vendor.ConnectionFailure():
            return Transient(
                f"MongoDB cannot be reached, or breaks off, with {what}.",
                hint="Look whether host, port and TLS are right, and whether it can be reached from this server.",
                vendorCode=type(error).__name__,
            )
    return ConnectorFailed(f"MongoDB cannot do this with {what}: {_short(error)}.", vendorCode=type(error).__name__)


def _unfit(what: str, error: Exception) -> InvalidInput:
    return InvalidInput(f"MongoDB cannot hold this for {what}: {_short(error)}.")


def _answered(what: str, error: vendor.OperationFailure, timeout_s: float | None) -> MaestroError:
    code = error.code or 0
    told = _told(error)
    named = {"vendorCode": _name(error)}
    kinds: tuple[tuple[frozenset[int], type[MaestroError], str], ...] = (
        (_MISSING, NotFound, f"There is no {what}"),
        (_WRONG, InvalidInput, f"MongoDB does not understand {what}: {told}"),
        (_UNKNOWN, NotSupported, f"This server of MongoDB cannot do {what}: {told}"),
    )
    if code in _DENIED:
        hint = "Look at the user, its password and its roles, and at the database it belongs to (`authSource`)."
        return Forbidden(f"MongoDB refuses {what}: {told}.", hint=hint, **named)
    if code == DUPLICATE:
        return Conflict(f"A document with this key is there already, for {what}: {told}.", **named)
    for codes, kind, message in kinds:
        if code in codes:
            return kind(f"{message}.", **named)
    if code in _LATE:
        return _late(what, timeout_s, vendorCode=_name(error))
    if code in _PASSING or any(error.has_error_label(label) for label in _LABELS):
        return Transient(f"MongoDB cannot do this now with {what}: {told}.", **named)
    return ConnectorFailed(f"MongoDB cannot do this with {what}: {told}.", **named)


def _of_bulk(what: str, error: vendor.BulkWriteError) -> MaestroError:
    """Return the error of many writes: which of them was not done, and how many were."""
    found: Mapping[str, Any] = error.details or {}
    failures = found.get("writeErrors", [])
    done = {
        name: found.get(f"n{name.title()}", 0) for name in ("inserted", "matched", "modified", "removed", "upserted")
    }
    places = [failure.get("index") for failure in failures]
    told = _short(failures[0].get("errmsg", "")) if failures else _short(error)
    details: dict[str, Any] = {
        "vendorCode": str(failures[0].get("code")) if failures else None,
        "failed": places[:100],
        "done": done,
    }
    if failures and all(failure.get("code") == DUPLICATE for failure in failures):
        return Conflict(f"A document with this key is there already, for {what}: {told}.", **details)
    return ConnectorFailed(f"MongoDB has not done all of {what}: {told}.", **details)


def _late(what: str, timeout_s: float | None, **details: str) -> TimedOut:
    return TimedOut(
        f"MongoDB has not answered {what} in time, and was stopped.",
        hint="Ask for less, add an index that fits, or allow more time.",
        timeoutSeconds=timeout_s,
        **details,
    )


def _told(error: vendor.OperationFailure) -> str:
    found = error.details or {}
    return _short(found.get("errmsg") or error)


def _name(error: vendor.OperationFailure) -> str:
    found = error.details or {}
    return str(found.get("codeName") or error.code or type(error).__name__)


def _short(told: object) -> str:
    return str(told)[:_SHOWN].rstrip(".")
