"""What goes wrong with Google Cloud Storage, as errors of ours, with the vendor's reason and the request's id."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson
from aiohttp import ClientConnectorCertificateError, ClientConnectorSSLError, ClientResponseError
from aiohttp import ClientError as LineError

from maestro.errors import Forbidden, MaestroError, NotFound, StoreFailed, Transient
from maestro.vendor_errors import NotSupported

MISSING: Final = 404
GONE: Final = 410
CONFLICT: Final = 409
CHANGED: Final = 412
"""The status when what a request assumes of an object, a bucket or a policy is not so any more."""
BEYOND: Final = 416
"""The status for a range that begins behind the end."""
LINE_ERRORS: Final = (LineError, TimeoutError, asyncio.TimeoutError)
"""What says that the line to the server has failed, once what it has answered is taken out."""
LONGEST: Final = 300
"""So many characters of what the service says are passed on."""
_DENIED: Final = frozenset({401, 403})
_BUSY: Final = frozenset({408, CHANGED, 425, 429, 500, 502, 503, 504})
_NOT_THERE: Final = frozenset({405, 501})
_TOO_MUCH: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
_DAMAGED: Final = re.compile(r"(doesn't|does not|didn't) match", re.IGNORECASE)
_NO_BUCKET: Final = re.compile(r"bucket does not exist", re.IGNORECASE)
_PAYER: Final = re.compile(r"requester pays", re.IGNORECASE)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what the library raises during a block into errors of ours, which name `what`."""
    try:
        yield
    except ClientResponseError as error:
        forget_headers(error)
        raise _answered(what, error) from error
    except (ClientConnectorCertificateError, ClientConnectorSSLError) as error:
        raise StoreFailed(
            "The certificate of the store is not to be trusted.",
            hint="Look at the address, and whether the authority that has signed the certificate is known here.",
            vendorCode=type(error).__name__,
        ) from error
    except LINE_ERRORS as error:
        raise Transient(
            f"The store cannot be reached, or breaks off, with {what}.",
            hint="Look whether its address is right, and whether it can be reached from this server.",
            vendorCode=type(error).__name__,
        ) from error
    except ValueError as error:
        raise StoreFailed(
            f"The store cannot be asked for {what}: {str(error)[:LONGEST]}", vendorCode=type(error).__name__
        ) from error


def forget_headers(error: ClientResponseError) -> None:
    """Take the headers that were sent out of an error: they hold the token, and errors are written down."""
    nothing: Any = {}
    error.request_info = error.request_info._replace(headers=nothing)
    error.args = (error.request_info, error.history)


def said(error: ClientResponseError) -> tuple[str, str]:
    """Return the vendor's reason, or the status where it gives none, and what it says."""
    body = error.message.partition(": ")[2].strip()
    try:
        told = orjson.loads(body)["error"]
        reasons = [one["reason"] for one in told.get("errors", ()) if one.get("reason")]
        return str((reasons or [told.get("status") or error.status])[0]), str(told.get("message", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        code = re.search(r"<Code>(\w+)</Code>", body)
        return code[1] if code else str(error.status), re.sub(r"<[^>]*>", " ", body).strip()


def request_id(error: ClientResponseError) -> str | None:
    """Return the service's id of the request, by which Google finds it."""
    return None if error.headers is None else error.headers.get("x-guploader-uploadid")


def _answered(what: str, error: ClientResponseError) -> MaestroError:
    code, message = said(error)
    details: dict[str, Any] = {"vendorCode": code, "requestId": request_id(error)}
    told = f"{what} ({code}): {message[:LONGEST]}" if message else f"{what} ({code})."
    if error.status in (MISSING, GONE):
        if _NO_BUCKET.search(message):
            return NotFound("There is no such bucket.", hint="Make it, or correct its name in the settings.", **details)
        return NotFound(f"There is no {what} in the store.", **details)
    if error.status in _BUSY or code in _TOO_MUCH or _DAMAGED.search(message):
        return Transient(f"The store cannot do this now with {told}", **details)
    if error.status in _DENIED:
        hint = "Look which roles the service account has in the bucket, and whether its key was withdrawn."
        return Forbidden(f"The store refuses {told}", hint=hint, **details)
    if error.status in _NOT_THERE:
        return NotSupported(f"This server cannot do this with {told}", **details)
    payer = "Name the project that pays in the connector's settings." if _PAYER.search(message) else None
    return StoreFailed(f"The store cannot do this with {told}", hint=payer, **details)


def json_of(content: bytes | str) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    try:
        found = orjson.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
