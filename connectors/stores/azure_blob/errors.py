"""What goes wrong with Azure Blob Storage, as errors of ours, with the vendor's code and the request's id."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiohttp import ClientError as LineError
from azure.core import exceptions as vendor

from maestro.errors import Forbidden, MaestroError, NotFound, StoreFailed, Transient
from maestro.vendor_errors import NotSupported

MISSING: Final = 404
BEYOND: Final = 416
"""The status for a range that begins behind the end."""
CHANGED: Final = 412
BLOCKS_GONE: Final = "InvalidBlockList"
"""The code for a list of blocks of which some are not there any more."""
_REFUSED: Final = frozenset({401, 403})
_UNABLE: Final = 501
_BUSY: Final = frozenset({408, CHANGED, 429, 500, 502, 503, 504})
_PASSING: Final = frozenset(
    {"Md5Mismatch", "Crc64Mismatch", "ContainerBeingDeleted", BLOCKS_GONE, "PendingCopyOperation"}
)
_DENIED: Final = frozenset({"PublicAccessNotPermitted", "InvalidAuthenticationInfo", "AuthenticationFailed"})
_NO_CONTAINER: Final = frozenset({"ContainerNotFound", "ContainerDisabled"})
_UNSUPPORTED: Final = frozenset(
    {
        "BlobAccessTierNotSupportedForAccountType",
        "BlobTierInadequateForContentLength",
        "CannotChangeToLowerTier",
        "FeatureNotEnabled",
        "FeatureVersionMismatch",
        "InvalidBlobTier",
        "InvalidBlobType",
        "UnsupportedHeader",
        "UnsupportedHttpVerb",
        "UnsupportedQueryParameter",
    }
)
_HINTS: Final = {
    "BlobArchived": "It lies in the tier Archive, where nothing can be read. Move it to Hot, Cool or Cold, which takes "
    "up to 15 hours, and try again then.",
    "BlobBeingRehydrated": "It is on its way out of the tier Archive, which takes up to 15 hours. Try again then.",
    "SnapshotsPresent": "It has snapshots, which were made by somebody else. Remove them first.",
    "LeaseIdMissing": "Somebody holds a lease on it. Wait until they release it, or break the lease.",
    "InvalidBlobOrBlock": "Another program has left parts of another kind under this name. Azure removes them a week "
    "after the last of them; to be rid of them now, store any small object there and delete it.",
    "BlobImmutableDueToPolicy": "A policy of the container or of the account protects it from change.",
}
_SECRET: Final = re.compile(r"\bsig=[^&\s\"']+", re.IGNORECASE)
_SHOWN: Final = 200


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what the vendor's library raises during a block into errors of ours, which name `what`."""
    try:
        yield
    except vendor.HttpResponseError as error:
        raise _answered(what, error) from _shown(error)
    except (vendor.AzureError, LineError, TimeoutError) as error:
        raise _unreached(what, error) from _shown(error)
    except ValueError as error:
        raise StoreFailed(
            f"The store cannot be asked for {what}: {_plain(error)}", vendorCode=type(error).__name__
        ) from None


def code_of(error: vendor.HttpResponseError) -> str:
    """Return the vendor's word for what is wrong, empty when it has none."""
    code = getattr(error, "error_code", None)
    if code is None and error.response is not None:
        code = _header(error, "x-ms-error-code")
    return str(getattr(code, "value", code or ""))


def _header(error: vendor.HttpResponseError, name: str) -> str | None:
    response: Any = error.response
    found: str | None = response.headers.get(name)
    return found


def is_line_error(error: vendor.AzureError) -> bool:
    """Say whether the line to the server has failed, and nothing of what was asked."""
    return not isinstance(error, vendor.HttpResponseError) or error.response is None or error.status_code in {200, 206}


def _unreached(what: str, error: Exception) -> MaestroError:
    causes = {type(cause) for cause in _causes(error)}
    if any(issubclass(cause, ssl.SSLError) for cause in causes):
        return StoreFailed(
            "The certificate of the store is not to be trusted.",
            hint="Look at the address, and whether the authority that has signed the certificate is known here.",
            vendorCode="SSLError",
        )
    return Transient(
        f"The store cannot be reached, or breaks off, with {what}.",
        hint="Look whether the name of the account and its address are right, and whether it can be reached from here.",
        vendorCode=type(error).__name__,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _answered(what: str, error: vendor.HttpResponseError) -> MaestroError:
    if isinstance(error, vendor.ClientAuthenticationError) and error.response is None:
        return Forbidden(
            "The account's key is none: it is not Base64.",
            hint="Copy the key of the storage account again, all of it.",
            vendorCode=type(error).__name__,
        )
    if error.response is None or is_line_error(error):
        return _unreached(what, error)
    code, status = code_of(error), int(error.status_code or 0)
    details: dict[str, Any] = {
        "vendorCode": code or str(status),
        "requestId": _header(error, "x-ms-request-id") or None,
    }
    if code in _HINTS:
        return StoreFailed(f"The store cannot do this with {what} ({code}).", hint=_HINTS[code], **details)
    if code in _NO_CONTAINER:
        return NotFound("There is no such container.", hint="Make it, or correct its name in the settings.", **details)
    if status == MISSING:
        return NotFound(f"There is no {what} in the store.", **details)
    return _judged(f"{what} ({code or status})", status, error, details=details)


def _judged(what: str, status: int, error: vendor.HttpResponseError, *, details: dict[str, Any]) -> MaestroError:
    code = code_of(error)
    if status in _REFUSED or code in _DENIED:
        hint = "Check the key or the shared access signature, when it expires and what it permits, and this clock."
        return Forbidden(f"The store refuses {what}.", hint=hint, **details)
    if status == _UNABLE or code in _UNSUPPORTED:
        return NotSupported(f"This account cannot do this with {what}.", **details)
    if status in _BUSY or code in _PASSING:
        return Transient(f"The store cannot do this now with {what}.", **details)
    return StoreFailed(f"The store cannot do this with {what}: {_plain(error)}", **details)


def _shown(error: Exception) -> Exception | None:
    """Return an error as the cause of ours, unless it holds a signature, which would be in the log then."""
    return None if _SECRET.search(str(error)) else error


def _plain(error: Exception) -> str:
    """Return the first line of what an error says, without any signature."""
    lines = str(error).splitlines() or [type(error).__name__]
    return _SECRET.sub("sig=…", lines[0])[:_SHOWN]
