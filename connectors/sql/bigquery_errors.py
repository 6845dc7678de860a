"""What goes wrong with BigQuery, as errors of ours, with its reason and the id of the job."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from google.api_core import exceptions as vendor
from google.auth import exceptions as signing
from pyarrow import ArrowException

from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, PayloadTooLarge, Transient
from maestro.vendor_errors import Cancelled, ConnectorFailed, NotSupported, TimedOut

_PLACE: Final = re.compile(r" at \[(\d+):(\d+)\]")
_LONGEST: Final = 500
"""Most characters of the vendor's own message."""
_ROLES: Final = "Give the service account the roles that the connector's page lists."
_KINDS: Final[dict[str, tuple[type[MaestroError], str | None]]] = {
    "accessDenied": (Forbidden, _ROLES),
    "authError": (Forbidden, "Look whether the key of the service account is still one."),
    "billingNotEnabled": (Forbidden, "Let the project have a billing account."),
    "required": (Forbidden, "Look whether the key of the service account is still one."),
    "notFound": (NotFound, "Look at the name, the project and the location."),
    "duplicate": (Conflict, None),
    "resourceInUse": (Conflict, None),
    "invalid": (InvalidInput, None),
    "invalidQuery": (InvalidInput, None),
    "bytesBilledLimitExceeded": (
        PayloadTooLarge,
        "Let the statement read less, by partitions or columns, or raise maximumGibibytesBilled of the connector.",
    ),
    "quotaExceeded": (ConnectorFailed, "Wait for the quota to be filled again, or let the project have a larger one."),
    "resourcesExceeded": (ConnectorFailed, "Let the statement do less at a time."),
    "responseTooLarge": (ConnectorFailed, "Write the result to a table, and read that."),
    "notImplemented": (NotSupported, None),
    "stopped": (Cancelled, None),
    "timeout": (TimedOut, "Give it more time, or read less."),
    "rateLimitExceeded": (Transient, None),
    "jobRateLimitExceeded": (Transient, None),
    "backendError": (Transient, None),
    "internalError": (Transient, None),
    "jobBackendError": (Transient, None),
    "jobInternalError": (Transient, None),
    "tableUnavailable": (Transient, None),
}
_STATUSES: Final = {
    400: "invalid",
    401: "authError",
    403: "accessDenied",
    404: "notFound",
    409: "duplicate",
    429: "rateLimitExceeded",
    500: "internalError",
    501: "notImplemented",
    502: "backendError",
    503: "backendError",
    504: "backendError",
}
_LINE: Final = (OSError, vendor.RetryError, signing.TransportError)
"""What says that the line to the vendor has failed; errors of the library `requests` are OSErrors."""


@contextmanager
def translated(what: str, *, statement: str = "", job: str | None = None) -> Iterator[None]:
    """Turn what the vendor's library raises during a block into errors of ours; `what` names what was tried."""
    try:
        yield
    except vendor.GoogleAPICallError as error:
        raise _answered(what, error, statement=statement, job=job) from error
    except _LINE as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, vendor.GoogleAPICallError):
            raise _answered(what, cause, statement=statement, job=job) from error
        raise Transient(
            f"BigQuery cannot be reached, or breaks off, {what}.",
            hint="Look whether its address can be reached from this server.",
            vendorCode=type(cause or error).__name__,
            requestId=job,
        ) from error
    except signing.GoogleAuthError as error:
        raise Forbidden(
            "Google does not sign the service account in.",
            hint="Look whether its key is still one, and at the clock of this machine.",
            vendorCode=type(error).__name__,
        ) from error
    except (ArrowException, ValueError, OverflowError, TypeError) as error:
        raise InvalidInput(f"A value does not fit, {what}: {str(error)[:_LONGEST]}", requestId=job) from error


def _answered(what: str, error: vendor.GoogleAPICallError, *, statement: str, job: str | None) -> MaestroError:
    first: dict[str, Any] = next((one for one in error.errors if isinstance(one, dict)), {})
    status = int(error.code or 0)
    reason = str(first.get("reason") or _STATUSES.get(status, status))
    told = " ".join(str(first.get("message") or error.message).split())[:_LONGEST]
    kind, hint = _KINDS.get(reason) or _KINDS.get(_STATUSES.get(status, ""), (ConnectorFailed, None))
    details = {"vendorCode": reason, "requestId": job}
    if kind is InvalidInput:
        return InvalidInput(f"BigQuery answers, {what}: {told}", position=_position(told, statement), **details)
    return kind(f"BigQuery answers, {what}: {told}", hint=hint, **details)


def _position(told: str, statement: str) -> int | None:
    """Return at which character of a statement the vendor found something, from 1 on."""
    found = _PLACE.search(told)
    if found is None or not statement:
        return None
    before = statement.split("\n")[: int(found[1]) - 1]
    return sum(len(line) + 1 for line in before) + int(found[2])
